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
            throw ImportError.badFile(
                file: file,
                reason: "it is \(format), which holds a network and is not read; save the weights alone as safetensors")
        } else {
            let safetensors = try Safetensors(parsing: bytes, file: file)
            tensors = safetensors.tensors
            metadata = safetensors.metadata
        }
    }

    /// What a file of a whole network is, by its first bytes: a flatbuffer's identifier, or the tag of ONNX's first field (its
    /// version, a small number). Safetensors begin with a length whose upper bytes are 0.
    private static func networkFormat(of bytes: [UInt8]) -> String? {
        guard bytes.count > 8 else { return nil }
        if Array(bytes[4..<8]) == Array("TFL3".utf8) { return "a .tflite model" }
        return bytes[0] == 0x08 && (1...32).contains(bytes[1]) && bytes[4..<8].contains { $0 != 0 }
            ? "an ONNX model" : nil
    }
}
