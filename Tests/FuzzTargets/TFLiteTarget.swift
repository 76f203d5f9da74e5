/// TensorFlow Lite files: read, translated and, when they are small, converted.
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
        let graph = try TFLiteTranslator.translate(TFLiteFile.graph(parsing: bytes, file: "network.tflite"))
        guard graph.values.reduce(0, { $0 + min($1.shape.elementCount, 1 << 20) }) < 1 << 12 else { return }
        _ = try Converter.convert(graph)
    }
}
