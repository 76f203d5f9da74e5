/// The one rounding rule of Swiftlet: an int32 accumulator times a real number, in integers only.
///
/// Every path (portable Swift, vector units, bare metal) gives the same bits as `FixedPointMultiplier.apply`.
/// What it does not do: choose scales; the converter does.
///
/// Source: the double-rounding scheme of TFLite's reference kernels and gemmlowp (`MultiplyByQuantizedMultiplier`,
/// `SaturatingRoundingDoublingHighMul`, `RoundingDivideByPOT`; gemmlowp doc/quantization.md).

/// A real number as `multiplier / 2^31 * 2^shift`.
///
/// `multiplier` is 0 or in `2^30 ..< 2^31`; `shift` is positive to the left, negative to the right.
public struct FixedPointMultiplier: Equatable, Sendable {
    public var multiplier: Int32
    public var shift: Int8

    @inlinable
    public init(multiplier: Int32, shift: Int8) {
        self.multiplier = multiplier
        self.shift = shift
    }

    /// The shifts that a file may hold: more to the left overflows, more to the right is always zero.
    public static let shiftRange: ClosedRange<Int8> = -31...30

    /// The nearest fixed-point number to `real`, rounding halves away from zero.
    ///
    /// Numbers below 2^-32 become zero. `real` must be finite, not negative and below 2^30; anything else is nil.
    public init?(_ real: Double) {
        guard real.isFinite, real >= 0, real < 1_073_741_824 else { return nil }
        guard real > 0 else {
            self.init(multiplier: 0, shift: 0)
            return
        }
        // real = significand * 2^exponent with significand in [1, 2), hence fraction = significand / 2 in [0.5, 1).
        var shift = Int(real.exponent) + 1
        var scaled = Int64((real.significand * 1_073_741_824).rounded(.toNearestOrAwayFromZero))
        if scaled == 1 << 31 {
            scaled >>= 1
            shift += 1
        }
        guard shift >= -31 else {
            self.init(multiplier: 0, shift: 0)
            return
        }
        guard shift <= Int(Self.shiftRange.upperBound) else { return nil }
        self.init(multiplier: Int32(scaled), shift: Int8(shift))
    }

    /// `x` times this number, rounded twice: the doubled high product to nearest (halves up), then the right shift to
    /// nearest (halves away from zero).
    ///
    /// With multiplier 2^30 and shift 0 (that is, 0.5) and with shift -1 (0.25):
    ///
    /// | x | times 0.5, exact | shift 0 | times 0.25, exact | shift -1 |
    /// |---:|---:|---:|---:|---:|
    /// |  3 |  1.5 |  2 |  0.75 |  1 |
    /// |  2 |  1.0 |  1 |  0.5  |  1 |
    /// |  1 |  0.5 |  1 |  0.25 |  1 |
    /// | -1 | -0.5 |  0 | -0.25 |  0 |
    /// | -2 | -1.0 | -1 | -0.5  | -1 |
    /// | -3 | -1.5 | -1 | -0.75 | -1 |
    ///
    /// (1 times 0.25 gives 1 because the first rounding already made it 1 and then 0.5: two roundings, as the reference
    /// kernels do. A single rounding would give 0 and is wrong here.) A left shift wraps at 32 bits.
    @inlinable
    @inline(__always)
    public func apply(_ x: Int32) -> Int32 {
        #if _pointerBitWidth(_64)
            // As below, in the 64 bits that a sum with a half may take: half as many instructions.
            let product = Int64(shift > 0 ? x &<< Int32(shift) : x) &* Int64(multiplier)
            let high = (product &+ 1_073_741_824) &>> 31
            guard shift < 0 else { return Int32(truncatingIfNeeded: high) }
            let right = Int64(0) &- Int64(shift)
            return Int32(truncatingIfNeeded: (high &+ (1 &<< (right &- 1)) &+ (high &>> 63)) &>> right)
        #else
            let left = max(shift, 0)
            let right = max(-shift, 0)
            let product = Int64(x &<< Int32(left)) &* Int64(multiplier)
            // The one product that would not fit, INT32_MIN squared, needs a negative multiplier, which no file may hold.
            let high = Int32(truncatingIfNeeded: (product &+ 1_073_741_824) &>> 31)
            return divideByPowerOfTwo(high, exponent: Int32(right))
        #endif
    }
}

/// `x / 2^exponent` to the nearest integer, halves away from zero. `exponent` in 0...31.
///
/// | x | exponent 1 | exponent 2 |
/// |---:|---:|---:|
/// |  3 |  2 |  1 |
/// |  2 |  1 |  1 |
/// | -1 | -1 |  0 |
/// | -2 | -1 | -1 |
/// | -3 | -2 | -1 |
@inlinable
@inline(__always)
public func divideByPowerOfTwo(_ x: Int32, exponent: Int32) -> Int32 {
    let mask = (Int32(1) &<< exponent) &- 1
    let remainder = x & mask
    let threshold = (mask &>> 1) &+ (x < 0 ? 1 : 0)
    return (x &>> exponent) &+ (remainder > threshold ? 1 : 0)
}

/// `value` clamped to `low ... high`, as a byte.
@inlinable
@inline(__always)
public func clampToInt8(_ value: Int32, _ low: Int8, _ high: Int8) -> Int8 {
    Int8(truncatingIfNeeded: min(max(value, Int32(low)), Int32(high)))
}
