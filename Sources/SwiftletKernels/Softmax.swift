/// Softmax over the channels of each pixel, int8, one row: the readable reference of both forms that the field has.
///
/// `softmaxRow` takes exponentials from a table of Float32 and rounds as LiteRT's reference does, with integers alone, so that
/// no machine needs a floating-point unit. `softmaxFixedPointRow` is the form of CMSIS-NN and TFLite Micro.
/// What it does not do: rescale to another output; the zero point is the output's.
import SwiftletArithmetic
import SwiftletFormat

/// `y = clamp(zeroPoint + e(x) / (sum of e * scale))`, with `e(x)` the entry of the table at the distance to the largest value;
/// sums in the order of the channels.
///
/// - Parameter block: see `SoftmaxLayout`.
public func softmaxRow(
    _ input: InputRows, _ output: OutputRow, channels: Int, block: UnsafeRawPointer, range: OutputRange
) {
    guard let row = input.rows[0] else { return }
    let scale = BinaryFloat(bits: block.load(as: UInt32.self))
    for x in 0..<output.width {
        let pixel = row + x * input.pixelBytes
        let largest = largestValue(input, pixel, channels: channels)
        func exponential(_ channel: Int) -> BinaryFloat {
            let distance = Int(largest &- input.value(pixel, channel))
            return BinaryFloat(
                bits: block.load(fromByteOffset: SoftmaxLayout.tableOffset + distance * 4, as: UInt32.self))
        }
        var sum = exponential(0)
        for channel in 1..<max(1, channels) { sum = sum.adding(exponential(channel)) }
        let inverse = sum.multiplied(by: scale).reciprocal
        for channel in 0..<channels {
            let probability = exponential(channel).multiplied(by: inverse).rounded(limit: 1 << 16)
            output.store(range.clamp(probability &+ range.zeroPoint), x: x, channel: channel)
        }
    }
}

/// The multiplier that brings distances to Q5.26, and the distance from which on a term is zero.
public struct FixedPointSoftmax {
    public var multiplier: Int32
    public var leftShift: Int32
    public var smallestDifference: Int32
    /// Whether the output is Int16, -32768 for 0, else int8, -128 for 0.
    public var isWide: Bool

    /// - Parameter block: see `SoftmaxLayout`.
    public init(block: UnsafeRawPointer, isWide: Bool) {
        multiplier = block.load(as: Int32.self)
        leftShift = block.load(fromByteOffset: 4, as: Int32.self)
        smallestDifference = block.load(fromByteOffset: 8, as: Int32.self)
        self.isWide = isWide
    }
}

/// Exponentials in Q0.31, summed in Q12.19, divided by Newton's method (gemmlowp, `fixedpoint.h`).
public func softmaxFixedPointRow(
    _ input: InputRows, _ output: OutputRow, channels: Int, _ parameters: FixedPointSoftmax
) {
    guard let row = input.rows[0] else { return }
    let outputBits: Int32 = parameters.isWide ? 16 : 8
    for x in 0..<output.width {
        let pixel = row + x * input.pixelBytes
        let largest = largestValue(input, pixel, channels: channels)
        /// Q0.31; nil for a term that is zero.
        func exponential(_ channel: Int) -> Int32? {
            let difference = input.value(pixel, channel) &- largest
            guard difference >= parameters.smallestDifference else { return nil }
            let shifted = difference &<< parameters.leftShift
            return FixedPoint.exponential(FixedPoint.product(shifted, parameters.multiplier))
        }
        var sum: Int32 = 0
        for channel in 0..<channels {
            if let term = exponential(channel) { sum &+= divideByPowerOfTwo(term, exponent: 12) }
        }
        // The largest value's own term is 1.0, so the sum is not zero.
        let headroom = Int32(truncatingIfNeeded: sum.leadingZeroBitCount)
        let reciprocal = FixedPoint.reciprocalOfOnePlus((sum &<< headroom) &- Int32.min)
        let exponent = 12 &- headroom &+ 31 &- outputBits
        for channel in 0..<channels {
            var value: Int32 = 0
            if let term = exponential(channel) {
                value = divideByPowerOfTwo(FixedPoint.product(reciprocal, term), exponent: min(exponent, 31))
            }
            store(value, output, x: x, channel: channel, isWide: parameters.isWide)
        }
    }
}

