/// Weights that an ONNX file keeps in a file beside it, as PyTorch's exporter does by default.
///
/// Keys: https://github.com/onnx/onnx/blob/main/docs/ExternalData.md.
/// What it does not do: leave the model's folder.
import SwiftletFiles

final class ONNXExternalData {
    private let folder: String?
    private var files: [String: [UInt8]] = [:]

    /// - Parameter folder: where the model lies; nil for a model that was never a file.
    init(folder: String?) { self.folder = folder }

    /// - Parameters:
    ///   - entries: "location", and optionally "offset" and "length".
    ///   - count: how many bytes the tensor needs.
    /// - Throws: `Refusal` that names the file.
    func read(_ entries: [String: String], count: Int) throws -> [UInt8] {
        let location = entries["location"] ?? ""
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard let folder, !location.isEmpty, !parts.contains(""), !parts.contains(".."), !location.contains("\0") else {
            throw Refusal(
                "its values lie in the file '\(location)', which is not beside the model; save the model with all of its "
                    + "data inside")
        }
        let file = try file(location, in: folder)
        let offset = entries["offset"].map { Int($0) ?? -1 } ?? 0
        let length = entries["length"].map { Int($0) ?? -1 } ?? count
        guard offset >= 0, length == count, offset <= file.count, count <= file.count - offset else {
            throw Refusal(
                "its \(count) bytes are not at offset \(offset) (length \(length)) of '\(location)', which has "
                    + "\(file.count) bytes; export the model again")
        }
        return Array(file[offset..<(offset + count)])
    }

    private func file(_ location: String, in folder: String) throws -> [UInt8] {
        if let bytes = files[location] { return bytes }
        do {
            let bytes = try readFile("\(folder)/\(location)")
            files[location] = bytes
            return bytes
        } catch {
            throw Refusal("\(error); the model needs it beside itself")
        }
    }
}
