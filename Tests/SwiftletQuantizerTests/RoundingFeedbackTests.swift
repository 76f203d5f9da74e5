/// Weights whose roundings make each other good.
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletQuantizer

@Suite struct RoundingFeedbackTests {
    /// What roundings cost on inputs of this covariance.
    private func error(_ values: [Double], _ rounded: [Int8], _ covariance: [Double]) -> Double {
        let count = values.count
        let d = zip(values, rounded).map { Double($1) - $0 }
        return (0..<count).reduce(0) { sum, i in
            sum + (0..<count).reduce(0) { $0 + d[i] * covariance[i * count + $1] * d[$1] }
        }
    }

    /// Inputs that are mixtures of a few sources.
    private func mixture(_ count: Int, sources: Int, using generator: inout SeededGenerator) -> [Double] {
        let mix = (0..<(count * sources)).map { _ in Double.random(in: -1...1, using: &generator) }
        return (0..<(count * count)).map { index in
            (0..<sources).reduce(index / count == index % count ? 0.02 : 0) {
                $0 + mix[index / count * sources + $1] * mix[index % count * sources + $1]
            }
        }
    }

    @Test func inputsThatGoTogetherCostLessThanRoundingToNearest() throws {
        let seed: UInt64 = 17
        var generator = SeededGenerator(seed: seed)
        for round in 0..<40 {
            let count = Int.random(in: 4...40, using: &generator)
            let covariance = mixture(count, sources: max(1, count / 4), using: &generator)
            let feedback = try #require(RoundingFeedback(covariance: covariance, count: count))
            var (nearest, fed) = (0.0, 0.0)
            for _ in 0..<20 {
                let values = (0..<count).map { _ in Double.random(in: -120...120, using: &generator) }
                nearest += error(values, values.map { Int8($0.rounded()) }, covariance)
                fed += error(values, feedback.round(values), covariance)
            }
            #expect(fed < nearest * 0.8, "seed \(seed) round \(round): \(count) inputs, \(nearest) to \(fed)")
        }
    }

    @Test func inputsThatAreIndependentAreRoundedToNearest() throws {
        let count = 9
        let identity = (0..<(count * count)).map { $0 / count == $0 % count ? 3.0 : 0 }
        let feedback = try #require(RoundingFeedback(covariance: identity, count: count))
        #expect(
            feedback.round([1.4, -1.6, 0.2, 126.9, -130, 140, 0, 7.51, -7.51]) == [1, -2, 0, 127, -127, 127, 0, 8, -8])
    }

    @Test func whatIsNoCovarianceIsNotUsed() {
        #expect(RoundingFeedback(covariance: [1, 2, 2, 1], count: 2) == nil)
        #expect(RoundingFeedback(covariance: [.nan, 0, 0, 1], count: 2) == nil)
        #expect(RoundingFeedback(covariance: [0, 0, 0, 0], count: 2) == nil)
        #expect(RoundingFeedback(covariance: [1, 0, 0], count: 2) == nil)
    }
}
