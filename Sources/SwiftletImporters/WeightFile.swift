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
        } else {
            let safetensors = try Safetensors(parsing: bytes, file: file)
            tensors = safetensors.tensors
            metadata = safetensors.metadata
        }
    }
}
