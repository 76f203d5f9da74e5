/// Named tensors from a file of any program: safetensors, or what `torch.save` writes.
///
/// What it does not do: know what the tensors are for; `WeightImporter` does.
import SwiftletFiles
import SwiftletGraph
import SwiftletTraining

public struct WeightFile: Sendable {
    public let path: String
    public let tensors: [String: Tensor]
    /// What the file says of itself; PyTorch's files say nothing.
    public let metadata: [String: String]

    /// - Throws: `FileError`, `SafetensorsError`, `ImportError`.
    public init(contentsOf path: String) throws {
        try self.init(parsing: readFile(path), file: path)
    }

    /// Told apart by the first bytes, not by the name.
    ///
    /// - Parameter file: what errors call it.
    public init(parsing bytes: [UInt8], file: String) throws {
        path = file
        if ZipArchive.isZip(bytes) || TorchFile.isPickle(bytes) {
            tensors = try TorchFile.read(bytes, file: file)
            metadata = [:]
        } else if let format = Self.networkFormat(of: bytes) {
            throw ImportError.badFile(file: file, reason: "it is \(format)")
        } else {
            let safetensors = try Safetensors(parsing: bytes, file: file)
            tensors = safetensors.tensors
            metadata = safetensors.metadata
        }
    }

    /// What a file of a whole network is, by its first bytes, and what to do with it.
    private static func networkFormat(of bytes: [UInt8]) -> String? {
        if ONNXFile.isONNX(bytes) { return "an ONNX model, which holds its network: leave out --architecture" }
        guard bytes.count > 8, Array(bytes[4..<8]) == Array("TFL3".utf8) else { return nil }
        return "a .tflite model, which holds its network: leave out --architecture"
    }
}
