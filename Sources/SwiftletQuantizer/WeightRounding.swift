/// Ways to bring the weights of one output channel to int8, told apart by what they know of the inputs that the weights meet.
///
/// What it does not do: biases; `QuantizedChannel` has them.

public protocol WeightRounding: Sendable {
    /// - Parameters:
    ///   - values: the real weights.
    ///   - least: the smallest scale that holds them all in 127 steps, above zero.
    /// - Returns: -127...127 for each, in steps of a scale that is `least` or larger.
    func quantize(_ values: [Double], least: Double) -> RoundedWeights
}

/// Weights in steps of a scale.
public struct RoundedWeights: Sendable {
    public var steps: [Int8]
    public var scale: Double

    public init(steps: [Int8], scale: Double) {
        self.steps = steps
        self.scale = scale
    }
}

/// Each weight for itself, halves away from zero.
public struct NearestRounding: WeightRounding {
    public init() {}

    public func quantize(_ values: [Double], least: Double) -> RoundedWeights {
        RoundedWeights(steps: values.map { Self.round($0 / least) }, scale: least)
    }

    /// The nearest of -127...127.
    static func round(_ steps: Double) -> Int8 {
        Int8(max(-127, min(127, steps.rounded(.toNearestOrAwayFromZero))))
    }
}

/// The names of the ways.
public enum RoundingMethod: String, CaseIterable, Sendable {
    /// `NearestRounding`.
    case nearest
    /// `RoundingFeedback`.
    case feedback
    /// `AdaptiveRounding`.
    case adaptive

    /// - Parameters:
    ///   - covariance: of the inputs, `count` x `count`, symmetric.
    ///   - keepsScale: whether the scale is always the least.
    /// - Returns: to nearest where the covariance is not that of anything.
    public func rounding(covariance: [Double], count: Int, keepsScale: Bool = false) -> any WeightRounding {
        switch self {
        case .nearest: NearestRounding()
        case .feedback: RoundingFeedback(covariance: covariance, count: count) ?? NearestRounding()
        case .adaptive:
            AdaptiveRounding(covariance: covariance, count: count, keepsScale: keepsScale) ?? NearestRounding()
        }
    }
}
