/// Max, average and global average pooling, int8, one row at a time: the readable reference.
///
/// What it does not do: rescale, except for the global mean, whose division is in its multiplier.
import SwiftletArithmetic

/// The largest of the taps that lie inside the map, clamped. Scale and zero point stay those of the input.
public func poolMaxRow(
    _ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, range: OutputRange
) {
    for x in 0..<output.width {
        for channel in 0..<channels {
            var largest = Int32(Int8.min)
            for ky in 0..<window.kernelHeight {
                for kx in 0..<window.kernelWidth {
                    guard let pixel = window.pixel(input, x: x, ky: ky, kx: kx) else { continue }
                    largest = max(largest, input.value(pixel, channel))
                }
            }
            output.store(range.clamp(largest), x: x, channel: channel)
        }
    }
}

/// The mean of the taps that lie inside the map, halves away from zero, clamped. Scale and zero point stay the input's.
///
/// A window that lies in the padding altogether gives 0.
public func poolAverageRow(
    _ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, range: OutputRange
) {
    for x in 0..<output.width {
        for channel in 0..<channels {
            var sum: Int32 = 0
            var count: Int32 = 0
            for ky in 0..<window.kernelHeight {
                for kx in 0..<window.kernelWidth {
                    guard let pixel = window.pixel(input, x: x, ky: ky, kx: kx) else { continue }
                    sum &+= input.value(pixel, channel)
                    count &+= 1
                }
            }
            let half = count / 2
            let mean = count == 0 ? 0 : (sum > 0 ? sum &+ half : sum &- half) / count
            output.store(range.clamp(mean), x: x, channel: channel)
        }
    }
}

/// Adds one row of the map to the accumulators, one Int32 a channel.
public func accumulateRow(_ input: InputRows, into sums: UnsafeMutablePointer<Int32>, channels: Int) {
    guard let row = input.rows[0] else { return }
    for x in 0..<input.width {
        let pixel = row + x * input.pixelBytes
        for channel in 0..<channels { sums[channel] &+= input.value(pixel, channel) }
    }
}

/// What a mean multiplies with.
public struct MeanParameters {
    /// Pixels times the input's zero point.
    public var offset: Int32
    /// Pairs of multiplier and shift, the division by the number of pixels in them.
    public var scales: UnsafePointer<Int32>
    /// Whether each channel has a pair, or one serves for all.
    public var isPerChannel: Bool
    public var range: OutputRange

    public init(offset: Int32, scales: UnsafePointer<Int32>, isPerChannel: Bool, range: OutputRange) {
        self.offset = offset
        self.scales = scales
        self.isPerChannel = isPerChannel
        self.range = range
    }
}

/// Accumulators to the mean: `clamp(zeroPoint + (sum - pixels * inputZeroPoint) * multiplier)`.
public func finishMeanRow(
    _ sums: UnsafePointer<Int32>, _ output: OutputRow, channels: Int, _ parameters: MeanParameters
) {
    let range = parameters.range
    for channel in 0..<channels {
        let pair = parameters.isPerChannel ? channel * 2 : 0
        let scale = FixedPointMultiplier(
            multiplier: parameters.scales[pair], shift: Int8(truncatingIfNeeded: parameters.scales[pair + 1]))
        let mean = scale.apply(sums[channel] &- parameters.offset) &+ range.zeroPoint
        output.store(range.clamp(mean), x: 0, channel: channel)
    }
}
