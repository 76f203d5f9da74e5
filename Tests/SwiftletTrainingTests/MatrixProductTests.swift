import CSwiftletTraining
import SwiftletGraph
import SwiftletZoo
import Testing

@testable import SwiftletTraining

/// Products in bfloat16 and the movement of channels, against loops that a reader can check.
@Suite struct MatrixProductTests {
    private static let seed: UInt64 = 21

    /// The nearest bfloat16, ties to even, as float.
    private func rounded(_ value: Float) -> Float {
        let below = Float(bitPattern: value.bitPattern & 0xffff_0000)
        let above = Float(bitPattern: (value.bitPattern & 0xffff_0000) &+ 0x1_0000)
        let (down, up) = (abs(value - below), abs(above - value))
        if down != up { return down < up ? below : above }
        return below.bitPattern >> 16 & 1 == 0 ? below : above
    }

    @Test func everyInstructionSetRoundsToTheNearestBFloat16() {
        var generator = SeededGenerator(seed: Self.seed)
        let (rows, columns, stride) = (7, 37, 41)
        var values = (0..<(rows * stride)).map { _ in Float.random(in: -3...3, using: &generator) }
        // A tie to the even neighbour below, one to the even neighbour above, and what must stay.
        values.replaceSubrange(0..<4, with: [1 + 1.0 / 256, 1 + 3.0 / 256, -0.5, 0])
        var rank: Int32 = 0
        while let kernels = st_kernels_at(rank)?.pointee {
            var found = [UInt16](repeating: 0, count: rows * columns)
            kernels.roundToBFloat16(values, Int64(stride), Int64(rows), Int64(columns), &found)
            for row in 0..<rows {
                for column in 0..<columns {
                    let value = values[row * stride + column]
                    #expect(
                        Float(bitPattern: UInt32(found[row * columns + column]) << 16) == rounded(value),
                        "\(String(cString: kernels.name)), \(value)")
                }
            }
            rank += 1
        }
    }

    @Test(
        .enabled(if: ProductPrecision.bfloat16.isAvailable, "SKIPPED: this processor does not multiply bfloat16"),
        arguments: [false, true], [false, true])
    func aProductInBFloat16IsThatOfTheRoundedFactors(isATransposed: Bool, isBTransposed: Bool) {
        var generator = SeededGenerator(seed: Self.seed)
        let multiplier = MatrixMultiplier(.bfloat16)
        for (rows, columns, depth) in [(1, 1, 1), (5, 3, 7), (64, 24, 58), (33, 17, 129)] {
            let strideA = (isATransposed ? rows : depth) + 3
            let strideB = (isBTransposed ? depth : columns) + 2
            var a = (0..<((isATransposed ? depth : rows) * strideA)).map { _ in
                Float.random(in: -1...1, using: &generator)
            }
            var b = (0..<((isBTransposed ? columns : depth) * strideB)).map { _ in
                Float.random(in: -1...1, using: &generator)
            }
            var c = (0..<(rows * columns)).map { _ in Float.random(in: -1...1, using: &generator) }
            let before = c
            a.withUnsafeMutableBufferPointer { a in
                b.withUnsafeMutableBufferPointer { b in
                    c.withUnsafeMutableBufferPointer { c in
                        multiplier.multiply(
                            Matrix(values: a.baseAddress!, stride: strideA, isTransposed: isATransposed),
                            Matrix(values: b.baseAddress!, stride: strideB, isTransposed: isBTransposed),
                            into: Matrix(values: c.baseAddress!, stride: columns), rows: rows, columns: columns,
                            depth: depth, accumulate: true)
                    }
                }
            }
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = Double(before[row * columns + column])
                    for index in 0..<depth {
                        let left = a[isATransposed ? index * strideA + row : row * strideA + index]
                        let right = b[isBTransposed ? column * strideB + index : index * strideB + column]
                        sum += Double(rounded(left)) * Double(rounded(right))
                    }
                    #expect(
                        abs(Double(c[row * columns + column]) - sum) < 1e-4,
                        "\(rows)x\(columns)x\(depth) at \(row), \(column), seed \(Self.seed)")
                }
            }
        }
    }

    /// Runs of step 1, of shuffles with two and three groups, and back; odd counts.
    @Test func everyInstructionSetMovesChannelsAtEvenDistances() {
        var generator = SeededGenerator(seed: Self.seed)
        let rows = 3
        for (fromStep, toStep, count) in [
            (1, 1, 19), (1, 2, 37), (2, 1, 37), (1, 3, 20), (3, 1, 17), (2, 2, 9), (1, 1, 1),
        ] {
            let (inputs, outputs) = (5 + fromStep * count, 4 + toStep * count)
            let x = (0..<(rows * inputs)).map { _ in Float.random(in: -1...1, using: &generator) }
            let y = (0..<(rows * outputs)).map { _ in Float.random(in: -1...1, using: &generator) }
            let run = STRun(
                from: 2, fromStep: Int32(fromStep), to: 1, toStep: Int32(toStep), count: Int32(count))
            for accumulates in [false, true] {
                var expected = y
                for row in 0..<rows {
                    for index in 0..<count {
                        let place = row * outputs + 1 + index * toStep
                        expected[place] = x[row * inputs + 2 + index * fromStep] + (accumulates ? expected[place] : 0)
                    }
                }
                var rank: Int32 = 0
                while let kernels = st_kernels_at(rank)?.pointee {
                    var found = y
                    kernels.moveChannels(
                        x, Int32(inputs), &found, Int32(outputs), [run], 1, Int64(rows), accumulates ? 1 : 0)
                    #expect(
                        found == expected,
                        "\(String(cString: kernels.name)), steps \(fromStep) to \(toStep), \(count), adds: \(accumulates)"
                    )
                    rank += 1
                }
            }
        }
    }
}
