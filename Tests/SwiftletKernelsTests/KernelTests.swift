/// The kernels against the written-down operators, on random shapes.
import SwiftletArithmetic
import SwiftletGraph
import SwiftletKernels
import TestSupport
import Testing

/// A random window that fits at least once, with every kind of padding, stride and dilation; if it is plain, of the latter none.
struct RandomCase: CustomStringConvertible {
    var height: Int
    var width: Int
    var window: IntegerWindow

    init(
        using generator: inout SeededGenerator, kernels: ClosedRange<Int> = 1...4, largestDilation: Int = 3,
        largestWidth: Int = 8, largestPadding: Int = 4, isPlain: Bool = false
    ) {
        func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let kernel = (height: random(kernels), width: random(kernels))
        let largestDilation = isPlain ? 1 : largestDilation
        let dilation = (height: random(1...largestDilation), width: random(1...largestDilation))
        let padding = (top: random(0...largestPadding), left: random(0...largestPadding))
        let end = (bottom: random(0...largestPadding), right: random(0...largestPadding))
        let stride = (height: random(1...(isPlain ? 1 : 5)), width: random(1...(isPlain ? 1 : 5)))
        let span = (height: (kernel.height - 1) * dilation.height + 1, width: (kernel.width - 1) * dilation.width + 1)
        height = max(random(1...8), span.height - padding.top - end.bottom)
        width = max(random(1...largestWidth), span.width - padding.left - end.right)
        window = IntegerWindow(
            kernel: kernel, stride: stride, dilation: dilation, padding: padding,
            output: (
                (height + padding.top + end.bottom - span.height) / stride.height + 1,
                (width + padding.left + end.right - span.width) / stride.width + 1
            ))
    }

    var description: String {
        "\(height)x\(width) kernel \(window.kernel) stride \(window.stride) dilation \(window.dilation) "
            + "padding \(window.padding) output \(window.output)"
    }
}

/// Bytes of one of the patterns that sums get wrong first.
func randomBytes(_ count: Int, using generator: inout SeededGenerator) -> [Int8] {
    switch Int.random(in: 0...5, using: &generator) {
    case 0: Array(repeating: -128, count: count)
    case 1: Array(repeating: 127, count: count)
    case 2: (0..<count).map { _ in Bool.random(using: &generator) ? -128 : 127 }
    default: (0..<count).map { _ in Int8.random(in: -128...127, using: &generator) }
    }
}

func randomMap(_ height: Int, _ width: Int, _ channels: Int, using generator: inout SeededGenerator) -> IntegerMap {
    IntegerMap(
        height: height, width: width, channels: channels,
        values: randomBytes(height * width * channels, using: &generator))
}

/// Bounds anywhere, those of a byte, or a ReLU's: nothing below the zero point, which is often the lowest byte then.
func randomRange(using generator: inout SeededGenerator) -> IntegerRange {
    let bounds = [Int32.random(in: -128...127, using: &generator), Int32.random(in: -128...127, using: &generator)]
    let zeroPoint = Int32.random(in: -128...127, using: &generator)
    switch Int.random(in: 0...3, using: &generator) {
    case 0: return IntegerRange(zeroPoint: zeroPoint, low: -128, high: 127)
    case 1: return IntegerRange(zeroPoint: -128, low: -128, high: 127)
    case 2: return IntegerRange(zeroPoint: bounds.min()!, low: bounds.min()!, high: bounds.max()!)
    default: return IntegerRange(zeroPoint: zeroPoint, low: bounds.min()!, high: bounds.max()!)
    }
}

/// Mostly such that sums of `terms` products spread over the output, sometimes anything.
func randomScale(terms: Int, isUsual: Bool = false, using generator: inout SeededGenerator) -> IntegerScale {
    let bits = Int.bitWidth - terms.leadingZeroBitCount
    let shift =
        !isUsual && Int.random(in: 0...9, using: &generator) == 0
        ? Int.random(in: -31...30, using: &generator) : -(bits / 2) - Int.random(in: 4...8, using: &generator)
    return IntegerScale(multiplier: Int32.random(in: (1 << 30)...Int32.max, using: &generator), shift: shift)
}

