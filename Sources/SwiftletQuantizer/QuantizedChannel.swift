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

    /// Rounds to nearest, or as `feedback` says. The scale is the smallest that holds the largest weight in 127 steps, or a larger one when the
    /// bias would not fit otherwise: a channel of all but dead weights with a real bias, as batch norms of dead channels
    /// leave behind.
    public init(_ values: [Float], bias real: Float, inputScale: Double, feedback: RoundingFeedback? = nil) {
        let largest = Double(values.map(abs).max() ?? 0)
        var scale = largest / 127
        let forBias = abs(Double(real)) / (inputScale * Self.biasLimit)
        scale = max(scale, forBias)
        if scale == 0 { scale = 1 }
        self.scale = scale
        let steps = values.map { Double($0) / scale }
        weights =
            feedback?.round(steps)
            ?? steps.map { Int8(max(-127, min(127, $0.rounded(.toNearestOrAwayFromZero)))) }
        bias = Int32((Double(real) / (inputScale * scale)).rounded(.toNearestOrAwayFromZero))
    }
}
