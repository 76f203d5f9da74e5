/// Weights that are searched for the least error on the inputs that they meet.
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletQuantizer

@Suite struct AdaptiveRoundingTests {
    /// What weights that are off cost on inputs of a covariance.
    private func error(_ values: [Double], _ rounded: RoundedWeights, _ covariance: [Double]) -> Double {
        let count = values.count
        let d = values.indices.map { Double(rounded.steps[$0]) * rounded.scale - values[$0] }
        return (0..<count).reduce(0) { sum, i in
            sum + (0..<count).reduce(0) { $0 + d[i] * covariance[i * count + $1] * d[$1] }
        }
    }

    /// A row of weights, the least scale that holds it, and the covariance of inputs that are mixtures of a few sources.
    private struct Row {
        let values: [Double]
        let least: Double
        let covariance: [Double]
        var count: Int { values.count }

        init(using generator: inout SeededGenerator) {
            let count = Int.random(in: 2...60, using: &generator)
            let sources = max(1, count / 3)
            values = (0..<count).map { _ in Double.random(in: -0.5...0.5, using: &generator) }
            least = values.map(abs).max()! / 127
            let mix = (0..<(count * sources)).map { _ in Double.random(in: -1...1, using: &generator) }
            func mean(_ i: Int, _ j: Int) -> Double {
                (0..<sources).reduce(0.0) { $0 + mix[i * sources + $1] * mix[j * sources + $1] }
            }
            let covariance = (0..<(count * count)).map { mean($0 / count, $0 % count) }
            self.covariance = RoundingFeedback.damped(covariance, count: count)
        }
    }

    @Test func noRowEndsWorseThanRoundedToNearest() throws {
        let seed: UInt64 = 23
        var generator = SeededGenerator(seed: seed)
        for round in 0..<200 {
            let row = Row(using: &generator)
            let adaptive = try #require(AdaptiveRounding(covariance: row.covariance, count: row.count))
            let found = adaptive.quantize(row.values, least: row.least)
            let nearest = NearestRounding().quantize(row.values, least: row.least)
            // The search sees some more damping.
            let judged = RoundingFeedback.damped(row.covariance, count: row.count)
            let (reached, plain) = (error(row.values, found, judged), error(row.values, nearest, judged))
            #expect(
                reached <= plain * 1.000001, "seed \(seed) round \(round): \(row.count) weights, \(plain) to \(reached)"
            )
            #expect(found.scale >= row.least, "seed \(seed) round \(round)")
            #expect(found.steps.allSatisfy { $0 >= -127 }, "seed \(seed) round \(round)")
        }
    }

    @Test func itCostsLessThanFeedbackAlone() throws {
        let seed: UInt64 = 29
        var generator = SeededGenerator(seed: seed)
        var (fed, adapted) = (0.0, 0.0)
        for _ in 0..<100 {
            let row = Row(using: &generator)
            let feedback = try #require(RoundingFeedback(covariance: row.covariance, count: row.count))
            let adaptive = try #require(AdaptiveRounding(covariance: row.covariance, count: row.count))
            fed += error(row.values, feedback.quantize(row.values, least: row.least), row.covariance)
            adapted += error(row.values, adaptive.quantize(row.values, least: row.least), row.covariance)
        }
        #expect(adapted < fed * 0.8, "seed \(seed): \(fed) to \(adapted)")
    }

    @Test func theSameRowIsRoundedTheSameWay() throws {
        var generator = SeededGenerator(seed: 31)
        let row = Row(using: &generator)
        let first = try #require(AdaptiveRounding(covariance: row.covariance, count: row.count))
        let second = try #require(AdaptiveRounding(covariance: row.covariance, count: row.count))
        let (a, b) = (first.quantize(row.values, least: row.least), second.quantize(row.values, least: row.least))
        #expect(a.steps == b.steps && a.scale == b.scale)
    }

    @Test func weightsThatAreAllZeroStayZero() throws {
        let adaptive = try #require(AdaptiveRounding(covariance: [2, 1, 1, 2], count: 2))
        #expect(adaptive.quantize([0, 0], least: 1).steps == [0, 0])
    }

    @Test func whatIsNoCovarianceIsNotUsed() {
        for bad in [[1, 2, 2, 1], [.nan, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0]] {
            #expect(AdaptiveRounding(covariance: bad, count: 2) == nil, "\(bad)")
            let method = RoundingMethod.adaptive.rounding(covariance: bad, count: 2)
            #expect(method.quantize([1.4, -1.6], least: 1).steps == [1, -2], "\(bad)")
        }
    }
}
