/// Rows of which a channel has 16 bits: how they lie, and how an operator on them ends.
///
/// A channel is two bytes, the high one first, each as the arena holds bytes: with the top bit flipped. Its zero point is 0.
/// A table of channels names the high bytes; without one, channel `c` begins at byte `2 * c`.
/// What it does not do: vector instructions; operators on such rows have these portable kernels alone.
import SwiftletArithmetic
import SwiftletFormat

extension InputRows {
    /// Channel `channel` of the pixel at `pixel`, -32768...32767.
    @inlinable
    @inline(__always)
    public func wideValue(_ pixel: UnsafePointer<UInt8>, _ channel: Int) -> Int32 {
        let place = if let channels { Int(channels[channel]) } else { channel &* 2 }
        let bits = UInt16(pixel[place]) &<< 8 | UInt16(pixel[place &+ 1])
        return Int32(Int16(bitPattern: bits ^ 0x8080))
    }

    @inlinable
    @inline(__always)
    func value(_ pixel: UnsafePointer<UInt8>, _ channel: Int, isWide: Bool) -> Int32 {
        isWide ? wideValue(pixel, channel) : value(pixel, channel)
    }
}

extension OutputRow {
    @inlinable
    @inline(__always)
    public func storeWide(_ value: Int16, x: Int, channel: Int) {
        let place = if let channels { Int(channels[channel]) } else { channel &* 2 }
        let bits = UInt16(bitPattern: value) ^ 0x8080
        start[x &* pixelBytes &+ place] = UInt8(truncatingIfNeeded: bits &>> 8)
        start[x &* pixelBytes &+ place &+ 1] = UInt8(truncatingIfNeeded: bits)
    }

    @inlinable
    public func loadWide(x: Int, channel: Int) -> Int16 {
        let place = if let channels { Int(channels[channel]) } else { channel * 2 }
        let bits = UInt16(start[x * pixelBytes + place]) << 8 | UInt16(start[x * pixelBytes + place + 1])
        return Int16(bitPattern: bits ^ 0x8080)
    }
}

/// Which maps of an operator have 16 bits, and what its output is clamped to.
public struct WideMaps {
    public var first: Bool
    public var second: Bool
    public var output: Bool
    public var zeroPoint: Int64
    public var low: Int64
    public var high: Int64

    /// The bounds of a 16-bit output are those of its high byte: `256 * low ... 256 * high + 255`.
    public init(first: Bool, second: Bool = false, output: Bool, range: OutputRange) {
        self.first = first
        self.second = second
        self.output = output
        zeroPoint = Int64(range.zeroPoint)
        low = output ? Int64(range.low) &<< 8 : Int64(range.low)
        high = output ? Int64(range.high) &<< 8 | 0xFF : Int64(range.high)
    }

    /// Writes `clamp(zeroPoint + value)`.
    @inline(__always)
    func store(_ value: Int64, _ output: OutputRow, x: Int, channel: Int) {
        let clamped = min(max(value &+ zeroPoint, low), high)
        if self.output {
            output.storeWide(Int16(truncatingIfNeeded: clamped), x: x, channel: channel)
        } else {
            output.store(Int8(truncatingIfNeeded: clamped), x: x, channel: channel)
        }
    }
}
