/// What the graph of an imported ONNX network looks like: no reshape, no transpose, names of the file.
import Foundation
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletImporters

private func operations(_ writer: ONNXWriter) throws -> [String] {
    try ONNXImporter(parsing: writer.model, file: "m.onnx").graph.nodes.map { "\($0.name): \($0.operation.name)" }
}

@Test func aChannelShuffleOfThreeOperatorsIsOneNode() throws {
    var writer = ONNXWriter()
    writer.constant("w", [4, 3, 1, 1])
    writer.node("Conv", ["image", "w"], ["a"], name: "conv")
    writer.shape("apart", [0, 2, 2, 8, 8])
    writer.shape("together", [0, -1, 8, 8])
    writer.node("Reshape", ["a", "apart"], ["b"], name: "r1")
    writer.node(
        "Transpose", ["b"], ["c"], name: "t", attributes: ONNXWriter.attribute("perm", [0, 2, 1, 3, 4]))
    writer.node("Reshape", ["c", "together"], ["scores"], name: "r2")
    #expect(try operations(writer) == ["conv: convolution", "r2: channel shuffle"])
}

@Test func changesOfLayoutThatCancelLeaveNothing() throws {
    var writer = ONNXWriter()
    writer.inputSizes = [1, 8, 8, 3]
    writer.node("Transpose", ["image"], ["a"], name: "t1", attributes: ONNXWriter.attribute("perm", [0, 3, 1, 2]))
    writer.constant("w", [4, 3, 1, 1])
    writer.node("Conv", ["a", "w"], ["b"], name: "conv")
    writer.node("Transpose", ["b"], ["c"], name: "t2", attributes: ONNXWriter.attribute("perm", [0, 2, 3, 1]))
    writer.node("Relu", ["c"], ["d"], name: "relu")
    writer.node("Transpose", ["d"], ["scores"], name: "t3", attributes: ONNXWriter.attribute("perm", [0, 3, 1, 2]))
    #expect(try operations(writer) == ["conv: convolution", "relu: relu"])
}

@Test func paddingGoesIntoTheConvolutionBehindIt() throws {
    var writer = ONNXWriter()
    writer.shape("around", [0, 0, 0, 1, 0, 0, 2, 1])
    writer.node("Pad", ["image", "around"], ["a"], name: "pad")
    writer.constant("w", [4, 3, 3, 3])
    writer.node(
        "Conv", ["a", "w"], ["scores"], name: "conv", attributes: ONNXWriter.attribute("strides", [2, 2]))
    let graph = try ONNXImporter(parsing: writer.model, file: "m.onnx").graph
    let window = Window(
        kernel: Extent(3), stride: Extent(2), padding: Padding(top: 0, left: 1, bottom: 2, right: 1))
    #expect(graph.nodes.map(\.operation) == [.convolution(Convolution(outputChannels: 4, window: window))])
}

/// He et al. 2016, section 3.3, option A, as PyTorch exports it.
@Test func aShortcutOfSlicesAndZeroChannelsIsOneConvolution() throws {
    var writer = ONNXWriter()
    for (axis, input, output) in [(2, "image", "a"), (3, "a", "b")] {
        for (name, value) in [("start", 0), ("end", Int.max), ("axis", axis), ("step", 2)] {
            writer.shape("\(name)\(axis)", [value])
        }
        let names = ["start", "end", "axis", "step"].map { "\($0)\(axis)" }
        writer.node("Slice", [input] + names, [output], name: "slice\(axis)")
    }
    writer.shape("around", [0, 1, 0, 0, 0, 2, 0, 0])
    writer.node("Pad", ["b", "around"], ["scores"], name: "pad")
    let graph = try ONNXImporter(parsing: writer.model, file: "m.onnx").graph
    let window = Window(kernel: .one, stride: Extent(2))
    #expect(graph.nodes.map(\.operation) == [.convolution(Convolution(outputChannels: 6, window: window))])
    #expect(graph.parameters["pad.weight"]?.values == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
}

