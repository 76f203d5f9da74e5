/// Operators of two maps, value by value, int8, one row: the readable reference.
///
/// An input of one column serves every column: then its rows have 0 bytes from one pixel to the next.
/// What it does not do: choose rows; the caller repeats a map's only row.
import SwiftletArithmetic
import SwiftletFormat

/// What an operator of two inputs multiplies with, and the zero points of its inputs.
public struct BinaryParameters {
    public var firstZeroPoint: Int32
    public var secondZeroPoint: Int32
    /// In the order of `BinaryLayout`; those that the operator does not have are zero.
    public var multipliers: (FixedPointMultiplier, FixedPointMultiplier, FixedPointMultiplier)
    /// The signs of an addition: 1 or -1.
    public var firstSign: Int32
    public var secondSign: Int32
    public var range: OutputRange

    /// - Parameter block: the multipliers, see `BinaryLayout`.
    public init(block: UnsafeRawPointer, record: OperatorRecord, range: OutputRange) {
        let count = BinaryLayout(record).multiplierCount
        func multiplier(_ index: Int) -> FixedPointMultiplier {
            guard index < count else { return FixedPointMultiplier(multiplier: 0, shift: 0) }
            return FixedPointMultiplier(
                multiplier: block.load(fromByteOffset: index * 8, as: Int32.self),
                shift: Int8(truncatingIfNeeded: block.load(fromByteOffset: index * 8 + 4, as: Int32.self)))
        }
        firstZeroPoint = Int32(record.inputZeroPoint)
        secondZeroPoint = Int32(record.secondZeroPoint)
        multipliers = (multiplier(0), multiplier(1), multiplier(2))
        firstSign = record.flags.contains(.negatesFirst) ? -1 : 1
        secondSign = record.flags.contains(.negatesSecond) ? -1 : 1
        self.range = range
    }

    /// For an addition whose numbers do not come from a file.
    public init(
        firstZeroPoint: Int32, secondZeroPoint: Int32,
        multipliers: (FixedPointMultiplier, FixedPointMultiplier, FixedPointMultiplier), range: OutputRange
    ) {
        self.firstZeroPoint = firstZeroPoint
        self.secondZeroPoint = secondZeroPoint
        self.multipliers = multipliers
        (firstSign, secondSign) = (1, 1)
        self.range = range
    }
}

/// `y = clamp(zeroPoint + sum * (±first * ((a - za) << 20) ± second * ((b - zb) << 20)))`, each product rounded as
/// `FixedPointMultiplier` does.
public func addRow(
    _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int, _ parameters: BinaryParameters
) {
    let (firstScale, secondScale, sumScale) = parameters.multipliers
    combineRows(first, second, output, channels: channels) { a, b in
        let valueA = firstScale.apply((a &- parameters.firstZeroPoint) &<< AddLayout.leftShift)
        let valueB = secondScale.apply((b &- parameters.secondZeroPoint) &<< AddLayout.leftShift)
        let sum = parameters.firstSign &* valueA &+ parameters.secondSign &* valueB
        return parameters.range.clamp(sumScale.apply(sum) &+ parameters.range.zeroPoint)
    }
}

/// `y = clamp(zeroPoint + product * ((a - za) * (b - zb)))`
public func multiplyRow(
    _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int, _ parameters: BinaryParameters
) {
    let scale = parameters.multipliers.0
    combineRows(first, second, output, channels: channels) { a, b in
        let product = (a &- parameters.firstZeroPoint) &* (b &- parameters.secondZeroPoint)
        return parameters.range.clamp(scale.apply(product) &+ parameters.range.zeroPoint)
    }
}

/// `y = clamp(zeroPoint + identity * (a - za))` from `a = za` up, `clamp(zeroPoint + product * ((a - za) * (b - zb)))` below.
public func preluRow(
    _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int, _ parameters: BinaryParameters
) {
    let (identity, product, _) = parameters.multipliers
    combineRows(first, second, output, channels: channels) { a, b in
        let value = a &- parameters.firstZeroPoint
        let scaled = value >= 0 ? identity.apply(value) : product.apply(value &* (b &- parameters.secondZeroPoint))
        return parameters.range.clamp(scaled &+ parameters.range.zeroPoint)
    }
}

/// The larger of the two, clamped; all three maps have one scale and one zero point.
public func maximumRow(
    _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int, _ parameters: BinaryParameters
) {
    combineRows(first, second, output, channels: channels) { a, b in parameters.range.clamp(max(a, b)) }
}

/// The smaller of the two, clamped; all three maps have one scale and one zero point.
public func minimumRow(
    _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int, _ parameters: BinaryParameters
) {
    combineRows(first, second, output, channels: channels) { a, b in parameters.range.clamp(min(a, b)) }
}

@inline(__always)
private func combineRows(
    _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int, _ combine: (Int32, Int32) -> Int8
) {
    guard let a = first.rows[0], let b = second.rows[0] else { return }
    for x in 0..<output.width {
        let pixelA = a + x * first.pixelBytes
        let pixelB = b + x * second.pixelBytes
        for channel in 0..<channels {
            let value = combine(first.value(pixelA, channel), second.value(pixelB, channel))
            output.store(value, x: x, channel: channel)
        }
    }
}

/// Replaces each value by its entry in a table.
///
/// - Parameters:
///   - tables: 256 bytes, indexed by and holding what the arena holds.
///   - stride: bytes from one channel's table to the next; 0 when one serves all.
public func lookUpRow(
    _ input: InputRows, _ output: OutputRow, channels: Int, tables: UnsafePointer<UInt8>, stride: Int
) {
    guard let row = input.rows[0] else { return }
    for x in 0..<output.width {
        let pixel = row + x * input.pixelBytes
        for channel in 0..<channels {
            let index = Int(input.value(pixel, channel) &+ 128)
            let entry = tables[channel * stride + index]
            output.store(Int8(bitPattern: entry ^ 0x80), x: x, channel: channel)
        }
    }
}
