/// Sums and pools of rows of 16 bits a channel, one row at a time: the readable reference.
///
/// What it does not do: repeat rows or columns of a map that has only one.
import SwiftletArithmetic
import SwiftletFormat

/// As `addRow`, each input shifted left by 15 instead of 20, so that 16 bits fit in 32.
public func addWideRow(
    _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int, _ parameters: BinaryParameters,
    _ maps: WideMaps
) {
    guard let a = first.rows[0], let b = second.rows[0] else { return }
    let (firstScale, secondScale, sumScale) = parameters.multipliers
    for x in 0..<output.width {
        let pixelA = a + x &* first.pixelBytes
        let pixelB = b + x &* second.pixelBytes
        for channel in 0..<channels {
            let valueA = first.value(pixelA, channel, isWide: maps.first) &- parameters.firstZeroPoint
            let valueB = second.value(pixelB, channel, isWide: maps.second) &- parameters.secondZeroPoint
            let sum =
                parameters.firstSign &* firstScale.apply(valueA &<< AddLayout.wideLeftShift)
                &+ parameters.secondSign &* secondScale.apply(valueB &<< AddLayout.wideLeftShift)
            maps.store(Int64(sumScale.apply(sum)), output, x: x, channel: channel)
        }
    }
}

/// As `poolMaxRow`.
public func poolMaxWideRow(
    _ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, _ maps: WideMaps
) {
    for x in 0..<output.width {
        for channel in 0..<channels {
            var largest = Int32(Int16.min)
            for ky in 0..<window.kernelHeight {
                for kx in 0..<window.kernelWidth {
                    guard let pixel = window.pixel(input, x: x, ky: ky, kx: kx) else { continue }
                    largest = max(largest, input.wideValue(pixel, channel))
                }
            }
            maps.store(Int64(largest), output, x: x, channel: channel)
        }
    }
}

/// As `poolAverageRow`: halves away from zero, 0 for a window that lies in the padding altogether.
public func poolAverageWideRow(
    _ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, _ maps: WideMaps
) {
    for x in 0..<output.width {
        for channel in 0..<channels {
            var sum: Int64 = 0
            var count: Int64 = 0
            for ky in 0..<window.kernelHeight {
                for kx in 0..<window.kernelWidth {
                    guard let pixel = window.pixel(input, x: x, ky: ky, kx: kx) else { continue }
                    sum &+= Int64(input.wideValue(pixel, channel))
                    count &+= 1
                }
            }
            let half = count / 2
            let mean = count == 0 ? 0 : (sum > 0 ? sum &+ half : sum &- half) / count
            maps.store(mean, output, x: x, channel: channel)
        }
    }
}

/// As `accumulateRow`.
public func accumulateWideRow(_ input: InputRows, into sums: UnsafeMutablePointer<Int32>, channels: Int) {
    guard let row = input.rows[0] else { return }
    for x in 0..<input.width {
        let pixel = row + x &* input.pixelBytes
        for channel in 0..<channels { sums[channel] &+= input.wideValue(pixel, channel) }
    }
}

/// As `finishMeanRow`, rounded as `FixedPointMultiplier.applyWide` does.
public func finishWideMeanRow(
    _ sums: UnsafePointer<Int32>, _ output: OutputRow, channels: Int, _ parameters: MeanParameters, _ maps: WideMaps
) {
    for channel in 0..<channels {
        let pair = parameters.isPerChannel ? channel &* 2 : 0
        let scale = FixedPointMultiplier(
            multiplier: parameters.scales[pair], shift: Int8(truncatingIfNeeded: parameters.scales[pair &+ 1]))
        maps.store(scale.applyWide(Int64(sums[channel]) &- Int64(parameters.offset)), output, x: 0, channel: channel)
    }
}
