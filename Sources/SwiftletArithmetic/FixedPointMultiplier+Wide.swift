/// The rounding rule where a map has 16 bits: a 64-bit accumulator times a real number, in integers only.
///
/// Sums of 8-bit weights and 16-bit inputs leave 32 bits from 516 terms on, so they are made in 64, and the multiplier is
/// rounded to 16 bits so that the product fits. One rounding instead of the two of `apply`.
/// What it does not do: saturate; whoever stores the result clamps it.
///
/// Source: TFLite's `MultiplyByQuantizedMultiplier` of an int64 (`kernels/internal/common.h`), which its reference kernels for
/// 16-bit activations and 8-bit weights use; the quantization specification "16x8".
extension FixedPointMultiplier {
    /// The shifts that a file may hold where a map has 16 bits.
    public static let wideShiftRange: ClosedRange<Int8> = -31...14

    /// `x` times this number, to nearest, halves up: `(x * m + 2^(s - 1)) >> s` with `m` the multiplier's upper 16 bits,
    /// rounded and at most 32767, and `s = 15 - shift`.
    ///
    /// With multiplier 2^30 and shift 0 (that is, 0.5) and with shift -1 (0.25):
    ///
    /// | x | times 0.5, exact | shift 0 | times 0.25, exact | shift -1 |
    /// |---:|---:|---:|---:|---:|
    /// |  3 |  1.5 |  2 |  0.75 |  1 |
    /// |  2 |  1.0 |  1 |  0.5  |  1 |
    /// |  1 |  0.5 |  1 |  0.25 |  0 |
    /// | -1 | -0.5 |  0 | -0.25 |  0 |
    /// | -2 | -1.0 | -1 | -0.5  |  0 |
    /// | -3 | -1.5 | -1 | -0.75 | -1 |
    ///
    /// - Parameter x: -2^47 ..< 2^47.
    @inlinable
    @inline(__always)
    public func applyWide(_ x: Int64) -> Int64 {
        let reduced = multiplier < 0x7FFF_0000 ? Int64((multiplier &+ 0x8000) &>> 16) : 0x7FFF
        let total = Int64(15) &- Int64(shift)
        return (x &* reduced &+ (1 &<< (total &- 1))) &>> total
    }
}
