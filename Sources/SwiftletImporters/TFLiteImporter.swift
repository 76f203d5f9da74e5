/// Takes over an int8 network from a `.tflite` file, with the integers that it computes with: the output has the bytes of TensorFlow
/// Lite's reference interpreter.
///
/// What it does not do: float networks; `TFLiteFloatImporter` takes those over.
import SwiftletConverter
import SwiftletGraph
import SwiftletPlanner
import SwiftletQuantizer

public struct TFLiteImporter {
    private let path: String
    public let graph: QuantizedGraph

    /// - Parameters:
    ///   - source: what `TFLiteFile` has read.
    ///   - file: what errors call it.
    /// - Throws: `ImportError`, `ConversionError`.
    public init(_ source: TFLiteGraph, file: String) throws {
        path = file
        let problems = TFLiteTranslator.problems(of: source)
        guard problems.isEmpty else { throw ImportError.unsupported(file: file, problems: problems) }
        do {
            graph = try TFLiteTranslator.translate(source)
        } catch let error as TFLiteError {
            throw ImportError.unsupported(file: file, problems: ["\(error)"])
        }
    }

    /// The model, which takes pictures.
    ///
    /// - Parameters:
    ///   - choice: what the user says about pictures. Without a mean and a deviation a picture's bytes are the network's input as
    ///     they are, which is what quantized inputs are made for.
    ///   - classNames: one a class; nil for "class 0" and so on.
    ///   - arrangement: how it lies in memory; any gives the same output.
    /// - Throws: `ImportError` when the input is no picture or the names do not fit, `ConversionError`, `PlanError`.
    public func model(
        _ choice: PreprocessingChoice, classNames: [String]?, arrangement: Arrangement = Arrangement()
    ) throws -> ConvertedModel {
        let (input, output) = (graph.values[graph.inputs[0]], graph.values[graph.outputs[0]])
        if let classNames, classNames.count != output.shape.elementCount {
            throw ImportError.badPreprocessing(
                "\(path) has \(output.shape.elementCount) classes, \(classNames.count) names are given")
        }
        let names = classNames ?? (0..<output.shape.elementCount).map { "class \($0)" }
        var choice = choice
        let (scale, zeroPoint) = (input.quantization.scale, Float(input.quantization.zeroPoint))
        choice.mean = choice.mean ?? Array(repeating: 128 + zeroPoint, count: input.shape.channels)
        choice.deviation = choice.deviation ?? Array(repeating: 1 / scale, count: input.shape.channels)
        let preprocessing = try Preprocessing.merged(choice, nil, file: path, input: input.shape)
        var named = graph
        named.name = path.split(separator: "/").last.map(String.init) ?? path
        return try Converter.convert(named, classNames: names, preprocessing: preprocessing, arrangement: arrangement)
    }
}
