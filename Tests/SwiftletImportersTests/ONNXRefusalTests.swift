/// What the ONNX importer refuses, and how: one line with node, operator and the way out, whatever the bytes are.
import Foundation
import SwiftletGraph
import SwiftletImporters
import TestSupport
import Testing

private func message(_ bytes: [UInt8]) -> String {
    do {
        _ = try ONNXImporter(parsing: bytes, file: "m.onnx")
        return "accepted"
    } catch {
        return "\(error)"
    }
}

@Test func allThatStandsInTheWayOfANetworkIsNamedAtOnce() {
    var writer = ONNXWriter()
    writer.constant("w", [4, 3, 1, 1])
    writer.node("Conv", ["image", "w"], ["a"], name: "stem")
    writer.node("Mish", ["a"], ["b"], name: "mish")
    writer.node("Mish", ["a"], ["e"], name: "second mish")
    writer.node("Conv", ["b", "w"], ["c"], name: "depends on mish")
    writer.node("ConvTranspose", ["a"], ["d"], name: "up")
    writer.node("FusedConv", ["a"], ["scores"], name: "fused", domain: "com.microsoft")
    #expect(
        message(writer.model)
            == "m.onnx cannot be imported: node mish (Mish, opset 17) and 1 more: known activations are Relu, Clip, LeakyRelu, "
            + "PRelu, Elu, Sigmoid, Tanh, HardSigmoid, HardSwish and x * Sigmoid(x); train with one of them; node up (ConvTranspose, opset 17): maps grow by Resize "
            + "only; train with that and a convolution; node fused (FusedConv, of com.microsoft): operators of other makers are not known; "
            + "export with ONNX's own only")
}

@Test func aQuantizedNetworkIsSentBackForTheFloatOne() {
    var writer = ONNXWriter()
    writer.node("QLinearConv", ["image"], ["scores"], name: "conv")
    #expect(
        message(writer.model).hasSuffix("the network is quantized already; give the float network that it came from"))
}

@Test func aCycleIsRefusedAtTheNodeThatReadsTooEarly() {
    var writer = ONNXWriter()
    writer.node("Relu", ["b"], ["a"], name: "first")
    writer.node("Relu", ["a"], ["b"], name: "second")
    writer.node("Relu", ["scores"], ["scores"], name: "own tail")
    let text = message(writer.model)
    #expect(text.contains("node first (Relu, opset 17): it reads 'b', which no node before it makes"), "\(text)")
    #expect(text.contains("node own tail (Relu, opset 17): it reads 'scores'"), "\(text)")
}

