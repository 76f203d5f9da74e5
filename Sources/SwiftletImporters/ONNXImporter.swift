/// Takes over a float network from an ONNX file: its operators, its weights, and what the user says about pictures.
///
/// The names of layers are those of the file's nodes. Maps become rows x columns x channels; a last softmax is left out, as
/// everywhere else.
/// What it does not do: take over quantized networks, or train what it has read.
import SwiftletFiles
import SwiftletGraph

public struct ONNXImporter {
    private let path: String
    /// The network with its parameters, all finite.
    public let graph: Graph

    /// Whether a file is taken for ONNX, by its first bytes.
    public static func isONNX(_ bytes: [UInt8]) -> Bool { ONNXFile.isONNX(bytes) }

    /// Values that the model keeps in files beside it are read too.
    ///
    /// - Throws: `FileError`, `ImportError`.
    public init(contentsOf path: String) throws {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try self.init(parsing: readFile(path), folder: folder, file: path)
    }

    /// Any bytes give a network or an error.
    ///
    /// - Parameters:
    ///   - folder: where files of external data lie; nil if nowhere.
    ///   - file: what errors call it.
    /// - Throws: `ImportError`.
    public init(parsing bytes: [UInt8], folder: String? = nil, file: String) throws {
        path = file
        let source = try ONNXFile(parsing: bytes, folder: folder, file: file)
        graph = try importedGraph(file) { try ONNXTranslator.translate(source) }
    }

    /// - Parameters:
    ///   - choice: what the user says about pictures.
    ///   - classNames: one a class; nil for "class 0" and so on.
    /// - Throws: `ImportError` when the output is no scores of classes, or mean and deviation are not given.
    public func network(_ choice: PreprocessingChoice, classNames: [String]?) throws -> ImportedNetwork {
        try ImportedNetwork(graph, choice, classNames: classNames, file: path)
    }
}