@Test func aProductWithItsOwnSigmoidIsSwish() throws {
    var writer = ONNXWriter()
    writer.node("Sigmoid", ["image"], ["a"], name: "sigmoid")
    writer.node("Mul", ["a", "image"], ["scores"], name: "mul")
    #expect(try operations(writer) == ["mul: swish"])
}

/// Each output channel of the weights has a scale; the map's zero is the smallest integer, so that a ReLU before it is gone.
@Test func aNetworkThatSaysWhatItWillRoundIsTakenOverAsFloat() throws {
    var writer = ONNXWriter()
    writer.shape("q", [1, -2, 3])
    writer.shape("shape", [3, 1, 1, 1])
    writer.constants.append(ONNXWriter.tensor("scales", [3], [0.5, 0.25, 2]))
    writer.constant("step", [])
    writer.node("Reshape", ["q", "shape"], ["q4"], name: "reshape")
    writer.node(
        "DequantizeLinear", ["q4", "scales"], ["w"], name: "weights", attributes: ONNXWriter.attribute("axis", 0))
    writer.node("Conv", ["image", "w"], ["a"], name: "conv", attributes: ONNXWriter.attribute("group", 3))
    writer.node("QuantizeLinear", ["a", "step"], ["b"], name: "round")
    writer.node("DequantizeLinear", ["b", "step"], ["scores"], name: "back")
    let graph = try ONNXImporter(parsing: writer.model, file: "m.onnx").graph
    #expect(graph.nodes.map(\.name) == ["conv", "round"] && graph.nodes[1].operation == .activation(.relu))
    #expect(graph.parameters["conv.weight"]?.values == [0.5, -0.5, 6])
}

@Test func aGateOfOnePixelIsOneProduct() throws {
    var writer = ONNXWriter()
    writer.constant("w", [3, 3, 1, 1])
    writer.node("GlobalAveragePool", ["image"], ["a"], name: "squeeze")
    writer.node("Conv", ["a", "w"], ["b"], name: "excite")
    writer.node("HardSigmoid", ["b"], ["c"], name: "gate")
    writer.node("Mul", ["c", "image"], ["scores"], name: "scale")
    #expect(
        try operations(writer) == [
            "squeeze: global average pool", "excite: convolution", "gate: hardSigmoid(slope: 0.2, offset: 0.5)",
            "scale: multiply",
        ])
}

@Test func aClassifiersPicturesAreWhatTheUserSays() throws {
    let importer = try ONNXImporter(parsing: ONNXWriter.classifier.model, file: "nets/m.onnx")
    #expect(throws: ImportError.self) { try importer.network(PreprocessingChoice(), classNames: nil) }
    var choice = PreprocessingChoice()
    choice.mean = [127.5, 127.5, 127.5]
    choice.deviation = [64, 64, 64]
    let network = try importer.network(choice, classNames: ["a", "b", "c", "d"])
    #expect(network.architectureText == "m.onnx")
    #expect(network.preprocessing.mean == choice.mean && network.classNames.count == 4)
    #expect(throws: ImportError.badPreprocessing("nets/m.onnx has 4 classes, 1 names are given")) {
        try importer.network(choice, classNames: ["a"])
    }
}

@Test func namesOfNodesAreUniqueAndPrintable() throws {
    var writer = ONNXWriter()
    writer.node("Relu", ["image"], ["a"], name: "relu\n")
    writer.node("Relu", ["a"], ["b"], name: "relu\n")
    writer.node("Relu", ["b"], ["scores"], name: "")
    #expect(try operations(writer) == [#"relu\n: relu"#, #"relu\n_2: relu"#, "scores: relu"])
}

@Test func theArticleNamesEveryOperator() throws {
    let article = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Sources/SwiftletImporters/SwiftletImporters.docc/SwiftletImporters.md")
    let text = try String(contentsOf: article, encoding: .utf8)
    for operation in ONNXOperator.allCases {
        #expect(text.contains("`\(operation.rawValue)`"), "\(operation.rawValue)")
    }
}
