import SwiftletGraph
import Testing

@testable import SwiftletQuantizer

@Suite struct AffineQuantizationTests {
    static let ranges: [ClosedRange<Float>] = {
        var generator = SeededGenerator(seed: 11)
        let random = (0..<200).map { _ -> ClosedRange<Float> in
            let size = Float.random(in: 1e-3...1e3, using: &generator)
            let ends = [
                Float.random(in: -size...size, using: &generator), Float.random(in: -size...size, using: &generator),
            ]
            return ends.min()!...ends.max()!
        }
        return random + [
            0...0, 0...6, -1...0, 3...5, -5 ... -3, 0...1e-30, -1e-30...1e-30,
            -Float.greatestFiniteMagnitude...Float.greatestFiniteMagnitude, 0...Float.greatestFiniteMagnitude,
        ]
    }()

    @Test func zeroIsExactAndScalesAreUsable() {
        for range in Self.ranges {
            let quantization = AffineQuantization(range)
            #expect(quantization.scale >= AffineQuantization.smallestScale && quantization.scale.isFinite, "\(range)")
            #expect(quantization.dequantize(quantization.quantize(0)) == 0, "\(range)")
            #expect(quantization.quantize(0) == quantization.zeroPoint, "\(range)")
        }
    }

    @Test func valuesInTheRangeAreOffByAStepAtMost() {
        var generator = SeededGenerator(seed: 12)
        for range in Self.ranges where range.upperBound < 1e30 {
            let quantization = AffineQuantization(range)
            for _ in 0..<50 {
                let value = Float.random(in: range, using: &generator)
                let off = abs(quantization.dequantize(quantization.quantize(value)) - value)
                // Half a step from rounding, half from moving the range so that zero is a step.
                #expect(off <= quantization.scale * 1.001, "\(range) \(value)")
            }
        }
    }

    @Test func quantizingKeepsOrderAndSaturates() {
        let quantization = AffineQuantization(-1...3)
        var last = Int8.min
        for step in -300...500 {
            let value = quantization.quantize(Float(step) / 100)
            #expect(value >= last)
            last = value
        }
        #expect(quantization.quantize(-1e30) == -128)
        #expect(quantization.quantize(.infinity) == 127)
    }

    @Test func theSchemeIsTFLites() {
        #expect(AffineQuantization(0...255) == AffineQuantization(scale: 1, zeroPoint: -128))
        #expect(AffineQuantization(-1...1).zeroPoint == -1)  // -128 + 127.5, halves away from zero.
        #expect(AffineQuantization(0...6).scale == Float(6.0 / 255))
        #expect(AffineQuantization(2...4) == AffineQuantization(0...4))
    }
}

@Suite struct QuantizedChannelTests {
    @Test func weightsAreOffByHalfAStepAtMost() {
        var generator = SeededGenerator(seed: 13)
        for _ in 0..<200 {
            let size = Float.random(in: 1e-6...10, using: &generator)
            let weights = (0..<30).map { _ in Float.random(in: -size...size, using: &generator) }
            let bias = Float.random(in: -5...5, using: &generator)
            let channel = QuantizedChannel(weights, bias: bias, inputScale: 0.02)
            #expect(channel.weights.allSatisfy { $0 >= -127 })
            for (weight, quantized) in zip(weights, channel.weights) {
                #expect(abs(Double(quantized) * channel.scale - Double(weight)) <= channel.scale * 0.5001)
            }
            let real = Double(channel.bias) * channel.scale * 0.02
            #expect(abs(real - Double(bias)) <= channel.scale * 0.02 * 0.5001)
        }
    }

    @Test func theLargestWeightTakesTheLastStep() {
        let channel = QuantizedChannel([0.5, -1, 0.25], bias: 0, inputScale: 1)
        #expect(channel.weights == [64, -127, 32])
        #expect(channel.scale == 1.0 / 127)
    }

    /// What batch norms leave of dead channels: weights of next to nothing beside a real bias.
    @Test func aBiasThatDoesNotFitRaisesTheScale() {
        for weights in [[Float(1e-12), -1e-13], [0, 0], [0x1p-149, 0], [1e-3, 0]] {
            for bias in [Float(0), 1, -1e6, 1e30, -1e-30] {
                for inputScale in [1e-9, 0.02, 100] {
                    let channel = QuantizedChannel(weights, bias: bias, inputScale: inputScale)
                    #expect(channel.scale > 0 && channel.scale.isFinite)
                    #expect(abs(Double(channel.bias)) <= QuantizedChannel.biasLimit)
                    let real = Double(channel.bias) * channel.scale * inputScale
                    #expect(
                        abs(real - Double(bias)) <= abs(Double(bias)) * 1e-8 + channel.scale * inputScale * 0.5001,
                        "\(weights) \(bias) \(inputScale)")
                }
            }
        }
    }
}
