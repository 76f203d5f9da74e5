/// Operators that move pixels, and bilinear resizing, int8, one row: the readable reference.
///
/// What it does not do: choose rows; the caller has read the tables of rows.
import SwiftletFormat

/// Copies pixels as the tables of columns and channels say; what has no source holds `fill`.
public struct RearrangementParameters {
    /// As the arena holds it.
    public var fill: UInt8
    public var columns: UnsafePointer<UInt16>
    /// Nil when each channel goes to itself.
    public var channels: UnsafePointer<UInt16>?

    /// - Parameter block: see `RearrangementLayout`.
    public init(block: UnsafeRawPointer, record: OperatorRecord) {
        let layout = RearrangementLayout(record)
        fill = UInt8(truncatingIfNeeded: block.load(as: UInt16.self))
        columns = (block + layout.columnsOffset).assumingMemoryBound(to: UInt16.self)
        channels =
            record.flags.contains(.mapsChannels)
            ? (block + layout.channelsOffset).assumingMemoryBound(to: UInt16.self) : nil
    }
}

/// - Parameters:
///   - input: one row; nil for a row of nothing but `fill`.
///   - channels: of the output.
public func rearrangeRow(
    _ input: InputRows, _ output: OutputRow, channels: Int, _ parameters: RearrangementParameters
) {
    let fill = Int8(bitPattern: parameters.fill ^ 0x80)
    for x in 0..<output.width {
        let column = parameters.columns[x]
        let pixel = column == RearrangementLayout.fill ? nil : input.rows[0].map { $0 + Int(column) * input.pixelBytes }
        for channel in 0..<channels {
            let source = parameters.channels.map { Int($0[channel]) } ?? channel
            var value = fill
            if let pixel, source != Int(RearrangementLayout.fill) {
                value = Int8(truncatingIfNeeded: input.value(pixel, source))
            }
            output.store(value, x: x, channel: channel)
        }
    }
}

/// Copies `width` pixels of `input` to `output` from its column `column` on.
public func copyPixels(
    _ input: InputRows, width: Int, to output: OutputRow, column: Int, channels: Int
) {
    guard let row = input.rows[0] else { return }
    for x in 0..<width {
        let pixel = row + x * input.pixelBytes
        for channel in 0..<channels {
            output.store(Int8(truncatingIfNeeded: input.value(pixel, channel)), x: column + x, channel: channel)
        }
    }
}

/// Interpolates between two rows and two columns with weights of 1/1024 each way, halves away from zero (TFLite's reference
/// `ResizeBilinearInteger`).
///
/// - Parameters:
///   - input: two rows, `row.low` and `row.high`.
///   - columns: between which columns each output lies.
public func resizeBilinearRow(
    _ input: InputRows, _ output: OutputRow, channels: Int, row: ResizePoint, columns: UnsafePointer<ResizePoint>
) {
    guard let top = input.rows[0], let bottom = input.rows[1] else { return }
    for x in 0..<output.width {
        let column = columns[x]
        let (left, right) = (Int(column.low) * input.pixelBytes, Int(column.high) * input.pixelBytes)
        for channel in 0..<channels {
            // Weights are at most 2048 each way and sum to 2^20, values have 8 bits: no sum leaves 31.
            let upper = mix(input.value(top + left, channel), input.value(top + right, channel), column.fraction)
            let lower = mix(input.value(bottom + left, channel), input.value(bottom + right, channel), column.fraction)
            let sum = mix(upper, lower, row.fraction)
            let half: Int32 = sum > 0 ? 1 << 19 : -(1 << 19)
            output.store(Int8(truncatingIfNeeded: (sum &+ half) / (1 << 20)), x: x, channel: channel)
        }
    }
}

@inline(__always)
private func mix(_ low: Int32, _ high: Int32, _ fraction: Int32) -> Int32 {
    low &* (ResizePoint.one &- fraction) &+ high &* fraction
}
