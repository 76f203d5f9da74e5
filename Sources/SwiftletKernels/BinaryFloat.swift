/// Float32 without a floating-point unit: what `softmax` needs of IEEE 754, to the last bit, in integers.
///
/// What it does not do: negative numbers, infinities, NaN; results below the normal range, which become zero.

/// `significand * 2^exponent`, with a significand of 2^23 ..< 2^24, or zero.
struct BinaryFloat {
    var significand: UInt64
    var exponent: Int

    static let zero = BinaryFloat(significand: 0, exponent: 0)

    init(significand: UInt64, exponent: Int) {
        self.significand = significand
        self.exponent = exponent
    }

    /// - Parameter bits: of a number that is not negative and finite; one below the normal range is kept as it is.
    init(bits: UInt32) {
        let fraction = UInt64(bits & 0x7F_FFFF)
        let biased = Int(bits >> 23)
        self =
            biased == 0
            ? BinaryFloat.rounding(fraction, exponent: -149)
            : BinaryFloat(significand: fraction | 0x80_0000, exponent: biased - 150)
    }

    /// The nearest number of 24 bits, ties to even. What `value` has lost below its last bit must be in that bit, as a 1.
    private static func rounding(_ value: UInt64, exponent: Int) -> BinaryFloat {
        guard value > 0 else { return .zero }
        let excess = 40 - value.leadingZeroBitCount  // Bits beyond 24.
        guard excess > 0 else { return BinaryFloat(significand: value << UInt64(-excess), exponent: exponent + excess) }
        let shift = UInt64(excess)
        let half = UInt64(1) << (shift - 1)
        let rest = value & ((half << 1) - 1)
        var result = value >> shift
        if rest > half || rest == half && result & 1 == 1 { result += 1 }
        // 2^24 has one bit too many; it is even.
        return result == 1 << 24
            ? BinaryFloat(significand: 1 << 23, exponent: exponent + excess + 1)
            : BinaryFloat(significand: result, exponent: exponent + excess)
    }

    func adding(_ other: BinaryFloat) -> BinaryFloat {
        if significand == 0 { return other }
        if other.significand == 0 { return self }
        let (large, small) = exponent >= other.exponent ? (self, other) : (other, self)
        // 24 bits and 32 more to keep what the smaller one loses; the rest of it is one sticky bit.
        let distance = large.exponent - small.exponent
        let raised = small.significand << 32
        let kept = distance < 56 ? raised >> UInt64(distance) : 0
        let isExact = distance < 56 && kept << UInt64(distance) == raised
        return .rounding((large.significand << 32) + kept | (isExact ? 0 : 1), exponent: large.exponent - 32)
    }

    func multiplied(by other: BinaryFloat) -> BinaryFloat {
        .rounding(significand * other.significand, exponent: exponent + other.exponent)
    }

    /// 1 / self, of a number that is not zero.
    var reciprocal: BinaryFloat {
        let one = UInt64(1) << 62
        let quotient = one / significand
        return .rounding(quotient << 1 | (quotient * significand == one ? 0 : 1), exponent: -63 - exponent)
    }

    /// The nearest integer, halves away from zero, at most `limit`.
    func rounded(limit: Int32) -> Int32 {
        if exponent >= 0 { return significand == 0 ? 0 : limit }
        let shift = UInt64(-exponent)
        guard shift < 26 else { return 0 }
        return Int32(truncatingIfNeeded: min((significand + (1 << (shift - 1))) >> shift, UInt64(limit)))
    }
}
