/// Counts of values in bins of equal width, over a range that grows by doubling.
///
/// Doubling merges bins in pairs, so every count stays where it belongs: no value is ever moved by interpolation (the
/// idea of PyTorch's HistogramObserver, whose range grows by re-binning). What it does not do: take zeros or values that
/// are not finite; `ValueStatistics` counts those apart.

public struct Histogram: Equatable, Sendable {
    public static let binCount = 2048

    /// Where bin 0 begins. In double, so that ranges near the largest float do not overflow.
    public private(set) var low: Double
    /// Of one bin, above zero.
    public private(set) var width: Double
    /// Values of each bin. Bin `i` holds `low + i * width ..< low + (i + 1) * width`; the last one its end as well.
    public private(set) var counts = [Int](repeating: 0, count: binCount)

    /// An empty histogram over `range`; a range of no width is given one.
    init(_ range: ClosedRange<Float>) {
        low = Double(range.lowerBound)
        let extent = Double(range.upperBound) - low
        // Wide enough that adding bins to `low` makes a difference in double.
        width = max(extent, abs(low) * 1e-6, Double(Float.leastNormalMagnitude)) / Double(Self.binCount)
    }

    public var high: Double { edge(Self.binCount) }

    /// Where bin `index` begins, `index` in `0...binCount`.
    public func edge(_ index: Int) -> Double { low + Double(index) * width }

    /// Widens the range until it holds `range`.
    mutating func grow(toHold range: ClosedRange<Float>) {
        let half = Self.binCount / 2
        while Double(range.upperBound) > high {
            for bin in 0..<half { counts[bin] = counts[2 * bin] + counts[2 * bin + 1] }
            for bin in half..<Self.binCount { counts[bin] = 0 }
            width *= 2
        }
        while Double(range.lowerBound) < low {
            for bin in stride(from: half - 1, through: 0, by: -1) {
                counts[half + bin] = counts[2 * bin] + counts[2 * bin + 1]
            }
            for bin in 0..<half { counts[bin] = 0 }
            low -= Double(Self.binCount) * width
            width *= 2
        }
    }

    /// Counts the finite values other than zero among `values`, which must lie in the range.
    mutating func add(_ values: UnsafeBufferPointer<Float>) {
        let perWidth = 1 / width
        let low = low
        counts.withUnsafeMutableBufferPointer { counts in
            for value in values where value != 0 && value.isFinite {
                let bin = Int((Double(value) - low) * perWidth)
                counts[min(max(bin, 0), Self.binCount - 1)] += 1
            }
        }
    }
}
