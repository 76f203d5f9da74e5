/// What calibration learns of one value of the network: its extremes and how its numbers are distributed.
///
/// What it does not do: run the network, or choose a range (`range(_:)` in `RangeMethod.swift` does).

public struct ValueStatistics: Sendable {
    /// The value's name in the graph, for errors.
    public let name: String
    /// The smallest and the largest finite number so far, zeros included; nil before the first.
    public private(set) var extremes: ClosedRange<Float>?
    /// The extremes of each batch, averaged: a new one weighs `batchShare`; nil before the first.
    public private(set) var averages: ClosedRange<Float>?
    /// Calibration sees a dozen batches or two; a smaller share would never leave the first.
    static let batchShare = 0.1
    /// Numbers so far, all kinds.
    public private(set) var count = 0
    /// Exact zeros: what ReLU makes. Int8 always holds zero exactly, so they weigh nothing in a choice of range.
    public private(set) var zeroCount = 0
    /// NaN and infinities.
    public private(set) var notFiniteCount = 0
    /// Of the finite numbers other than zero; nil before the first.
    public private(set) var histogram: Histogram?

    public init(name: String) { self.name = name }

    /// Takes in the numbers of a batch of feature maps, in any order.
    public mutating func add(_ values: UnsafeBufferPointer<Float>) {
        var low = Float.infinity
        var high = -Float.infinity
        var zeros = 0
        var strangers = 0
        for value in values {
            if value == 0 {
                zeros += 1
            } else if value.isFinite {
                low = min(low, value)
                high = max(high, value)
            } else {
                strangers += 1
            }
        }
        count += values.count
        zeroCount += zeros
        notFiniteCount += strangers
        if low <= high {
            if histogram == nil { histogram = Histogram(low...high) }
            histogram?.grow(toHold: low...high)
            histogram?.add(values)
        }
        if zeros > 0 {
            low = min(low, 0)
            high = max(high, 0)
        }
        guard low <= high else { return }
        extremes = min(low, extremes?.lowerBound ?? low)...max(high, extremes?.upperBound ?? high)
        func average(_ past: Float, _ new: Float) -> Float {
            Float((1 - Self.batchShare) * Double(past) + Self.batchShare * Double(new))
        }
        averages = averages.map { average($0.lowerBound, low)...average($0.upperBound, high) } ?? low...high
    }

    public mutating func add(_ values: [Float]) { values.withUnsafeBufferPointer { add($0) } }
}
