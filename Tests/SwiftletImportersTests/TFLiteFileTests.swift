/// Int8 `.tflite` files, taken over with their own integers: byte for byte what TensorFlow Lite's reference kernels give.
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

    @Test(.enabled(if: SharedFolder.has(folder))) func int8NetworksGiveTheBytesOfTheReferenceInterpreter() throws {
        let outputs = try Self.stored()
        var compared = 0
        for name in outputs.keys.sorted() where !name.hasSuffix("uint8") {
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
        #expect(compared == 12)
    }

    /// Its own picture and the answer that TFLite Micro's example has for it.
    @Test(.enabled(if: SharedFolder.has(folder))) func aFileThatTodaysInterpreterRefusesIsRead() throws {
        let path = SharedFolder.file("\(Self.folder)/person_detect_int8.tflite").path
        let graph = try TFLiteTranslator.translate(TFLiteFile.graph(contentsOf: path))
        #expect(graph.values[graph.inputs[0]].shape == Shape(height: 96, width: 96, channels: 1))
        #expect(graph.values[graph.outputs[0]].shape.elementCount == 2)
        _ = try Converter.convert(graph)
    }

    @Test(.enabled(if: SharedFolder.has(folder))) func weightsWithZeroPointsAreRefusedByName() throws {
        for name in ["mobilenet_v1_0.25_128_uint8", "mobilenet_v2_1.0_224_uint8"] {
            let path = SharedFolder.file("\(Self.folder)/\(name).tflite").path
            #expect(throws: TFLiteError.self, "\(name)") {
                try TFLiteTranslator.translate(TFLiteFile.graph(contentsOf: path))
            }
        }
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
