/// Float `.tflite` files say in float what TensorFlow Lite's reference kernels say, and are refused in one line otherwise.
///
/// Random networks and numbers are `tools/reference/tflite_float_outputs.py`'s.
import Foundation
import SwiftletGraph
import SwiftletTraining
import TestSupport
import Testing

@testable import SwiftletImporters

@Suite struct TFLiteFloatTests {
    private static let shared = "models/tflite"
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    private static func outputs(_ file: String) throws -> [(file: String, expected: [Float])] {
        let data = try Data(contentsOf: fixtures.appendingPathComponent(file))
        return try JSONDecoder().decode([String: [Float]].self, from: data).sorted { $0.key < $1.key }
            .map { (file: $0.key, expected: $0.value) }
    }

    /// The picture that the script makes, rows x columns x channels.
    private static func picture(_ shape: Shape) -> [Float] {
        (0..<shape.elementCount).map { (index: Int) -> Float in
            let rows: Int = index / 97 * 31
            let squares: Int = index * index % 251
            return (Float((index * 7919 + rows + squares) % 256) - 127.5) / 64
        }
    }

    private static func graph(_ path: String) throws -> Graph {
        let source = try TFLiteFile.graph(contentsOf: path)
        #expect(source.isFloat, "\(path)")
        return try TFLiteFloatImporter(source, file: path).graph
    }

    /// The largest difference to the reference, as a fraction of the largest expected value.
    private static func relativeError(_ path: String, expected: [Float]) throws -> Float {
        let graph = try graph(path)
        let found = try picture(graph.inputShape).withUnsafeBufferPointer {
            try FloatExecutor(graph: graph, batchSize: 1, threads: 2).run($0, count: 1)
        }
        guard found.count >= expected.count else { return .infinity }
        return (zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity) / (expected.map(abs).max() ?? 1)
    }

    @Test func randomNetworksOfEveryOperatorGiveTensorFlowLitesOutput() throws {
        for (file, expected) in try Self.outputs("tflite/outputs.json") {
            let path = Self.fixtures.appendingPathComponent("tflite/\(file)").path
            let error = try Self.relativeError(path, expected: expected)
            #expect(error < 1e-5, "\(file): relative error \(error)")
        }
    }

    @Test(.enabled(if: SharedFolder.has(shared))) func publishedNetworksGiveTensorFlowLitesOutput() throws {
        let outputs = try Self.outputs("tflite_float_outputs.json")
        #expect(outputs.count == 3)  // The small one's weights are int8, a scale a channel.
        for (file, expected) in outputs {
            let error = try Self.relativeError(SharedFolder.file("\(Self.shared)/\(file)").path, expected: expected)
            #expect(error < 1e-4, "\(file): relative error \(error)")
        }
    }

    @Test(.enabled(if: SharedFolder.has(shared))) func networksOfInt8AreNotTakenForFloat() throws {
        for file in ["kws_dscnn_int8", "vww_96_int8", "mobilenet_v2_1.0_224_int8_ptq", "mobilenet_v1_0.25_128_uint8"] {
            let path = SharedFolder.file("\(Self.shared)/\(file).tflite").path
            #expect(try !TFLiteFile.graph(contentsOf: path).isFloat, "\(file)")
        }
    }

    // MARK: Refusals

    /// A float network of one operator over an 8x8x4 map.
    private static func network(
        _ name: String, _ constants: [TFLiteTensor] = [], options: [String: TFLiteOption] = [:],
        output: [Int] = [1, 8, 8, 4]
    ) -> TFLiteGraph {
        let map = TFLiteTensor(name: "picture", shape: [1, 8, 8, 4], element: .float32)
        let made = TFLiteTensor(name: "scores", shape: output, element: .float32)
        return TFLiteGraph(
            name: "net", tensors: [map] + constants + [made],
            operators: [
                TFLiteOperator(
                    name: name, inputs: Array(0...constants.count), outputs: [constants.count + 1], options: options)
            ], inputs: [0], outputs: [constants.count + 1])
    }

    private static func floats(_ shape: [Int]) -> TFLiteTensor {
        TFLiteTensor(
            name: "w", shape: shape, element: .float32, reals: Array(repeating: 1, count: shape.reduce(1, *)))
    }

