/// The integers that the converter derives from scales, against those that other runtimes derived from the same scales.
import SwiftletArithmetic
import SwiftletQuantizer
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite(.enabled(if: SharedFolder.has("conformance/index.json"))) struct ParameterConformanceTests {
    private func quantization(_ example: ConformanceCase, _ tensor: Int) -> AffineQuantization? {
        example.scales(tensor).first.map { AffineQuantization(scale: $0, zeroPoint: 0) }
    }

    private func integers(_ block: [UInt8]) -> [Int] {
        block.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 4).map { Int(bytes.loadUnaligned(fromByteOffset: $0, as: Int32.self)) }
        }
    }

    @Test func multipliersAreThoseOfOtherRuntimes() throws {
        var compared = 0
        for example in try ConformanceCase.all() {
            for node in example.nodes {
                guard let output = quantization(example, node.output), let input = quantization(example, node.inputs[0])
                else { continue }
                let place = "\(example.name) \(node.operation)"
                switch node.operation {
                case "CONV_2D", "DEPTHWISE_CONV_2D":
                    let count = example.shape(node.output)[3]
                    let scales = example.scales(node.inputs[1])
                    let reals = (0..<count).map {
                        Double(input.scale) * Double(scales[scales.count == 1 ? 0 : $0]) / Double(output.scale)
                    }
                    let derived = reals.map { FixedPointMultiplier($0) }
                    #expect(
                        derived.map { Int($0?.multiplier ?? -1) }
                            == example.perChannel(node, "multipliers", "multiplier", count: count), "\(place)")
                    #expect(
                        derived.map { Int($0?.shift ?? 99) }
                            == example.perChannel(node, "shifts", "shift", count: count),
                        "\(place)")
                case "ADD":
                    guard let second = quantization(example, node.inputs[1]) else { continue }
                    let stored = ["input1", "input2", "output"].flatMap {
                        [node.integer("\($0)_multiplier"), node.integer("\($0)_shift")]
                    }
                    #expect(
                        integers(try additionBlock(name: place, input, second, output: output)) == stored, "\(place)")
                case "MEAN":
                    let block = try meanBlock(name: place, input, output: output, pixels: node.integer("count"))
                    #expect(integers(block) == [node.integer("multiplier"), node.integer("shift")], "\(place)")
                default: continue
                }
                compared += 1
            }
        }
        #expect(compared > 200, "\(compared)")
    }
}
