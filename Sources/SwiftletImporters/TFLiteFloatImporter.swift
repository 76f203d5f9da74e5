/// Takes over a float network from a `.tflite` file: its operators and its weights, in full or half precision, and what the user
/// says about pictures.
///
/// The names of layers are those of the tensors that they make. A last softmax is left out, as everywhere else.
/// What it does not do: networks of int8; `TFLiteImporter` takes those over.
import SwiftletGraph

public struct TFLiteFloatImporter {
    private let path: String
    /// The network with its parameters, all finite.
    public let graph: Graph

    /// - Parameters:
    ///   - source: what `TFLiteFile` has read.
    ///   - file: what errors call it.
    /// - Throws: `ImportError`.
    public init(_ source: TFLiteGraph, file: String) throws {
        path = file
        graph = try importedGraph(file) { try TFLiteFloatTranslator.translate(source) }
    }

    /// - Parameters:
    ///   - choice: what the user says about pictures.
    ///   - classNames: one a class; nil for "class 0" and so on.
    /// - Throws: `ImportError` when the output is no scores of classes, or mean and deviation are not given.
    public func network(_ choice: PreprocessingChoice, classNames: [String]?) throws -> ImportedNetwork {
        try ImportedNetwork(graph, choice, classNames: classNames, file: path)
    }
}