    private static func message(_ source: TFLiteGraph) -> String {
        do {
            _ = try TFLiteFloatImporter(source, file: "m.tflite")
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    @Test func aRefusedOperatorGivesTheNumbers() {
        let int8 = TFLiteTensor(
            name: "w", shape: [4, 1, 1, 4], scales: [0.1, 0.2], values: Array(repeating: 1, count: 16))
        var batch = Self.network("RELU")
        batch.tensors[0].shape[0] = 2
        let cases: [(TFLiteGraph, String)] = [
            (Self.network("RELU"), "accepted"),
            (Self.network("CONV_2D", [Self.floats([4, 1, 1, 4])]), "accepted"),
            (batch, "its input has the sizes [2, 8, 8, 4], not 1, rows, columns, channels"),
            (
                Self.network("GELU"),
                "operator 0 (GELU): known activations are ReLU, ReLU6, leaky ReLU, PReLU, ELU, sigmoid, tanh, swish and hard swish"
            ),
            (Self.network("LSTM"), "operator 0 (LSTM): the graph has no such operator; cut the network before it"),
            (
                Self.network("CONV_2D", [int8]),
                "its constant [4, 1, 1, 4] has 2 scales along dimension 0"
            ),
            (
                Self.network("CONV_2D", [Self.floats([4, 1, 1, 3])]),
                "its weight [4, 3, 1, 1] in 1 groups is not for 4 input channels"
            ),
            (
                Self.network("CONV_2D", [Self.floats([4, 1, 1, 4]), Self.floats([3])]),
                "its bias of 3 numbers is not one for each of 4 outputs"
            ),
            (
                Self.network("CONV_2D", [Self.floats([4, 1, 1, 4])], output: [1, 8, 8, 5]),
                "it makes [1, 8, 8, 4], and its output has the sizes [1, 8, 8, 5]"
            ),
            (
                Self.network("CONV_2D", [Self.floats([4, 1, 1, 4])], options: ["stride_h": .integer(0)]),
                "its stride 0x1 is not of two numbers from 1 to 65535"
            ),
            (
                Self.network("RELU", options: ["activation": .text("SIGN_BIT")]), "accepted"
            ),
            (
                Self.network("CONV_2D", [Self.floats([4, 1, 1, 4])], options: ["activation": .text("SIGN_BIT")]),
                "it ends with SIGN_BIT, which is not known"
            ),
            (Self.network("ADD", [Self.floats([8, 8, 4])]), "is not one number for all or for each channel"),
            (
                Self.network("FULLY_CONNECTED", [Self.floats([2, 4])], output: [1, 2]),
                "its weight [2, 4] is not for [1, 8, 8, 4]"
            ),
            (
                Self.network("MEAN", options: ["axes": .list([3])], output: [1, 8, 8, 1]),
                "it takes the mean of [1, 8, 8, 4] over [3]; only that over rows and columns is known"
            ),
            (Self.network("SQUARE"), "accepted"), (Self.network("MAXIMUM", [Self.floats([])]), "accepted"),
            (
                Self.network("MAXIMUM", [Self.floats([4])]), "its constant [4] is not one number"
            ),
            (
                Self.network("LOCAL_RESPONSE_NORMALIZATION", options: ["radius": .integer(-1)]), "its radius is -1"
            ),
            (
                Self.network("MIRROR_PAD", options: ["paddings": .pairs([[0, 0], [8, 0], [0, 0], [0, 0]])]),
                "it puts 8 and 0 around 8"
            ),
            (
                Self.network(
                    "PADV2",
                    options: ["paddings": .pairs([[0, 0], [0, 0], [0, 0], [1, 0]]), "pad_value": .real(1)]),
                "channels are padded with zeros only"
            ),
            (Self.network("RESIZE_BILINEAR", output: [1, 5, 16, 4]), "accepted"),
            (Self.network("SOFTMAX", options: ["beta": .real(2)]), "its beta is 2.0; known is 1"),
        ]
        for (source, expected) in cases {
            let text = Self.message(source)
            #expect(text.contains(expected) && !text.contains("\n"), "expected: \(expected)\ngiven: \(text)")
        }
    }

    @Test func allOperatorsThatStandInTheWayAreNamedAtOnce() {
        var source = Self.network("GELU")
        source.tensors += (2...4).map { TFLiteTensor(name: "t\($0)", shape: [1, 8, 8, 4], element: .float32) }
        source.operators += [
            TFLiteOperator(name: "RELU", inputs: [1], outputs: [2]),
            TFLiteOperator(name: "GELU", inputs: [0], outputs: [3]),
            TFLiteOperator(name: "CUSTOM_THING", inputs: [0], outputs: [4]),
        ]
        #expect(
            Self.message(source)
                == "m.tflite cannot be imported: operator 0 (GELU) and 1 more: known activations are ReLU, ReLU6, leaky ReLU, "
                + "PReLU, ELU, sigmoid, tanh, swish and hard swish; train with one of them; operator 3 (CUSTOM_THING): the graph has no "
                + "such operator; cut the network before it or replace it")
    }

    /// The files of random networks cut at many places, and with bytes changed: a network or one line, never a trap.
    @Test func anyBytesGiveANetworkOrOneLine() throws {
        let seed: UInt64 = 31
        var generator = SeededGenerator(seed: seed)
        for network in 0..<20 {
            let path = Self.fixtures.appendingPathComponent("tflite/random\(network).tflite")
            let good = [UInt8](try Data(contentsOf: path))
            for round in 0..<60 {
                var bytes = good
                if round % 3 == 0 { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &generator)) }
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    let place = Int.random(in: bytes.indices, using: &generator)
                    bytes[place] = [0, 1, 0x7F, 0xFF, UInt8.random(in: 0...255, using: &generator)].randomElement(
                        using: &generator)!
                }
                do {
                    let source = try TFLiteFile.graph(parsing: bytes, file: "m.tflite")
                    _ = try TFLiteFloatImporter(source, file: "m.tflite")
                } catch {
                    #expect(!"\(error)".contains("\n"), "seed \(seed), network \(network), round \(round): \(error)")
                }
            }
        }
    }
}
