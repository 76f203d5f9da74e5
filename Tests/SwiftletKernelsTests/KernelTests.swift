/// The kernels against the written-down operators, on random shapes.
import SwiftletArithmetic
import SwiftletGraph
import SwiftletKernels
import TestSupport
import Testing

@Suite struct KernelTests {
    @Test(arguments: ConvolutionKind.allCases)
    func convolutionsEqualTheirDefinition(kind: ConvolutionKind) {
        let seed = kind.rawValue
        let sets = KernelSet.all
        for round in 0..<kind.rounds {
            var generator = SeededGenerator(seed: seed &* 100_000 &+ UInt64(round))
            // Large enough for every size of tile, now and then.
            let isWide = kind == .manyInputs || round % 10 == 0
            let shape = RandomCase(
                using: &generator, kernels: kind.kernels, largestDilation: kind.largestDilation,
                largestWidth: isWide ? 45 : 8,
                largestPadding: kind == .smallGroups ? 0 : 4)
            let isUsual = Int.random(in: 0...3, using: &generator) > 0
            let convolution = RandomConvolution(kind, shape, isWide: isWide, isUsual: isUsual, using: &generator)
            let wrong = sets.first { kernels in
                let found = Harness.run(convolution.input, window: shape.window, output: convolution.output) {
                    kernels.convolve($0, $1, $2, convolution.packed.parameters)
                }
                return found.map != convolution.expected || !found.isClean
            }
            guard let wrong else { continue }
            Issue.record("\(wrong), seed \(seed) round \(round): \(convolution), usual multipliers \(isUsual)")
            return
        }
        // Shifts to the left, channel multipliers and some tables are left to the portable kernels.
        for set in sets.dropFirst() { #expect(set.rowsTaken * 8 > set.rows, "\(set): \(set.rowsTaken) of \(set.rows)") }
    }

    @Test func poolsEqualTheirDefinition() {
        let seed: UInt64 = 52
        let sets = KernelSet.all
        for round in 0..<2000 {
            let kernels = sets[round % sets.count]
            var generator = SeededGenerator(seed: seed &* 100_000 &+ UInt64(round))
            let shape = RandomCase(using: &generator)
            let channels = Int.random(in: 1...(round % 10 == 0 ? 150 : 20), using: &generator)
            let input = randomMap(shape.height, shape.width, channels, using: &generator)
            let range = randomRange(using: &generator)
            let placements = (
                Placement.random(channels, using: &generator), Placement.random(channels, using: &generator)
            )
            let stored = StoredMap(input, placement: placements.0)
            let largest = Harness.run(stored, window: shape.window, output: placements.1) { rows, output, window in
                kernels.poolMax(rows, output, window, channels: channels, range: range.output)
            }
            let mean = Harness.run(stored, window: shape.window, output: placements.1) { rows, output, window in
                kernels.poolAverage(rows, output, window, channels: channels, range: range.output)
            }
            let configuration = "\(kernels), seed \(seed) round \(round): \(shape), \(placements), \(range)"
            #expect(largest.isClean && mean.isClean, "\(configuration)")
            guard largest.map == IntegerReference.maxPool(input, window: shape.window, range: range),
                mean.map == IntegerReference.averagePool(input, window: shape.window, range: range)
            else {
                Issue.record("\(configuration)")
                return
            }
        }
    }

    /// Only a file that no converter has written has such a window.
    @Test func averagesOfNothingButPaddingAreZero() {
        let rows: [UnsafePointer<UInt8>?] = [nil, nil]
        let window = RowWindow(kernelHeight: 2, kernelWidth: 2, stride: 2, dilation: 1, paddingLeft: 0)
        let range = OutputRange(zeroPoint: 0, low: -128, high: 127)
        for kernels in KernelSet.all {
            for channels in [1, 20, 64] {
                var made = [UInt8](repeating: 1, count: 3 * channels)
                rows.withUnsafeBufferPointer { rows in
                    made.withUnsafeMutableBufferPointer { made in
                        kernels.poolAverage(
                            InputRows(rows: rows.baseAddress!, width: 6, pixelBytes: channels, channels: nil),
                            OutputRow(start: made.baseAddress!, width: 3, pixelBytes: channels, channels: nil),
                            window, channels: channels, range: range)
                    }
                }
                #expect(made.allSatisfy { $0 == 128 }, "\(kernels), \(channels) channels: \(made)")
            }
        }
    }

    @Test func additionsAndMeansEqualTheirDefinition() {
        let seed: UInt64 = 53
        let sets = KernelSet.all
        for round in 0..<3000 {
            let kernels = sets[round % sets.count]
            var generator = SeededGenerator(seed: seed &* 100_000 &+ UInt64(round))
            let (height, width) = (Int.random(in: 1...7, using: &generator), Int.random(in: 1...7, using: &generator))
            let channels = Int.random(in: 1...(round % 10 < 2 ? 150 : 20), using: &generator)
            let first = randomMap(height, width, channels, using: &generator)
            let second = randomMap(height, width, channels, using: &generator)
            let zeroPoints = (
                Int32.random(in: -128...127, using: &generator), Int32.random(in: -128...127, using: &generator)
            )
            func scale(_ shifts: ClosedRange<Int>) -> IntegerScale {
                IntegerScale(
                    multiplier: Int32.random(in: (1 << 30)...Int32.max, using: &generator),
                    shift: Int.random(in: shifts, using: &generator))
            }
            let scales = (scale(-5...0), scale(-5...0), scale(-22...(-17)))
            let range = randomRange(using: &generator)
            let placements = (0..<3).map { _ in Placement.random(channels, using: &generator) }

            let sum = Harness.add(
                StoredMap(first, placement: placements[0]), StoredMap(second, placement: placements[1]),
                output: placements[2],
                BinaryParameters(
                    firstZeroPoint: zeroPoints.0, secondZeroPoint: zeroPoints.1, scales: scales, range: range.output),
                kernels: kernels)
            let expected = IntegerReference.add(
                first, zeroPoint: zeroPoints.0, scale: scales.0, second, zeroPoint: zeroPoints.1, scale: scales.1,
                sum: scales.2, range: range)
            let meanScale = randomScale(terms: height * width, using: &generator)
            let mean = Harness.mean(
                StoredMap(first, placement: placements[0]), output: placements[2], inputZeroPoint: zeroPoints.0,
                scale: meanScale, range: range, kernels: kernels)
            let expectedMean = IntegerReference.mean(
                first, inputZeroPoint: zeroPoints.0, scale: meanScale, range: range)
            let configuration =
                "\(kernels), seed \(seed) round \(round): \(height)x\(width), \(placements), \(scales), \(range)"
            #expect(sum.isClean && mean.isClean, "\(configuration)")
            guard sum.map == expected, mean.map == expectedMean else {
                Issue.record("\(configuration), mean \(meanScale)")
                return
            }
        }
    }
}

extension BinaryParameters {
    init(
        firstZeroPoint: Int32, secondZeroPoint: Int32, scales: (IntegerScale, IntegerScale, IntegerScale),
        range: OutputRange
    ) {
        func multiplier(_ scale: IntegerScale) -> FixedPointMultiplier {
            FixedPointMultiplier(multiplier: scale.multiplier, shift: Int8(scale.shift))
        }
        self.init(
            firstZeroPoint: firstZeroPoint, secondZeroPoint: secondZeroPoint,
            multipliers: (multiplier(scales.0), multiplier(scales.1), multiplier(scales.2)), range: range)
    }
}
