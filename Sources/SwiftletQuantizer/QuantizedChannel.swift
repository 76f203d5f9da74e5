/// The weights of one output channel in int8, with a scale of their own, and its bias in int32.
///
/// What it does not do: choose the scale of other channels; each has its own.

public struct QuantizedChannel: Sendable {
    /// -127...127.
    public var weights: [Int8]
    /// `real weight = scale * weights[i]`.
    public var scale: Double
    /// In steps of `inputScale * scale`.
    public var bias: Int32

    /// Half of what 32 bits hold: the rest is left to the sum.
    public static let biasLimit = 1_073_741_824.0

    /// The scale is the smallest that holds the largest weight in 127 steps, or a larger one when `rounding` says so or the
    /// bias would not fit otherwise: a channel of all but dead weights with a real bias, as batch norms of dead channels
    /// leave behind.
    ///
    /// - Parameter least: a scale that it is not below in any case.
    public init(
        _ values: [Float], bias real: Float, inputScale: Double, least: Double = 0,
        rounding: any WeightRounding = NearestRounding()
    ) {
        let least = max(least, Self.leastScale(values, bias: real, inputScale: inputScale))
        let rounded = rounding.quantize(values.map { Double($0) }, least: least == 0 ? 1 : least)
        (weights, scale) = (rounded.steps, rounded.scale)
        bias = Int32((Double(real) / (inputScale * scale)).rounded(.toNearestOrAwayFromZero))
    }

    /// The smallest scale that holds weights and bias; 0 for a channel without either.
    public static func leastScale(_ values: [Float], bias real: Float, inputScale: Double) -> Double {
        let largest = Double(values.map(abs).max() ?? 0)
        return max(largest / 127, abs(Double(real)) / (inputScale * biasLimit))
    }

    /// The same weights with another bias; nil when it does not fit into their scale.
    public func withBias(_ real: Float, inputScale: Double) -> QuantizedChannel? {
        let steps = (Double(real) / (inputScale * scale)).rounded(.toNearestOrAwayFromZero)
        guard abs(steps) <= Self.biasLimit else { return nil }
        var result = self
        result.bias = Int32(steps)
        return result
    }
}
