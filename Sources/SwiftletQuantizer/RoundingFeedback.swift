/// Rounds weights so that their errors cancel on the inputs that they really meet.
///
/// Inputs of a convolution go together: neighbouring pixels are alike, channels follow each other. With `H` the covariance of the
/// inputs, roundings `d` leave the error `d' H d`; weights are rounded one after the other, each to what the roundings before
/// it leave to be made good. What it does not do: means; biases give those back.
///
/// Source: Frantar and Alistarh 2022, "Optimal Brain Compression", and Frantar et al. 2022, "GPTQ"; in the form of Babai's nearest
/// plane, which needs no inverse: with `H = M M'` and `M` upper triangular the error is `|M' d|^2`.

public struct RoundingFeedback: WeightRounding {
    public let count: Int
    /// Row `i`: what the error of weight `i` asks of each weight `j > i`, `M[i][j] / M[j][j]`.
    private let shares: [Double]

    /// Added to the diagonal, as a share of its mean: what calibration has not seen may still come.
    static let damping = 0.01

    /// - Parameter covariance: of the inputs, `count` x `count`, symmetric. Nil when it is not that of anything: not positive, not
    ///   finite.
    public init?(covariance: [Double], count: Int) {
        guard count > 0, covariance.count == count * count else { return nil }
        self.count = count
        let mean = Self.meanVariance(covariance, count: count)
        guard mean.isFinite, mean > 0 else { return nil }
        var matrix = Self.damped(covariance, count: count)
        var shares = [Double](repeating: 0, count: count * count)
        var isPositive = true
        matrix.withUnsafeMutableBufferPointer { matrix in
            // From the last row up; row j of `matrix` becomes row j of M, right of the diagonal first.
            for i in stride(from: count - 1, through: 0, by: -1) {
                let rowI = i * count
                var pivot = matrix[rowI + i]
                for k in (i + 1)..<max(count, i + 1) { pivot -= matrix[rowI + k] * matrix[rowI + k] }
                guard pivot > 0 else {
                    isPositive = false
                    return
                }
                let diagonal = pivot.squareRoot()
                matrix[rowI + i] = diagonal
                for j in 0..<i {
                    let rowJ = j * count
                    var sum = matrix[rowJ + i]
                    for k in (i + 1)..<max(count, i + 1) { sum -= matrix[rowJ + k] * matrix[rowI + k] }
                    matrix[rowJ + i] = sum / diagonal
                    shares[rowJ + i] = sum / (diagonal * diagonal)
                }
            }
        }
        guard isPositive else { return nil }
        self.shares = shares
    }

    private static func meanVariance(_ covariance: [Double], count: Int) -> Double {
        (0..<count).reduce(0) { $0 + covariance[$1 * count + $1] } / Double(count)
    }

    static func damped(_ covariance: [Double], count: Int) -> [Double] {
        var matrix = covariance
        let added = damping * meanVariance(covariance, count: count)
        for index in 0..<count { matrix[index * count + index] += added }
        return matrix
    }

    public func quantize(_ values: [Double], least: Double) -> RoundedWeights {
        RoundedWeights(steps: round(values.map { $0 / least }), scale: least)
    }

    /// - Parameter values: weights in steps of their scale, `count` of them.
    /// - Returns: the rounded ones, -127...127.
    func round(_ values: [Double]) -> [Int8] {
        // What earlier roundings leave to each weight; all later ones are told at once, which vectors do well.
        var targets = values
        var result = [Int8](repeating: 0, count: count)
        shares.withUnsafeBufferPointer { shares in
            targets.withUnsafeMutableBufferPointer { targets in
                for i in 0..<count {
                    let rounded = max(-127, min(127, targets[i].rounded(.toNearestOrAwayFromZero)))
                    let error = rounded - values[i]
                    let row = UnsafeBufferPointer(rebasing: shares[(i * count)..<((i + 1) * count)])
                    for later in (i + 1)..<max(count, i + 1) { targets[later] -= row[later] * error }
                    result[i] = Int8(rounded)
                }
            }
        }
        return result
    }
}
