/// Element-wise addition of two maps with scales of their own, int8, one row: the readable reference.
import SwiftletArithmetic
import SwiftletFormat

/// The three multipliers of an addition and the zero points of its inputs.
public struct AdditionParameters {
    public var firstZeroPoint: Int32
    public var secondZeroPoint: Int32
    public var first: FixedPointMultiplier
    public var second: FixedPointMultiplier
    public var sum: FixedPointMultiplier
    public var range: OutputRange

    /// - Parameter block: six Int32, see `AddLayout`.
    public init(block: UnsafeRawPointer, firstZeroPoint: Int8, secondZeroPoint: Int8, range: OutputRange) {
        func multiplier(_ index: Int) -> FixedPointMultiplier {
            FixedPointMultiplier(
                multiplier: block.load(fromByteOffset: index * 8, as: Int32.self),
                shift: Int8(truncatingIfNeeded: block.load(fromByteOffset: index * 8 + 4, as: Int32.self)))
        }
        self.firstZeroPoint = Int32(firstZeroPoint)
        self.secondZeroPoint = Int32(secondZeroPoint)
        first = multiplier(0)
        second = multiplier(1)
        sum = multiplier(2)
        self.range = range
    }
}

/// `y = clamp(zeroPoint + sum * (first * ((a - za) << 20) + second * ((b - zb) << 20)))`, each product rounded as
/// `FixedPointMultiplier` does.
public func addRow(
    _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int, _ parameters: AdditionParameters
) {
    guard let a = first.rows[0], let b = second.rows[0] else { return }
    for x in 0..<output.width {
        let pixelA = a + x * first.pixelBytes
        let pixelB = b + x * second.pixelBytes
        for channel in 0..<channels {
            let valueA = (first.value(pixelA, channel) &- parameters.firstZeroPoint) &<< AddLayout.leftShift
            let valueB = (second.value(pixelB, channel) &- parameters.secondZeroPoint) &<< AddLayout.leftShift
            let sum = parameters.first.apply(valueA) &+ parameters.second.apply(valueB)
            let value = parameters.sum.apply(sum) &+ parameters.range.zeroPoint
            output.store(parameters.range.clamp(value), x: x, channel: channel)
        }
    }
}
