/// A float network that another program has built, with what the user says about pictures.
///
/// What it does not do: read files, or train what has been read.
import SwiftletGraph
import SwiftletTraining

public struct ImportedNetwork: TrainedNetwork {
    public let graph: Graph
    public let classNames: [String]
    public let preprocessing: Preprocessing
    public let architectureText: String
    public var trainingData: String? { nil }

    /// - Parameters:
    ///   - classNames: one a class; nil for "class 0" and so on.
    ///   - file: where it comes from; reports and errors name it.
    /// - Throws: `ImportError` when the output is no scores of classes, or mean and deviation are not given.
    init(_ graph: Graph, _ choice: PreprocessingChoice, classNames: [String]?, file: String) throws {
        let output = graph.outputShape
        guard output.height == 1, output.width == 1 else {
            throw ImportError.unsupported(
                file: file, problems: ["its output is a map of \(output), a classifier's is one number a class"])
        }
        if let classNames, classNames.count != output.channels {
            throw ImportError.badPreprocessing(
                "\(file) has \(output.channels) classes, \(classNames.count) names are given")
        }
        self.graph = graph
        self.classNames = classNames ?? (0..<output.channels).map { "class \($0)" }
        preprocessing = try .merged(choice, nil, file: file, input: graph.inputShape)
        architectureText = file.split(separator: "/").last.map(String.init) ?? file
    }
}
