/// ONNX files: read, and made ready for conversion where they are small.
///
/// What it does not do: look at values in files beside the model; a model of bytes has no folder.
import SwiftletGraph
import SwiftletImporters
import SwiftletQuantizer
import TestSupport

extension FuzzTarget {
    static let onnx = FuzzTarget(
        "onnx", byteLimit: 4096,
        words: [
            "Conv", "Gemm", "MatMul", "BatchNormalization", "MaxPool", "AveragePool", "ReduceMean", "Clip", "Sigmoid",
            "Mul", "Concat", "Split", "Slice", "Gather", "Pad", "Reshape", "Transpose", "Flatten", "Squeeze",
            "Unsqueeze", "Constant", "ConstantOfShape", "Shape", "Cast", "Softmax", "auto_pad", "SAME_LOWER", "pads",
            "strides", "dilations", "group", "kernel_shape", "ceil_mode", "count_include_pad", "axis", "axes", "perm",
            "location",
        ], seeds: ONNXSeeds.models
    ) { bytes in
        let importer = try ONNXImporter(parsing: bytes, file: "m.onnx")
        let channels = importer.graph.inputShape.channels
        var choice = PreprocessingChoice()
        choice.mean = Array(repeating: 127.5, count: channels)
        choice.deviation = Array(repeating: 64, count: channels)
        let network = try importer.network(choice, classNames: nil)
        let parameters = network.graph.parameters.values.reduce(0) { $0 + $1.elementCount }
        if parameters < 1 << 17 { _ = try network.graph.preparedForQuantization(network.preprocessing) }
    }
}

/// Small networks that use the importer's ways of reading between them.
enum ONNXSeeds {
    @Sendable
    static func models() throws -> [[UInt8]] {
        [ONNXWriter.classifier, shuffled, cut, folded].map(\.model)
    }

    /// A convolution whose channels are shuffled, normalized and clipped.
    private static var shuffled: ONNXWriter {
        var writer = ONNXWriter()
        writer.constant("w", [4, 3, 3, 3])
        writer.shape("around", [0, 0, 1, 1, 0, 0, 1, 1])
        writer.node("Pad", ["image", "around"], ["p"], name: "pad")
        writer.node("Conv", ["p", "w"], ["a"], name: "conv", attributes: ONNXWriter.attribute("strides", [2, 2]))
        writer.constant("c", [4])
        writer.node("BatchNormalization", ["a", "c", "c", "c", "c"], ["b"], name: "norm")
        writer.shape("apart", [0, 2, 2, 4, 4])
        writer.shape("together", [0, -1, 4, 4])
        writer.node("Reshape", ["b", "apart"], ["r"], name: "r1")
        writer.node("Transpose", ["r"], ["t"], name: "t", attributes: ONNXWriter.attribute("perm", [0, 2, 1, 3, 4]))
        writer.node("Reshape", ["t", "together"], ["s"], name: "r2")
        writer.constant("low", [], repeating: 0)
        writer.constant("high", [], repeating: 6)
        writer.node("Clip", ["s", "low", "high"], ["k"], name: "clip")
        writer.node("ReduceMean", ["k"], ["scores"], name: "mean", attributes: ONNXWriter.attribute("axes", [2, 3]))
        return writer
    }

    /// Halves of channels, every other row, pools.
    private static var cut: ONNXWriter {
        var writer = ONNXWriter()
        writer.constant("w", [4, 3, 1, 1])
        writer.node("Conv", ["image", "w"], ["a"], name: "conv")
        writer.node("Split", ["a"], ["b", "c"], name: "split", attributes: ONNXWriter.attribute("axis", 1))
        writer.node("Concat", ["c", "b"], ["d"], name: "concat", attributes: ONNXWriter.attribute("axis", 1))
        for (name, value) in [("start", 1), ("end", 100), ("axis", 2), ("step", 2)] { writer.shape(name, [value]) }
        writer.node("Slice", ["d", "start", "end", "axis", "step"], ["e"], name: "slice")
        let kernel = ONNXWriter.attribute("kernel_shape", [2, 2])
        writer.node("MaxPool", ["e"], ["f"], name: "max", attributes: kernel)
        writer.node(
            "AveragePool", ["f"], ["g"], name: "average",
            attributes: kernel + ONNXWriter.attribute("pads", [1, 1, 0, 0])
                + ONNXWriter.attribute("count_include_pad", 1))
        writer.node("Sigmoid", ["g"], ["h"], name: "sigmoid")
        writer.node("Mul", ["g", "h"], ["i"], name: "swish")
        writer.node("Add", ["i", "g"], ["j"], name: "add")
        writer.node("GlobalAveragePool", ["j"], ["scores"], name: "mean")
        return writer
    }

    /// A vector by way of sizes that are computed, a matrix that is transposed.
    private static var folded: ONNXWriter {
        var writer = ONNXWriter()
        writer.inputSizes = [1, 3, 4, 4]
        writer.node("Shape", ["image"], ["sizes"], name: "sizes")
        writer.shape("zero", [0])
        writer.shape("rest", [-1])
        writer.node("Gather", ["sizes", "zero"], ["batch"], name: "batch")
        writer.node("Concat", ["batch", "rest"], ["flat"], name: "flat", attributes: ONNXWriter.attribute("axis", 0))
        writer.node("Reshape", ["image", "flat"], ["a"], name: "reshape")
        writer.constant("w", [4, 48])
        writer.node("Transpose", ["w"], ["m"], name: "transpose")
        writer.node("MatMul", ["a", "m"], ["b"], name: "product")
        writer.constant("c", [4])
        writer.node("Add", ["b", "c"], ["d"], name: "bias")
        writer.node("Softmax", ["d"], ["scores"], name: "softmax", attributes: ONNXWriter.attribute("axis", -1))
        return writer
    }
}
