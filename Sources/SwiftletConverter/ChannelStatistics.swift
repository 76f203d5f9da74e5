/// What calibration keeps of each channel of a value, beside the distribution of all of them together.
///
/// What it does not do: look at pictures; `Calibrator` does.

/// What calibration saw of the channels of a value.
public struct ChannelStatistics: Sendable {
    public var means: [Float]
    public var minima: [Float]
    public var maxima: [Float]
    /// The mean of the squares.
    public var powers: [Float]

    public init(means: [Float], minima: [Float], maxima: [Float], powers: [Float]) {
        self.means = means
        self.minima = minima
        self.maxima = maxima
        self.powers = powers
    }

    /// What each channel hardly ever falls below: three deviations below its mean (Nagel et al. 2019, section 4.1.3), 0 where that
    /// is less.
    var floors: [Float] {
        zip(means, powers).map { mean, power in
            max(0, mean - 3 * max(0, power - mean * mean).squareRoot())
        }
    }

    /// What each channel covers, but for what lies further than six deviations from its mean. Nothing of a channel that no number
    /// stands for, having met NaN or infinity: the choice of ranges refuses that by name.
    var bulks: [ClosedRange<Float>] {
        means.indices.map { channel in
            let (mean, power) = (means[channel], powers[channel])
            let reach = 6 * max(0, power - mean * mean).squareRoot()
            let (low, high) = (max(minima[channel], mean - reach), min(maxima[channel], mean + reach))
            return low <= high && (high - low).isFinite ? low...high : 0...0
        }
    }
}