/// Which convolutions a test draws.
enum ConvolutionKind: UInt64, CaseIterable {
    case any = 50
    case depthwise = 51
    /// 1x1, few channels a group.
    case smallGroups = 52
    /// 3x3 and not dilated.
    case depthwise3x3 = 53
    /// Many inputs, outputs and pixels: enough products for matrix tiles, and every remainder of 64 bytes of inputs.
    case manyInputs = 54

    var rounds: Int { self == .manyInputs ? 300 : 1500 }
    var isDepthwise: Bool { self == .depthwise || self == .depthwise3x3 }
    var kernels: ClosedRange<Int> {
        switch self {
        case .smallGroups: 1...1
        case .manyInputs: 1...3
        case .any, .depthwise: 1...4
        case .depthwise3x3: 3...3
        }
    }
    var largestDilation: Int { self == .depthwise3x3 ? 1 : 3 }

    func channels(
        isWide: Bool, using generator: inout SeededGenerator
    ) -> (groups: Int, groupInputs: Int, groupOutputs: Int) {
        func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        return switch self {
        case .any: (random(1...9), random(1...19), random(1...(isWide ? 150 : 37)))
        case .depthwise, .depthwise3x3: (random(1...(isWide ? 210 : 40)), 1, random(0...3) / 3 + 1)
        case .smallGroups: (random(1...9), random(1...19), random(1...15))
        case .manyInputs: (random(1...2), random(1...150), random(16...100))
        }
    }
}

@Suite struct KernelTests {
    @Test(arguments: ConvolutionKind.allCases)
    func convolutionsEqualTheirDefinition(kind: ConvolutionKind) {
        let seed = kind.rawValue
        let isDepthwise = kind.isDepthwise
        let sets = KernelSet.all
        for round in 0..<kind.rounds {
            var generator = SeededGenerator(seed: seed &* 100_000 &+ UInt64(round))
            // Large enough for every size of tile, now and then.
            let isWide = kind == .manyInputs || round % 10 == 0
            let shape = RandomCase(
                using: &generator, kernels: kind.kernels, largestDilation: kind.largestDilation,
                largestWidth: isWide ? 45 : 8,
                largestPadding: kind == .smallGroups ? 0 : 4)
            let (groups, groupInputs, groupOutputs) = kind.channels(isWide: isWide, using: &generator)
            let isUsual = Int.random(in: 0...3, using: &generator) > 0
            let inputs = groups * groupInputs
            let outputs = groups * groupOutputs
            let taps = shape.window.kernel.height * shape.window.kernel.width
            let input = randomMap(shape.height, shape.width, inputs, using: &generator)
            let weights = randomBytes(outputs * taps * groupInputs, using: &generator)
            let bias = (0..<outputs).map { _ in Int32.random(in: -5000...5000, using: &generator) }
            let scales = (0..<outputs).map { _ in
                randomScale(terms: taps * groupInputs, isUsual: isUsual, using: &generator)
            }
            let range = randomRange(using: &generator)
            let zeroPoint = Int32.random(in: -128...127, using: &generator)
            let pads = Bool.random(using: &generator) ? randomBytes(inputs, using: &generator) : nil
            let placements = (
                Placement.random(inputs, using: &generator), Placement.random(outputs, using: &generator)
            )

            let expected = IntegerReference.convolve(
                input, weights: weights, bias: bias, scales: scales, groups: groups, inputZeroPoint: zeroPoint,
                pads: pads, window: shape.window, range: range)
            let packed = PackedConvolution(
                isDepthwise: isDepthwise, weights: weights, bias: bias, scales: scales, groups: groups,
                inputChannels: inputs, taps: taps, inputZeroPoint: zeroPoint, pads: pads, range: range)
            let stored = StoredMap(input, placement: placements.0)
            let wrong = sets.first { kernels in
                let found = Harness.run(stored, window: shape.window, output: placements.1) { rows, output, window in
                    kernels.convolve(rows, output, window, packed.parameters)
                }
                return found.map != expected || !found.isClean
            }
            guard let wrong else { continue }
            Issue.record(
                """
                \(wrong), seed \(seed) round \(round): \(shape), \(groups) groups of \(groupInputs) to \(groupOutputs), \
                input \(placements.0), output \(placements.1), zero point \(zeroPoint), pads \(pads != nil), \(range), \
                usual multipliers \(isUsual)
                """)
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
