/// What training with int8 in mind computes, number by number.
import CSwiftletTraining
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletTraining

@Suite struct FakeQuantizationTests {
    private static var kernels: [STKernels] {
        var rank: Int32 = 0
        var all: [STKernels] = []
        while let table = st_kernels_at(rank) {
            all.append(table.pointee)
            rank += 1
        }
        return all
    }

    @Test func everyInstructionSetRoundsToTheGridOfTheQuantization() {
        let seed: UInt64 = 5
        var generator = SeededGenerator(seed: seed)
        for round in 0..<20 {
            let low = round % 3 == 0 ? 0 : -Float.random(in: 0...3, using: &generator)
            let range = LearnedRange(
                .init(operations: ["op"], bounds: low...Float.random(in: 0.1...5, using: &generator)), threads: 1)
            let (rows, stride) = (Int.random(in: 1...9, using: &generator), Int.random(in: 1...200, using: &generator))
            let count = round % 2 == 0 ? stride : Int.random(in: 1...stride, using: &generator)
            let x = (0..<(rows * stride)).map { _ in Float.random(in: -6...6, using: &generator) }
            for kernels in Self.kernels {
                var y = [Float](repeating: 9, count: x.count)
                kernels.fakeQuantize(x, Int64(rows), Int32(stride), Int32(count), range.steps, &y)
                for (index, value) in x.enumerated() {
                    let quantization = range.quantization
                    let isMine = index % stride < count
                    let expected = isMine ? quantization.dequantize(quantization.quantize(value)) : 9
                    // A number in the middle of two steps may go to either.
                    let limit = isMine ? 1e-5 + quantization.scale * (isMiddle(value, quantization) ? 1.01 : 0) : 0
                    #expect(
                        abs(y[index] - expected) <= limit,
                        "seed \(seed) round \(round) \(String(cString: kernels.name)): \(value) became \(y[index]), not \(expected)"
                    )
                }
            }
        }
    }

    private func isMiddle(_ value: Float, _ quantization: AffineQuantization) -> Bool {
        let steps = value / quantization.scale
        return abs(abs(steps - steps.rounded(.down)) - 0.5) < 1e-3
    }

    @Test func infinityStaysAtAnEndAndNaNStaysNaN() {
        let range = LearnedRange(.init(operations: ["op"], bounds: -1...1), threads: 1)
        for kernels in Self.kernels {
            var y: [Float] = [0, 0, 0]
            kernels.fakeQuantize([.infinity, -.infinity, .nan], 1, 3, 3, range.steps, &y)
            #expect(
                abs(y[0] - 1) < 0.01 && abs(y[1] + 1) < 0.01 && y[2].isNaN, "\(String(cString: kernels.name)): \(y)")
        }
    }

    /// Steps of 1/64 and zero point 0, from -2 to 127/64. What PyTorch's `_fake_quantize_learnable_per_tensor_affine` does: a
    /// gradient passes where the rounded number is on the grid; the step's is `round(x / s) - x / s` there, else the end's.
    @Test func gradientsPassStraightThroughInsideAndGoToTheEndsOutside() {
        let steps = STSteps(step: 1.0 / 64, low: -128, high: 127)
        let x: [Float] = [-2.5, -2.003, -0.13, 0, 0.26, 1.99, 2.5]
        let dy: [Float] = [1, 2, 4, 8, 16, 32, 64]
        for kernels in Self.kernels {
            var dx = [Float](repeating: 100, count: 7)
            var sums = [0.0, 0.0, 0.0]
            kernels.fakeQuantizeBackward(dy, x, 1, 7, 7, steps, &dx, 1, &sums)
            #expect(dx == [100, 102, 104, 108, 116, 132, 100])
            #expect(sums[0] == 1 && sums[1] == 64)
            // In steps: -128.192 -> -128, -8.32 -> -8, 16.64 -> 17, 127.36 -> 127.
            let inside = 2 * 0.192 + 4 * 0.32 + 16 * 0.36 - 32 * 0.36
            #expect(abs(sums[2] - inside) < 1e-4, "\(String(cString: kernels.name)): \(sums[2]), not \(inside)")
        }
    }

    /// The roundings in steps are constants to the straight-through gradient; with them held, differences are exact.
    @Test func rangeGradientsEqualFiniteDifferences() {
        let seed: UInt64 = 9
        var generator = SeededGenerator(seed: seed)
        for round in 0..<10 {
            let (low, high) = (
                -Double.random(in: 0.2...3, using: &generator), Double.random(in: 0.2...3, using: &generator)
            )
            let range = LearnedRange(.init(operations: ["op"], bounds: Float(low)...Float(high)), threads: 1)
            let steps = range.steps
            let x = (0..<500).map { _ in Float.random(in: -4...4, using: &generator) }
            let dy = x.map { _ in Float.random(in: -1...1, using: &generator) }
            func value(_ low: Double, _ high: Double) -> Double {
                zip(x, dy).reduce(0) { sum, pair in
                    let t = Double(pair.0 / steps.step)
                    let q = t.rounded(.toNearestOrEven)
                    let y =
                        q < Double(steps.low)
                        ? low : q > Double(steps.high) ? high : Double(pair.0) + (q - t) * (high - low) / 255
                    return sum + Double(pair.1) * y
                }
            }
            var dx = [Float](repeating: 0, count: x.count)
            range.clearGradient(thread: 0)
            st_kernels().pointee.fakeQuantizeBackward(
                dy, x, 1, 500, 500, steps, &dx, 0, range.sums(thread: 0))
            let expected = (
                low: (value(low + 1e-3, high) - value(low - 1e-3, high)) / 2e-3,
                high: (value(low, high + 1e-3) - value(low, high - 1e-3)) / 2e-3
            )
            let found = range.gradient
            #expect(
                abs(found.low - expected.low) < 1e-3 && abs(found.high - expected.high) < 1e-3,
                "seed \(seed) round \(round): \(found), finite differences \(expected)")
        }
    }

    @Test func aRangeMovesAgainstItsGradientInSharesOfItsWidthAndKeepsItsZero() {
        let range = LearnedRange(.init(operations: ["op"], bounds: 0...4), threads: 1)
        range.clearGradient(thread: 0)
        range.sums(thread: 0)[1] = 1e-7
        range.update(rate: 0.01, step: 1)
        #expect(abs(range.bounds.upperBound - 3.96) < 1e-3 && range.bounds.lowerBound == 0, "\(range.bounds)")
        range.sums(thread: 0)[0] = -1e9
        for step in 2..<500 { range.update(rate: 0.01, step: UInt64(step)) }
        #expect(range.bounds.lowerBound == 0 && range.bounds.upperBound >= 0, "\(range.bounds)")
    }

    @Test func weightsAreRoundedByOutputChannelInTheScalesOfTheirInputs() {
        let seed: UInt64 = 3
        var generator = SeededGenerator(seed: seed)
        let values = (0..<24).map { _ in Float.random(in: -1...1, using: &generator) }
        let weight = Parameter(
            name: "w", tensor: Tensor(shape: [4, 2, 3, 1], values: values),
            layout: .convolution(inputs: 2, taps: 3), isDecayed: true, threads: 1, isTrained: false)
        // Two groups of two inputs.
        let scales: [Float] = [0.5, 0.125, 0.25, 0.5]
        let quantizer = WeightQuantizer(weight: weight, inputs: scales.map { .fixed($0) }, groups: 2)
        let workers = Workers(count: 1)
        workers.run(batch: 1) { quantizer.quantize($0) }
        workers.stop()
        for output in 0..<4 {
            func scaled(_ input: Int, _ tap: Int) -> Float {
                values[(output * 2 + input) * 3 + tap] * scales[output / 2 * 2 + input] / 0.5
            }
            let most = (0..<6).map { abs(scaled($0 / 3, $0 % 3)) }.max()!
            for (input, tap) in (0..<6).map({ ($0 / 3, $0 % 3) }) {
                let steps = (scaled(input, tap) / most * 127).rounded(.toNearestOrAwayFromZero)
                let expected = steps * most / 127 * 0.5 / scales[output / 2 * 2 + input]
                let found = quantizer.values[weight.layout.position((output * 2 + input) * 3 + tap)]
                #expect(
                    abs(found - expected) < 1e-5,
                    "output \(output) input \(input) tap \(tap): \(found), not \(expected)")
            }
        }
    }
}
