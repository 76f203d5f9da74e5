/// Scale and zero point of int8 activations: `real = scale * (q - zeroPoint)`.
///
/// What it does not do: choose the range; calibration does.

public struct AffineQuantization: Hashable, Sendable {
    public var scale: Float
    public var zeroPoint: Int8

    public init(scale: Float, zeroPoint: Int8) {
        self.scale = scale
        self.zeroPoint = zeroPoint
    }

    /// A scale below this would ask for multipliers that no accumulator needs.
    public static let smallestScale: Float = 1e-9

    /// The quantization that covers `range`, which is first widened to contain 0: zero is then exact, and padding costs
    /// nothing (Jacob et al. 2018, section 3).
    public init(_ range: ClosedRange<Float>) {
        let low = Double(min(range.lowerBound, 0))
        let high = Double(max(range.upperBound, 0))
        let step = max((high - low) / 255, Double(Self.smallestScale))
        scale = Float(step)
        zeroPoint = Int8(max(-128, min(127, (-128 - low / step).rounded(.toNearestOrAwayFromZero))))
    }

    /// The nearest int8, halves away from zero, saturated.
    public func quantize(_ real: Float) -> Int8 {
        Int8(max(-128, min(127, (real / scale).rounded(.toNearestOrAwayFromZero) + Float(zeroPoint))))
    }

    public func dequantize(_ value: Int8) -> Float { scale * Float(Int(value) - Int(zeroPoint)) }
}
