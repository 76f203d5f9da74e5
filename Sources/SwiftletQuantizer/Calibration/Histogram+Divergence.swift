/// The choice of a range by how its int8 numbers are distributed: calibration by Kullback-Leibler divergence.
///
/// What it does not do: zeros, which every range holds exactly; they are not in the histogram.
import Foundation

extension Histogram {
    /// Of the ranges that bound magnitudes within `whole`, the one whose 255 steps, each spread evenly over what it held, are
    /// least surprised by the numbers that were seen, those outside of the range at its ends (Migacz 2017, pages 18 to 21).
    func rangeOfLeastDivergence(within whole: ClosedRange<Float>) -> ClosedRange<Double> {
        let (low, high) = (Double(whole.lowerBound), Double(whole.upperBound))
        var best = (divergence: Double.infinity, range: low...high)
        // A range of fewer bins than steps would always be exact.
        for sixtyFourths in stride(from: 64, through: 8, by: -1) {
            let magnitude = max(-low, high) * Double(sixtyFourths) / 64
            let range = max(low, -magnitude)...min(high, magnitude)
            let (first, last) = (bin(range.lowerBound), bin(range.upperBound))
            guard last - first >= 255 else { break }
            let divergence = divergence(first...last)
            if divergence < best.divergence { best = (divergence, range) }
        }
        return best.range
    }

    /// The bin of a number in the range.
    private func bin(_ value: Double) -> Int { min(max(Int((value - low) / width), 0), Self.binCount - 1) }

    /// What is lost when the numbers of `bins`, and at their ends all others, are told by 255 steps.
    private func divergence(_ bins: ClosedRange<Int>) -> Double {
        let total = Double(counts.reduce(0, +))
        var held = counts[bins].map { Double($0) }
        let kept = held.reduce(0, +)
        guard total > 0, kept > 0 else { return .infinity }
        // As int8 tells it: each step's numbers spread over those of its bins that held any.
        var told = [Double](repeating: 0, count: held.count)
        for step in 0..<255 {
            let members = (step * held.count / 255)..<((step + 1) * held.count / 255)
            let occupied = members.filter { held[$0] > 0 }
            let sum = occupied.reduce(0) { $0 + held[$1] }
            for member in occupied { told[member] = sum / Double(occupied.count) / kept }
        }
        held[0] += Double(counts[..<bins.lowerBound].reduce(0, +))
        held[held.count - 1] += Double(counts[(bins.upperBound + 1)...].reduce(0, +))
        // A bin that only outliers fill is told by nothing; a ten-thousandth keeps the logarithm finite and outliers cheap.
        return zip(held, told).reduce(0) { sum, pair in
            let share = pair.0 / total
            return share > 0 ? sum + share * log(share / max(pair.1, 1e-4)) : sum
        }
    }
}
