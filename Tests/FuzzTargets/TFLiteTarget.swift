/// TensorFlow Lite files: read, translated and, when they are small, converted or made ready for it.
///
/// What it does not do: run what comes out; a network may ask for any number of multiplications, and that is no defect.
import Foundation
import SwiftletConverter
import SwiftletGraph
import SwiftletImporters
import SwiftletQuantizer

extension FuzzTarget {
    static let tflite = FuzzTarget(
        "tflite", byteLimit: 4096, words: ["TFL3"], seeds: TFLiteSeeds.tflite
    ) { bytes in
        let source = try TFLiteFile.graph(parsing: bytes, file: "network.tflite")
        guard !source.isFloat else { return try takeOverFloats(source) }
        let graph = try TFLiteTranslator.translate(source)
        guard graph.values.reduce(0, { $0 + min($1.shape.elementCount, 1 << 20) }) < 1 << 12 else { return }
        _ = try Converter.convert(graph)
    }

    private static func takeOverFloats(_ source: TFLiteGraph) throws {
        let importer = try TFLiteFloatImporter(source, file: "network.tflite")
        let (channels, output) = (importer.graph.inputShape.channels, importer.graph.outputShape)
        guard [1, 3].contains(channels), output.height == 1, output.width == 1 else { return }
        var choice = PreprocessingChoice()
        choice.mean = Array(repeating: 127.5, count: channels)
        choice.deviation = Array(repeating: 64, count: channels)
        let network = try importer.network(choice, classNames: nil)
        let parameters = network.graph.parameters.values.reduce(0) { $0 + $1.elementCount }
        if parameters < 1 << 17 { _ = try network.graph.preparedForQuantization(network.preprocessing) }
    }
}
