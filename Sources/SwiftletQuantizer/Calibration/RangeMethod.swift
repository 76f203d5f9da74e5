/// The ways to choose the range that int8 activations cover, from what calibration has seen.
///
/// Every range contains 0, which int8 then holds exactly, and none is wider than what was seen and 0.
/// What it does not do: weights, whose largest is always held.

public enum RangeMethod: Hashable, Sendable {
    /// Everything that was seen.
    case minMax
    /// The extremes of a batch of pictures, averaged over batches, the last ones most: a single outlier counts little (Jacob et al.
    /// 2018, section 3.1; the share of a new batch is `ValueStatistics.batchShare`).
    case movingAverage
    /// All but the outermost `100 - percent` per cent of the values, half of them at either end.
    case percentile(Double)
    /// The range of the smallest mean squared error: rounding inside against clipping outside (Sung et al. 2015, "Resiliency
    /// of Deep Neural Networks under Quantization"; Nagel et al. 2021, "A White Paper on Neural Network Quantization",
    /// section 3.1).
    case meanSquaredError
    /// The range whose int8 numbers are distributed most like those that were seen, by the Kullback-Leibler divergence (Migacz
    /// 2017, "8-bit Inference with TensorRT", GTC S7310).
    case divergence
}

extension RangeMethod: LosslessStringConvertible {
    /// What `init(_:)` understands, for messages.
    public static let forms = ["min-max", "moving-average", "percentile=99.99", "mse", "kl"]

    /// "min-max", "moving-average", "percentile=99.99" (above 0, at most 100), "percentile" (99.99), "mse" or "kl".
    public init?(_ description: String) {
        switch description {
        case "min-max": self = .minMax
        case "moving-average": self = .movingAverage
        case "mse": self = .meanSquaredError
        case "kl": self = .divergence
        case "percentile": self = .percentile(99.99)
        default:
            guard description.hasPrefix("percentile="), let percent = Double(description.dropFirst(11)), percent > 0,
                percent <= 100
            else { return nil }
            self = .percentile(percent)
        }
    }

    public var description: String {
        switch self {
        case .minMax: "min-max"
        case .percentile(let percent): "percentile=\(percent)"
        case .movingAverage: "moving-average"
        case .meanSquaredError: "mse"
        case .divergence: "kl"
        }
    }
}

extension ValueStatistics {
    /// The range that int8 should cover.
    ///
    /// - Throws: `CalibrationError.nothingSeen` before the first number, `.notFinite` when NaN or infinity was among them.
    public func range(_ method: RangeMethod) throws -> ClosedRange<Float> {
        guard notFiniteCount == 0 else {
            throw CalibrationError.notFinite(value: name, found: notFiniteCount, of: count)
        }
        guard let extremes else { throw CalibrationError.nothingSeen(value: name) }
        let whole = min(extremes.lowerBound, 0)...max(extremes.upperBound, 0)
        guard let histogram else { return whole }
        switch method {
        case .minMax:
            return whole
        case .movingAverage:
            guard let averages else { return whole }
            return clip(whole, Double(averages.lowerBound)...Double(averages.upperBound))
        case .percentile(let percent):
            let tail = max(0, min(1, (100 - percent) / 200)) * Double(count)
            return clip(whole, histogram.quantiles(tail: tail, zeros: zeroCount))
        case .meanSquaredError:
            return clip(whole, histogram.rangeOfLeastError(within: whole))
        case .divergence:
            return clip(whole, histogram.rangeOfLeastDivergence(within: whole))
        }
    }

    private func clip(_ whole: ClosedRange<Float>, _ range: ClosedRange<Double>) -> ClosedRange<Float> {
        let low = max(Double(whole.lowerBound), min(range.lowerBound, 0))
        let high = min(Double(whole.upperBound), max(range.upperBound, 0))
        return Float(low)...Float(high)
    }
}

extension Histogram {
    /// The edges beyond which at most `tail` values lie, at either end; `zeros` more values lie at 0.
    fileprivate func quantiles(tail: Double, zeros: Int) -> ClosedRange<Double> {
        func outermost(_ bins: some Sequence<Int>, isBeyond zero: (Int) -> Bool) -> Int? {
            var seen = 0.0
            var zerosLeft = Double(zeros)
            for bin in bins {
                if zero(bin) {
                    seen += zerosLeft
                    zerosLeft = 0
                }
                seen += Double(counts[bin])
                if seen > tail { return bin }
            }
            return nil
        }
        let first = outermost(0..<Self.binCount) { edge($0 + 1) > 0 }
        let last = outermost((0..<Self.binCount).reversed()) { edge($0) <= 0 }
        guard let first, let last, first <= last else { return 0...0 }
        return edge(first)...edge(last + 1)
    }

    /// Searches ranges whose ends are edges of bins or the ends of `whole`.
    ///
    /// The error of a range with steps of s: s^2 / 12 for each value inside, as if spread evenly over a step; for each
    /// outside the square of its distance. Sums over bins make each range a matter of a few additions.
    fileprivate func rangeOfLeastError(within whole: ClosedRange<Float>) -> ClosedRange<Double> {
        // Below edge i: how many values, their sum, the sum of their squares; each bin as spread evenly.
        var count = [0.0]
        var sum = [0.0]
        var squares = [0.0]
        for bin in 0..<Self.binCount {
            let (values, centre) = (Double(counts[bin]), edge(bin) + width / 2)
            count.append(count[bin] + values)
            sum.append(sum[bin] + values * centre)
            squares.append(squares[bin] + values * (centre * centre + width * width / 12))
        }
        /// Squared distances to `end` of all values from edge `first` to edge `last`.
        func clipping(_ first: Int, _ last: Int, to end: Double) -> Double {
            let (values, total) = (count[last] - count[first], sum[last] - sum[first])
            return max(0, squares[last] - squares[first] - 2 * end * total + end * end * values)
        }
        /// The edges from which on a range may reach to either side: every eighth, and 0 or the outermost.
        func candidates(_ end: Float, isLow: Bool) -> [(edge: Int, end: Double)] {
            let end = Double(end)
            let outermost = isLow ? (edge: 0, end: end) : (edge: Self.binCount, end: end)
            let inner = stride(from: 0, through: Self.binCount, by: 8).map { (edge: $0, end: edge($0)) }
            return inner.filter { isLow ? $0.end > end && $0.end <= 0 : $0.end < end && $0.end >= 0 } + [outermost]
        }

        var best = (error: Double.infinity, range: Double(whole.lowerBound)...Double(whole.upperBound))
        let highs = candidates(whole.upperBound, isLow: false)
        for (first, low) in candidates(whole.lowerBound, isLow: true) {
            for (last, high) in highs where high > low && last >= first {
                let step = (high - low) / 255
                let error =
                    (count[last] - count[first]) * step * step / 12 + clipping(0, first, to: low)
                    + clipping(last, Self.binCount, to: high)
                if error < best.error { best = (error, low...high) }
            }
        }
        return best.range
    }
}

/// Why no range can be chosen.
public enum CalibrationError: Error, Equatable, CustomStringConvertible {
    case nothingSeen(value: String)
    case notFinite(value: String, found: Int, of: Int)

    public var description: String {
        switch self {
        case .nothingSeen(let value):
            "calibration has seen no number of \(value); give it at least one picture"
        case .notFinite(let value, let found, let count):
            "calibration met NaN or infinity at \(value) (\(found) of \(count) numbers); "
                + "evaluate the float network on the same pictures first"
        }
    }
}
