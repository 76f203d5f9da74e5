/// Whole networks of other programs: ONNX and TensorFlow Lite files, read, translated and, when they are small, converted.
///
/// What it does not do: run what comes out; a network may ask for any number of multiplications, and that is no defect.
import Foundation
import SwiftletConverter
import SwiftletGraph
import SwiftletImporters
import SwiftletQuantizer

extension FuzzTarget {
    static let onnx = FuzzTarget(
        "onnx", byteLimit: 4096,
        words: [
            "Conv", "Gemm", "MatMul", "Add", "Mul", "Relu", "Clip", "Concat", "Split", "Slice", "Reshape", "Flatten",
            "Transpose", "Pad", "MaxPool", "AveragePool", "GlobalAveragePool", "BatchNormalization", "Softmax",
            "Squeeze", "Unsqueeze", "Shape", "Gather", "ReduceMean", "Constant", "kernel_shape", "strides", "pads",
            "dilations", "group", "axis", "axes", "auto_pad", "SAME_UPPER", "ceil_mode", "epsilon",
        ], seeds: NetworkSeeds.onnx
    ) { bytes in
        let importer = try ONNXImporter(parsing: bytes, file: "network.onnx")
        var choice = PreprocessingChoice()
        choice.mean = [0, 0, 0]
        choice.deviation = [255, 255, 255]
        _ = try importer.network(choice, classNames: nil)
    }

    static let tflite = FuzzTarget(
        "tflite", byteLimit: 4096, words: ["TFL3"], seeds: NetworkSeeds.tflite
    ) { bytes in
        let graph = try TFLiteTranslator.translate(TFLiteFile.graph(parsing: bytes, file: "network.tflite"))
        guard graph.values.reduce(0, { $0 + min($1.shape.elementCount, 1 << 20) }) < 1 << 12 else { return }
        _ = try Converter.convert(graph)
    }
}
