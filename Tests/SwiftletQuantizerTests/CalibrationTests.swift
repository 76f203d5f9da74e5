import SwiftletGraph
import Testing

@testable import SwiftletQuantizer

@Suite struct ValueStatisticsTests {
    static let seeds = Array(UInt64(1)...10)
    static let methods: [RangeMethod] = [.minMax, .movingAverage, .percentile(99.99), .meanSquaredError, .divergence]

    /// Values of one of several shapes: normal, uniform, rectified, far from zero, of a few sizes.
    static func values(seed: UInt64, count: Int = 5000) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        let scale = Float.random(in: 0.01...100, using: &generator)
        return (0..<count).map { _ in
            let normal = (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0...1, using: &generator) }
            return switch seed % 5 {
            case 0: scale * normal
            case 1: scale * Float.random(in: -1...3, using: &generator)
            case 2: scale * max(normal, 0)
            case 3: scale * (10 + normal)
            default: scale * normal * normal * normal
            }
        }
    }

    private func statistics(_ values: [Float], buffers: Int = 7) -> ValueStatistics {
        var statistics = ValueStatistics(name: "v")
        for buffer in 0..<buffers {
            statistics.add(Array(values[(buffer * values.count / buffers)..<((buffer + 1) * values.count / buffers)]))
        }
        return statistics
    }

    @Test(arguments: seeds) func everyValueIsCountedOnce(seed: UInt64) throws {
        // In rising order, so that the range must grow with every buffer.
        let values = Self.values(seed: seed).sorted { abs($0) < abs($1) }
        let found = statistics(values)
        #expect(found.count == values.count)
        #expect(found.extremes == values.min()!...values.max()!)
        #expect(found.zeroCount == values.count { $0 == 0 })
        let histogram = try #require(found.histogram)
        #expect(histogram.counts.reduce(0, +) == values.count - found.zeroCount)
        let others = values.filter { $0 != 0 }
        #expect(histogram.low <= Double(others.min()!) && Double(others.max()!) <= histogram.high)
        // Growing moves nothing: the counts below any edge are those of the values, up to rounding at the edge itself.
        var below = 0
        for bin in stride(from: 0, to: Histogram.binCount, by: 64) {
            below = histogram.counts[..<bin].reduce(0, +)
            let slack = histogram.width * 1e-6
            let atLeast = values.count { $0 != 0 && Double($0) < histogram.edge(bin) - slack }
            let atMost = values.count { $0 != 0 && Double($0) < histogram.edge(bin) + slack }
            #expect(atLeast <= below && below <= atMost, "seed \(seed), bin \(bin)")
        }
    }

    @Test(arguments: seeds) func everyMethodGivesARangeWithZeroInsideWhatWasSeen(seed: UInt64) throws {
        let values = Self.values(seed: seed)
        let found = statistics(values)
        let whole = min(values.min()!, 0)...max(values.max()!, 0)
        for method in Self.methods + [.percentile(90), .percentile(100)] {
            let range = try found.range(method)
            #expect(range.contains(0), "\(method)")
            #expect(whole.lowerBound <= range.lowerBound && range.upperBound <= whole.upperBound, "\(method)")
        }
        #expect(try found.range(.minMax) == whole)
        #expect(try found.range(.percentile(100)) == whole)
    }

    @Test(arguments: seeds) func percentilesClipTheirShare(seed: UInt64) throws {
        let values = Self.values(seed: seed)
        let found = statistics(values)
        for percent in [99.9, 99, 95] {
            let range = try found.range(.percentile(percent))
            let clipped = Double(values.count { !range.contains($0) })
            #expect(clipped <= (100 - percent) / 100 * Double(values.count) + 1, "seed \(seed), \(percent)")
            // An inner end is not needlessly wide: a bin less would clip more than its share.
            let width = Float(found.histogram!.width) * 1.01
            if range.upperBound < values.max()!, range.upperBound > width {
                let beyond = Double(values.count { $0 >= range.upperBound - width })
                #expect(beyond >= (100 - percent) / 200 * Double(values.count), "seed \(seed), \(percent)")
            }
        }
    }

    /// The error of rounding `values` to the int8 of a range, measured.
    private func error(_ values: [Float], _ range: ClosedRange<Float>) -> Double {
        let quantization = AffineQuantization(range)
        return values.reduce(0) { sum, value in
            let difference = Double(quantization.dequantize(quantization.quantize(value))) - Double(value)
            return sum + difference * difference
        }
    }

    @Test(arguments: seeds) func leastErrorBeatsTheOtherMethods(seed: UInt64) throws {
        let values = Self.values(seed: seed)
        let found = statistics(values)
        let best = error(values, try found.range(.meanSquaredError))
        for method in [RangeMethod.minMax, .percentile(99.99), .percentile(99.9), .percentile(99)] {
            #expect(best <= 1.05 * error(values, try found.range(method)), "seed \(seed), \(method)")
        }
        // Nor does a range a little narrower or wider at either end do better by more than a little.
        let range = try found.range(.meanSquaredError)
        for factor in [Float(0.8), 0.9, 1.1] {
            let other = range.lowerBound * factor...range.upperBound * factor
            #expect(best <= 1.05 * error(values, other), "seed \(seed), \(factor)")
        }
    }

    @Test func oneOutlierIsClippedByLeastErrorOnly() throws {
        let ramp = (0..<10_000).map { Float($0 % 1000) / 1000 }
        var found = ValueStatistics(name: "v")
        for _ in 0..<200 { found.add(ramp) }
        found.add([4])
        #expect(try found.range(.minMax) == 0...4)
        #expect(try found.range(.meanSquaredError).upperBound < 2)
        #expect(try found.range(.percentile(99.99)).upperBound < 1.1)
    }

    @Test func anOutlierOfOneBatchCountsLittleInAMovingAverage() throws {
        var found = ValueStatistics(name: "v")
        for batch in 0..<10 { found.add([-1, batch == 4 ? 11 : 1]) }
        #expect(try found.range(.minMax) == -1...11)
        // A tenth of the outlier's 10 is added, and nine tenths of that are left by each of the five batches behind it.
        let expected = 1 + 10 * Float(0.1 * 0.59049)
        let range = try found.range(.movingAverage)
        #expect(abs(range.lowerBound + 1) < 1e-5 && abs(range.upperBound - expected) < 1e-4, "\(range)")
    }

    /// Wide steps flatten a narrow bell, which is worth more than fifty outliers; an even spread they leave as it is.
    @Test func leastDivergenceClipsTheTailOfABellAndKeepsAnEvenSpread() throws {
        let seed: UInt64 = 8
        var generator = SeededGenerator(seed: seed)
        let even = (0..<50_000).map { _ in Float.random(in: -1...1, using: &generator) }
        let whole = try statistics(even).range(.divergence)
        #expect(whole.upperBound > 0.9 && whole.lowerBound < -0.9, "seed \(seed): \(whole)")
        let bell = (0..<50_000).map { _ in
            (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0...1, using: &generator) } * 0.02
        }
        let tailed = bell + (0..<50).map { _ in Float.random(in: 1...8, using: &generator) }
        let clipped = try statistics(tailed.shuffled(using: &generator)).range(.divergence)
        #expect(clipped.upperBound < 0.5 * tailed.max()!, "seed \(seed): \(clipped)")
    }

    @Test func strangeValuesGiveARangeOrAnError() throws {
        var empty = ValueStatistics(name: "features.0")
        #expect(throws: CalibrationError.nothingSeen(value: "features.0")) { try empty.range(.minMax) }
        empty.add([])
        #expect(throws: CalibrationError.nothingSeen(value: "features.0")) { try empty.range(.minMax) }
        for constant in [Float(0), 5, -5, 0x1p-149, .greatestFiniteMagnitude, -.greatestFiniteMagnitude] {
            for method in Self.methods {
                let range = try statistics([constant, constant, constant], buffers: 2).range(method)
                #expect(range == min(constant, 0)...max(constant, 0), "\(constant) \(method)")
            }
        }
        let widest = statistics([-.greatestFiniteMagnitude, 0x1p-149, 1, .greatestFiniteMagnitude], buffers: 4)
        for method in Self.methods {
            let range = try widest.range(method)
            #expect(range.contains(0))
        }
        let broken = statistics([1, .nan, .infinity])
        let error = #expect(throws: CalibrationError.self) { try broken.range(.minMax) }
        #expect(
            error?.description == "calibration met NaN or infinity at v (2 of 3 numbers); "
                + "evaluate the float network on the same pictures first")
    }

    @Test func methodsHaveNames() {
        for method in Self.methods {
            #expect(RangeMethod(method.description) == method)
        }
        #expect(RangeMethod("percentile") == .percentile(99.99))
        for bad in ["", "max", "percentile=", "percentile=0", "percentile=101", "percentile=nan"] {
            #expect(RangeMethod(bad) == nil)
        }
    }
}
