/// Why a layer is far from float, from what was measured of it, and which options help.
///
/// What it does not do: promise; a remedy is worth trying, and `--evaluation` says what it was worth.
import Foundation

public struct LayerExplanation: Sendable, Codable, Equatable {
    /// What most of the error, as those that read the layer feel it, comes from.
    public enum Reason: String, Sendable, Codable {
        /// Outputs beyond what int8 covers.
        case saturation
        /// Channels that are off by the same amount everywhere.
        case shiftedMeans = "shifted means"
        /// Rounded weights.
        case weights = "rounded weights"
        /// Channels of which nothing is left but one number.
        case deadChannel = "dead channel"
        /// Channels that use a small part of the range that they share.
        case channelSpread = "channel spread"
        /// A few outputs far from all others, for which the steps are wide.
        case rangeOutlier = "range outlier"
        /// The steps, though well used, are too few.
        case coarseSteps = "coarse steps"
    }

    public var reason: Reason
    /// The numbers that say so.
    public var evidence: String
    /// Options of `convert` that help against it, the likeliest first.
    public var remedies: [String]

    /// A channel or all but a thousandth of the outputs lie in less than this share of the range.
    private static let smallShare = 0.25

    /// - Parameter weights: how much each stored channel counts.
    /// - Returns: nil for a layer that adds no error.
    init?(_ errors: LayerErrors, weights: [Double], options: ConversionOptions) {
        let parts = Parts(errors, weights)
        guard parts.own > 0 else { return nil }
        let reason = parts.reason
        self.reason = reason
        switch reason {
        case .saturation:
            let share = Double(errors.saturated) / Double(max(errors.count * errors.channels.count, 1))
            evidence = String(
                format: "%.2g %% of the outputs at the ends of the range make %.0f %% of the error", share * 100,
                parts.share(parts.saturation) * 100)
        case .shiftedMeans:
            evidence = String(format: "the means of channels make %.0f %% of the error", parts.mean / parts.own * 100)
        case .weights:
            evidence = String(format: "weights make %.0f %% of the error", parts.share(parts.weights) * 100)
        case .deadChannel:
            let dead = errors.channels.filter(\.isDead).count
            evidence = "\(dead) of \(errors.channels.count) channels are one number in int8, though not in float"
        case .channelSpread:
            evidence = String(
                format: "%d of %d channels stay within %.0f %% of the range and have %.0f %% of the rounding error",
                errors.channels.filter { $0.rangeShare(errors.operation) < Self.smallShare }.count,
                errors.channels.count,
                Self.smallShare * 100, parts.narrow / parts.rounding * 100)
        case .rangeOutlier:
            evidence = String(
                format: "99.9 %% of the outputs lie within %.0f %% of the range", parts.usedShare * 100)
        case .coarseSteps:
            evidence = String(format: "the root mean square of the outputs is %.1f steps", parts.level)
        }
        remedies = Self.remedies(reason, options: options)
        // Nothing that bits could help against is left where there are 16, and weights have 8 in any case.
        let isHelpedByBits = reason != .weights && reason != .shiftedMeans
        if isHelpedByBits, errors.canBeKept, !errors.operation.isWide {
            remedies.append("--keep \(errors.layer)=int16")
        }
    }

    private static func remedies(_ reason: Reason, options: ConversionOptions) -> [String] {
        switch reason {
        case .saturation: return options.rangeMethod == .minMax ? [] : ["--ranges min-max"]
        case .shiftedMeans:
            return options.correctsBiasesEmpirically == true ? ["--rounding nearest"] : ["--empirical-biases"]
        case .weights:
            if options.roundingMethod == .nearest { return ["--rounding adaptive"] }
            return options.equalizesChannels ? ["--shared-scales"] : ["no --shared-scales"]
        case .deadChannel, .channelSpread: return options.equalizesChannels ? [] : ["no --shared-scales"]
        case .rangeOutlier:
            return ["--ranges mse", "--ranges percentile=99.9"].filter { $0 != "--ranges \(options.rangeMethod)" }
        case .coarseSteps: return []
        }
    }

    /// The parts of the error as they are felt.
    private struct Parts {
        let own: Double
        let saturation: Double
        let rounding: Double
        let weights: Double
        /// Of `own`: what means that are off make of it.
        let mean: Double
        /// Of `rounding`: in channels of one number, and in those that use little of the range.
        let dead: Double
        let narrow: Double
        /// The share of the range that holds all but a thousandth of the outputs.
        let usedShare: Double
        /// The root mean square of float in steps.
        let level: Double

        init(_ errors: LayerErrors, _ weights: [Double]) {
            own = errors.sum(\.own, weights: weights)
            saturation = errors.sum(\.saturation, weights: weights)
            rounding = errors.sum(\.rounding, weights: weights)
            self.weights = errors.sum(\.weights, weights: weights)
            let count = Double(max(errors.count, 1))
            var (mean, dead, narrow, squares) = (0.0, 0.0, 0.0, 0.0)
            for (channel, weight) in zip(errors.channels, weights) {
                mean += weight * channel.shift * channel.shift / count
                let scale = Double(channel.quantization.scale)
                squares += channel.signal / (scale * scale)
                if channel.isDead { dead += weight * channel.rounding }
                if channel.rangeShare(errors.operation) < LayerExplanation.smallShare {
                    narrow += weight * channel.rounding
                }
            }
            (self.mean, self.dead, self.narrow) = (mean, dead, narrow)
            level = (squares / (count * Double(errors.channels.count))).squareRoot()
            let used = (try? errors.statistics.range(.percentile(99.9))) ?? 0...0
            let range =
                errors.channels.map { Float(errors.operation.ends.count - 1) * $0.quantization.scale }.max() ?? 1
            usedShare = Double((used.upperBound - used.lowerBound) / range)
        }

        /// Of the three parts that `own` is made of.
        func share(_ part: Double) -> Double { part / (saturation + rounding + weights) }

        var reason: Reason {
            if share(saturation) > 0.5 { return .saturation }
            if share(weights) > 0.5 { return mean > own / 2 ? .shiftedMeans : .weights }
            if dead > rounding / 2 { return .deadChannel }
            if narrow > rounding / 2, usedShare >= LayerExplanation.smallShare { return .channelSpread }
            return usedShare < LayerExplanation.smallShare ? .rangeOutlier : .coarseSteps
        }
    }
}

extension LayerErrors.Channel {
    /// How much of what its bits cover the channel's outputs take.
    fileprivate func rangeShare(_ operation: ConvertedOperation) -> Double {
        Double((local.high - local.low) / (Float(operation.ends.count - 1) * quantization.scale))
    }
}
