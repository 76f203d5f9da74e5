/// What kernels are tried on: windows, bytes, bounds, multipliers and whole convolutions, drawn from a seed.
///
/// What it does not do: run kernels; `Harness` does.
import SwiftletGraph
import TestSupport

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

/// A convolution of which all but the window is drawn, and what it must give.
struct RandomConvolution: CustomStringConvertible {
    let input: StoredMap
    /// How the output is to be stored.
    let output: Placement
    let packed: PackedConvolution
    let expected: IntegerMap
    let description: String

    init(
        _ kind: ConvolutionKind, _ shape: RandomCase, isWide: Bool, isUsual: Bool,
        using generator: inout SeededGenerator
    ) {
        let (groups, groupInputs, groupOutputs) = kind.channels(isWide: isWide, using: &generator)
        let (inputs, outputs) = (groups * groupInputs, groups * groupOutputs)
        let taps = shape.window.kernel.height * shape.window.kernel.width
        let map = randomMap(shape.height, shape.width, inputs, using: &generator)
        let weights = randomBytes(outputs * taps * groupInputs, using: &generator)
        let bias = (0..<outputs).map { _ in Int32.random(in: -5000...5000, using: &generator) }
        let scales = (0..<outputs).map { _ in
            randomScale(terms: taps * groupInputs, isUsual: isUsual, using: &generator)
        }
        let range = randomRange(using: &generator)
        let zeroPoint = Int32.random(in: -128...127, using: &generator)
        let pads = Bool.random(using: &generator) ? randomBytes(inputs, using: &generator) : nil
        let placement = Placement.random(inputs, using: &generator)
        input = StoredMap(map, placement: placement)
        output = Placement.random(outputs, using: &generator)
        packed = PackedConvolution(
            isDepthwise: kind.isDepthwise, weights: weights, bias: bias, scales: scales, groups: groups,
            inputChannels: inputs, taps: taps, inputZeroPoint: zeroPoint, pads: pads, range: range)
        expected = IntegerReference.convolve(
            map, weights: weights, bias: bias, scales: scales, groups: groups, inputZeroPoint: zeroPoint, pads: pads,
            window: shape.window, range: range)
        description = """
            \(shape), \(groups) groups of \(groupInputs) to \(groupOutputs), input \(placement), output \(output), zero point \
            \(zeroPoint), pads \(pads != nil), \(range)
            """
    }
}
