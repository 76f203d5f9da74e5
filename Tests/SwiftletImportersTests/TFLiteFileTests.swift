/// `.tflite` files of int8 and uint8, taken over with their own integers: byte for byte what TensorFlow Lite's reference kernels give.
import Foundation
import SwiftletConverter
import SwiftletGraph
import SwiftletHost
import TestSupport
import Testing

@testable import SwiftletImporters

@Suite struct TFLiteFileTests {
    private static let folder = "models/tflite"

    /// Outputs by file and seed; made by `tools/reference/tflite_outputs.py`.
    private static func stored() throws -> [String: [[Int]]] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/tflite_outputs.json")
        return try JSONDecoder().decode([String: [[Int]]].self, from: Data(contentsOf: file))
    }

    @Test(.enabled(if: SharedFolder.has(folder))) func networksOfBytesGiveTheBytesOfTheReferenceInterpreter() throws {
        let outputs = try Self.stored()
        var compared = 0
        for name in outputs.keys.sorted() {
            let path = SharedFolder.file("\(Self.folder)/\(name).tflite").path
            let graph = try TFLiteTranslator.translate(TFLiteFile.graph(contentsOf: path))
            let file = try ModelFile(contents: Converter.convert(graph).bytes, path: name)
            let runner = try Runner(file)
            for (index, expected) in outputs[name]!.enumerated() {
                let pixels = selfTestPixels(seed: UInt32(index + 1), count: runner.inputBytes)
                let found = try pixels.withUnsafeBytes { try runner.run($0) }.map { Int($0) }
                #expect(found == expected, "\(name), seed \(index + 1)")
                compared += 1
            }
        }
        #expect(compared == 18)
    }

    /// Its bytes are compared by the conformance case `tflm_net_person_detect`, which is this network.
    @Test(.enabled(if: SharedFolder.has(folder))) func aFileThatTodaysInterpreterRefusesIsRead() throws {
        let path = SharedFolder.file("\(Self.folder)/person_detect_int8.tflite").path
        let graph = try TFLiteTranslator.translate(TFLiteFile.graph(contentsOf: path))
        #expect(graph.values[graph.inputs[0]].shape == Shape(height: 96, width: 96, channels: 1))
        #expect(graph.values[graph.outputs[0]].shape.elementCount == 2)
        _ = try Converter.convert(graph)
    }

    @Test func whatUint8HasNoFormForIsRefusedByNumbers() {
        func message(_ name: String, _ weights: TFLiteTensor?, _ options: [String: TFLiteOption]) -> String {
            var map = TFLiteTensor(name: "picture", shape: [1, 8, 8, 4], scales: [1], zeroPoint: -128)
            map.isUnsigned = true
            var made = map
            made.name = "scores"
            let tensors = [map] + (weights.map { [$0] } ?? []) + [made]
            let source = TFLiteGraph(
                name: "net", tensors: tensors,
                operators: [
                    TFLiteOperator(
                        name: name, inputs: Array(0..<(tensors.count - 1)), outputs: [tensors.count - 1],
                        options: options)
                ], inputs: [0], outputs: [tensors.count - 1])
            do {
                _ = try TFLiteTranslator.translate(source)
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        func weights(_ shape: [Int], zeroPoint: Int, isUnsigned: Bool) -> TFLiteTensor {
            var tensor = TFLiteTensor(
                name: "w", shape: shape, scales: [1], zeroPoint: zeroPoint,
                values: Array(repeating: 127, count: shape.reduce(1, *)))
            tensor.isUnsigned = isUnsigned
            return tensor
        }
        let dense = [4, 1, 1, 4]
        #expect(message("CONV_2D", weights(dense, zeroPoint: -3, isUnsigned: true), [:]) == "accepted")
        #expect(
            message("DEPTHWISE_CONV_2D", weights([1, 3, 3, 4], zeroPoint: -128, isUnsigned: true), [:]) == "accepted")
        #expect(
            message("CONV_2D", weights(dense, zeroPoint: -3, isUnsigned: false), [:])
                == "operator 0 (CONV_2D): its weights are int8 with the zero point -3; known are int8 with 0, and uint8"
        )
        #expect(
            message("CONV_2D", weights([4, 1, 1, 2], zeroPoint: -3, isUnsigned: true), [:])
                == "operator 0 (CONV_2D): weights beyond int8 in groups of channels")
        #expect(
            message(
                "AVERAGE_POOL_2D", nil, ["filter_h": .integer(3), "filter_w": .integer(3), "padding": .text("SAME")])
                == "operator 0 (AVERAGE_POOL_2D): a mean of uint8 whose window reaches beyond the map, or of one channel"
        )
    }

    /// Truncated at every length, and with random bytes: a graph or one error, never a trap.
    @Test(.enabled(if: SharedFolder.has(folder))) func damagedFilesAreRefusedOrTranslated() throws {
        let path = SharedFolder.file("\(Self.folder)/kws_dscnn_int8.tflite").path
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let seed: UInt64 = 99
        var generator = SeededGenerator(seed: seed)
        var refused = 0
        for round in 0..<600 {
            var part = bytes
            if round % 3 == 0 { part = Array(part.prefix(Int.random(in: 0..<bytes.count, using: &generator))) }
            for _ in 0..<(part.isEmpty ? 0 : Int.random(in: 0...12, using: &generator)) {
                // Tables lie at both ends, weights between them.
                let near = Int.random(in: 0..<min(6000, part.count), using: &generator)
                let place = Bool.random(using: &generator) ? near : part.count - 1 - near
                part[place] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &generator)].randomElement(
                    using: &generator)!
            }
            do {
                let graph = try TFLiteTranslator.translate(TFLiteFile.graph(parsing: part, file: "t"))
                _ = try Converter.convert(graph)
            } catch {
                refused += 1
                #expect(!"\(error)".contains("\n"), "seed \(seed) round \(round): \(error)")
            }
        }
        #expect(refused > 200, "\(refused)")
    }
}
