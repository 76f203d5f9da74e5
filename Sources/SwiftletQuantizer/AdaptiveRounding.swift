/// Rounds weights up or down, and chooses their scale, as is best for what they make of the inputs that they really meet.
///
/// With `H` the covariance of the inputs, weights that are off by `d` leave the error `d' H d` (Nagel et al. 2020, "Up or Down?
/// Adaptive Rounding for Post-Training Quantization", equation 20). The paper's gradient descent needs a rate, a schedule and a
/// regularizer; the error being quadratic, descent from weight to weight needs none: a weight moves by a step wherever that
/// lowers the error, until no single step does. It begins where `RoundingFeedback` ends (Nair and Suggala 2024, "CDQuant",
/// descend from there as well).
///
/// A scale somewhat larger than need be costs little and rounds every weight anew: of a row of few weights, one of several
/// scales is much luckier than the others. What it does not do: means; biases give those back.

public struct AdaptiveRounding: WeightRounding {
    private let feedback: RoundingFeedback
    /// With the damping of `feedback`, row by row.
    private let covariance: [Double]
    private let keepsScale: Bool

    /// The most scales that are tried, and by how much the largest exceeds the least.
    private static let scaleLimit = 32
    private static let scaleReach = 0.15
    /// As many scales as keep their number times the width of a row at this: wide rows gain nothing by them.
    private static let scaleWork = 4096
    /// Rounds over all weights; what moves after so many moves by little.
    private static let roundLimit = 20

    /// - Parameters:
    ///   - covariance: of the inputs, `count` x `count`, symmetric. Nil when it is not that of anything: not positive, not finite.
    ///   - keepsScale: whether other rows have the same scale, so that none can choose.
    public init?(covariance: [Double], count: Int, keepsScale: Bool = false) {
        guard let feedback = RoundingFeedback(covariance: covariance, count: count) else { return nil }
        self.feedback = feedback
        self.covariance = RoundingFeedback.damped(covariance, count: count)
        self.keepsScale = keepsScale
    }

    public func quantize(_ values: [Double], least: Double) -> RoundedWeights {
        let count = values.count
        let nearest = NearestRounding().quantize(values, least: least)
        // The error of rounding to nearest is where the search starts: none is ever worse.
        var best = descend(nearest, to: values)
        let scales = keepsScale ? 1 : max(1, min(Self.scaleLimit, Self.scaleWork / count))
        for index in 0..<scales {
            let scale = least * (1 + Self.scaleReach * Double(index) / Double(scales))
            let found = descend(feedback.quantize(values, least: scale), to: values)
            if found.error < best.error { best = found }
        }
        return best.weights
    }

    /// Moves weights by single steps as long as one of them lowers the error.
    private func descend(_ start: RoundedWeights, to values: [Double]) -> (weights: RoundedWeights, error: Double) {
        let count = values.count
        var steps = start.steps.map { Int($0) }
        let differences = values.indices.map { Double(steps[$0]) - values[$0] / start.scale }
        var error = 0.0
        var slopes = [Double](repeating: 0, count: count)
        covariance.withUnsafeBufferPointer { covariance in
            slopes.withUnsafeMutableBufferPointer { slopes in
                /// Adds `amount` times a row of the covariance.
                func add(_ amount: Double, row: Int) {
                    let row = UnsafeBufferPointer(rebasing: covariance[(row * count)..<((row + 1) * count)])
                    for index in 0..<count { slopes[index] += amount * row[index] }
                }
                for index in 0..<count { add(differences[index], row: index) }
                for index in 0..<count { error += differences[index] * slopes[index] }
                for _ in 0..<Self.roundLimit {
                    var hasMoved = false
                    for index in 0..<count {
                        let move = slopes[index] > 0 ? -1 : 1
                        // d + m e: the error changes by 2 m (H d)[i] + H[i][i].
                        let change = covariance[index * count + index] - 2 * abs(slopes[index])
                        guard change < 0, abs(steps[index] + move) <= 127 else { continue }
                        steps[index] += move
                        error += change
                        add(Double(move), row: index)
                        hasMoved = true
                    }
                    if !hasMoved { break }
                }
            }
        }
        return (
            RoundedWeights(steps: steps.map { Int8($0) }, scale: start.scale), error * start.scale * start.scale
        )
    }
}