private func store(_ value: Int32, _ output: OutputRow, x: Int, channel: Int, isWide: Bool) {
    guard isWide else {
        output.store(clampToInt8(value &- 128, -128, 127), x: x, channel: channel)
        return
    }
    let wide = Int16(truncatingIfNeeded: min(max(value &- 32768, -32768), 32767))
    output.store(Int8(truncatingIfNeeded: wide &>> 8), x: x, channel: channel * 2)
    output.store(Int8(truncatingIfNeeded: wide), x: x, channel: channel * 2 + 1)
}

private func largestValue(_ input: InputRows, _ pixel: UnsafePointer<UInt8>, channels: Int) -> Int32 {
    var largest = input.value(pixel, 0)
    for channel in 1..<max(1, channels) { largest = max(largest, input.value(pixel, channel)) }
    return largest
}

/// Numbers of -1..<1 as 32 bits and what can be computed with them (gemmlowp, `fixedpoint.h`).
enum FixedPoint {
    /// The doubled high product to nearest.
    static func product(_ a: Int32, _ b: Int32) -> Int32 {
        if a == .min && b == .min { return .max }
        return Int32(truncatingIfNeeded: (Int64(a) &* Int64(b) &+ 1_073_741_824) &>> 31)
    }

    /// `e^x` in Q0.31 for `x` of at most 0 in Q5.26: a polynomial between -1/4 and 0, times a factor for each larger bit.
    static func exponential(_ x: Int32) -> Int32 {
        guard x < 0 else { return .max }
        let quarter: Int32 = 1 << 24
        let rest = (x & (quarter &- 1)) &- quarter
        var result = exponentialNearZero(rest &<< 5)
        let remainder = rest &- x
        // e^-(2^k) for k of -2...4, in Q0.31.
        let factors: (Int32, Int32, Int32, Int32, Int32, Int32, Int32) = (
            1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242
        )
        func apply(_ bit: Int32, _ factor: Int32) {
            if remainder & (1 &<< bit) != 0 { result = product(result, factor) }
        }
        apply(24, factors.0)
        apply(25, factors.1)
        apply(26, factors.2)
        apply(27, factors.3)
        apply(28, factors.4)
        apply(29, factors.5)
        apply(30, factors.6)
        return result
    }

    /// `e^x` in Q0.31 for `x` in -1/4..<0 in Q0.31, by the Taylor series around -1/8.
    private static func exponentialNearZero(_ x: Int32) -> Int32 {
        let expOfMinusEighth: Int32 = 1_895_147_668
        let third: Int32 = 715_827_883
        let y = x &+ (1 << 28)
        let square = product(y, y)
        let cube = product(square, y)
        let fourth = divideByPowerOfTwo(product(square, square), exponent: 2)
        let tail = divideByPowerOfTwo(product(fourth &+ cube, third) &+ square, exponent: 1)
        return saturatingSum(expOfMinusEighth, product(expOfMinusEighth, y &+ tail))
    }

    /// `1 / (1 + x)` in Q0.31 for `x` of 0..<1 in Q0.31: three steps of Newton's method in Q2.29.
    static func reciprocalOfOnePlus(_ x: Int32) -> Int32 {
        let half = Int32(truncatingIfNeeded: (Int64(x) &+ Int64(Int32.max) &+ 1) / 2)
        var result = 1_515_870_810 &+ product(half, -1_010_580_540)  // 48/17 - 32/17 half
        for _ in 0..<3 {
            let error = (1 << 29) &- product(half, result)
            result = result &+ saturatingShift(product(result, error), by: 2)
        }
        return saturatingShift(result, by: 1)
    }

    private static func saturatingShift(_ x: Int32, by bits: Int64) -> Int32 {
        Int32(truncatingIfNeeded: min(max(Int64(x) &<< bits, Int64(Int32.min)), Int64(Int32.max)))
    }

    private static func saturatingSum(_ a: Int32, _ b: Int32) -> Int32 {
        Int32(truncatingIfNeeded: min(max(Int64(a) &+ Int64(b), Int64(Int32.min)), Int64(Int32.max)))
    }
}