@Test func aRefusedNodeGivesTheNumbers() {
    var cases: [(ONNXWriter, String)] = []
    func add(_ expected: String, _ change: (inout ONNXWriter) -> Void) {
        var writer = ONNXWriter.classifier
        change(&writer)
        cases.append((writer, expected))
    }
    add("its opset is 5, known are 7 to 23") { $0.opset = 5 }
    add("its input 'image' is a batch of 8; export it with a batch of 1") { $0.inputSizes[0] = 8 }
    add(#"its input 'image' has the sizes ["1", "3", "0", "8"]; export it with fixed ones"#) { $0.inputSizes[2] = 0 }
    add("is larger than 67108864 elements") { $0.inputSizes = [1, 3, 65_535, 65_535] }
    add("it has 2 outputs ('scores', 'mean'), a classifier has one") { $0.outputs.append("mean") }
    add("its output 'nothing' does not depend on its input") { $0.outputs = ["nothing"] }
    add("its weight [4, 3, 1, 1] in 1 groups is not for 5 input channels") { $0.inputSizes[1] = 5 }
    add("node pool (GlobalAveragePool, opset 17): it makes 'features' a second time") {
        $0.nodes[1] = []
        $0.node("GlobalAveragePool", ["features"], ["features"], name: "pool")
    }
    add("the sizes [1, 4, 8, 8] and [1, 3, 8, 8] do not go together") {
        $0.node("Mul", ["features", "image"], ["product"], name: "gate")
    }
    for (mode, expected) in [
        ("mirror", "its mode is 'mirror'; known are constant, reflect, edge and wrap"),
        ("reflect", "it puts 9 and 0 around 8"),
        ("edge", "channels are padded with zeros only"),
        ("constant", "it pads with inf; a max pool's own padding does that"),
    ] {
        add(expected) {
            $0.shape("around", [0, mode == "edge" ? 1 : 0, 9, 0, 0, 0, 0, 0])
            $0.constant("fill", [], repeating: .infinity)
            $0.node(
                "Pad", ["features", "around", "fill"], ["p"], name: "pad",
                attributes: ONNXWriter.attribute("mode", mode))
        }
    }
    for (attribute, value, expected) in [
        ("mode", "cubic", "its mode is 'cubic'; known are nearest and linear"),
        ("coordinate_transformation_mode", "tf_crop_and_resize", "its coordinates are 'tf_crop_and_resize'; known are"),
        (
            "keep_aspect_ratio_policy", "not_larger",
            "it keeps the aspect ratio; export it with the sizes that come of it"
        ),
        ("nearest_mode", "simple", "its nearest_mode is 'simple', which ONNX does not know"),
        ("mode", "nearest", "it makes [2, 4, 16, 16] of [1, 4, 8, 8]; known is resizing rows and columns"),
    ] {
        add(expected) {
            $0.shape("target", [2, 4, 16, 16])
            $0.node(
                "Resize", ["features", "", "", "target"], ["p"], name: "resize",
                attributes: ONNXWriter.attribute(attribute, value))
        }
    }
    add("its size 0 is not one from 1 to 65535") { $0.node("LRN", ["features"], ["p"], name: "lrn") }
    add("it makes [1, 4, 9, 8] of [1, 4, 8, 8]; known is one row, column or channel for many") {
        $0.shape("target", [1, 4, 9, 8])
        $0.node("Expand", ["features", "target"], ["p"], name: "expand")
    }
    add("its parts [3, 3] of 8 are not one for each of 2 outputs") {
        $0.shape("parts", [3, 3])
        $0.node(
            "Split", ["features", "parts"], ["p", "q"], name: "split", attributes: ONNXWriter.attribute("axis", 2))
    }
    add("its pads [-1, 0, 0, 0] are not four numbers from 0 to 65535") {
        $0.node(
            "MaxPool", ["features"], ["p"], name: "pool2",
            attributes: ONNXWriter.attribute("kernel_shape", [2, 2]) + ONNXWriter.attribute("pads", [-1, 0, 0, 0]))
    }
    add("it reads a softmax, which is known as the last operator only") {
        $0.node("Softmax", ["scores"], ["likely"], name: "softmax")
        $0.node("Relu", ["likely"], ["late"], name: "relu")
    }
    add("its shape [-1, -1] leaves two sizes open") {
        $0.shape("s", [-1, -1])
        $0.node("Reshape", ["features", "s"], ["r"], name: "reshape")
    }
    add("it makes a constant of sizes [1000000, 1000000], which is too large") {
        $0.shape("s", [1_000_000, 1_000_000])
        $0.node("ConstantOfShape", ["s"], ["r"], name: "fill")
    }
    add("a 9x9 kernel with padding 0,0,0,0 does not fit into 8x8x4") {
        $0.node("MaxPool", ["features"], ["p"], name: "wide", attributes: ONNXWriter.attribute("kernel_shape", [9, 9]))
    }
    add("parameter conv.weight holds NaN or infinity (value 0 of 12)") {
        $0.constants = []
        $0.constant("w", [4, 3, 1, 1], repeating: .nan)
    }
    add("it is no whole ONNX model: tensor") { $0.constants = [ONNXWriter.tensor("a\n\u{1B}[1mb", [2], [1])] }
    add("node \(String(repeating: "x", count: 120)) (Einsum, opset 17): the graph has no such operator") {
        $0.node("Einsum", ["features"], ["e"], name: String(repeating: "x", count: 5000))
    }
    for (writer, expected) in cases {
        let text = message(writer.model)
        #expect(text.contains(expected) && !text.contains("\n"), "expected: \(expected)\ngiven: \(text)")
    }
    #expect(message(ONNXWriter.classifier.model) == "accepted")
}

@Test func valuesInAnotherFileAreReadBesideTheModelAndNowhereElse() throws {
    func model(_ location: String, offset: Int) -> [UInt8] {
        func entry(_ key: String, _ value: String) -> [UInt8] {
            ONNXWriter.bytes(13, ONNXWriter.text(1, key) + ONNXWriter.text(2, value))
        }
        var writer = ONNXWriter.classifier
        writer.constants = [
            [4, 3, 1, 1].flatMap { ONNXWriter.number(1, $0) } + ONNXWriter.number(2, 1) + ONNXWriter.text(8, "w")
                + entry("location", location) + entry("offset", "\(offset)") + entry("length", "48")
                + ONNXWriter.number(14, 1)
        ]
        return writer.model
    }
    let folder = try TemporaryFolder()
    let values = (0..<12).map { Float($0) }
    let raw = [UInt8](repeating: 9, count: 8) + values.flatMap { withUnsafeBytes(of: $0) { Array($0) } }
    try Data(raw).write(to: URL(fileURLWithPath: folder.file("m.data")))
    try Data(model("m.data", offset: 8)).write(to: URL(fileURLWithPath: folder.file("m.onnx")))
    let graph = try ONNXImporter(contentsOf: folder.file("m.onnx")).graph
    #expect(graph.parameters["conv.weight"]?.values == values)

    for (location, offset, expected) in [
        ("m.data", 9, "its 48 bytes are not at offset 9 (length 48) of 'm.data', which has 56 bytes"),
        ("m.data", -1, "are not at offset -1"),
        ("none.data", 0, "none.data: No such file or directory; the model needs it beside itself"),
        ("../m.data", 0, "its values lie in the file '../m.data', which is not beside the model"),
        ("/etc/passwd", 0, "its values lie in the file '/etc/passwd', which is not beside the model"),
    ] {
        try Data(model(location, offset: offset)).write(to: URL(fileURLWithPath: folder.file("m.onnx")))
        do {
            _ = try ONNXImporter(contentsOf: folder.file("m.onnx"))
            Issue.record("\(location) at \(offset) was read")
        } catch {
            let text = "\(error)"
            #expect(text.contains(expected) && text.contains("node conv (Conv, opset 17): tensor w: "), "\(text)")
        }
    }
}

@Test func damagedFramesAreRefusedWithThePlace() {
    let good = ONNXWriter.classifier.model
    let cases: [([UInt8], String)] = [
        ([], "it holds no graph"),
        ([0x08, 8, 0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], "announces 4294967295 bytes, 0 are left"),
        ([0x08] + Array(repeating: 0xFF, count: 11), "the number at byte 1 has more than ten bytes"),
        ([0x0B], "unknown wire type 3"),
        (good + good, "it holds two graphs"),
        (good + [0x00, 0x00], "has the number 0"),
    ]
    for (bytes, expected) in cases {
        let text = message(bytes)
        #expect(text.contains(expected) && text.contains("it is no whole ONNX model"), "\(expected): \(text)")
    }
    var writer = ONNXWriter.classifier
    writer.constants = [ONNXWriter.tensor("w", [1 << 40, 1 << 40], [])]
    #expect(message(writer.model).contains("tensor w has the sizes [1099511627776, 1099511627776]"))
    writer.constants = [ONNXWriter.tensor("w", [4, 3, 1, 1], [1, 2])]
    #expect(message(writer.model).contains("tensor w has 8 bytes for 12 elements of 4"))
}

/// Every file of random networks cut at many places, and with bytes changed: a network or one line, never a trap.
@Test func anyBytesGiveANetworkOrOneLine() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/onnx")
    var random = SeededGenerator(seed: 11)
    for seed in 0..<30 {
        let good = [UInt8](try Data(contentsOf: folder.appendingPathComponent("random\(seed).onnx")))
        for round in 0..<60 {
            var bytes = good
            if round % 3 == 0 { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
            if round % 3 > 0 || round % 2 == 0 {
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
            }
            let text = message(bytes)
            #expect(!text.contains("\n"), "random\(seed).onnx, round \(round): \(text)")
        }
    }
}
