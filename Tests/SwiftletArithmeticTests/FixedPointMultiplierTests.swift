import SwiftletGraph
import Testing

@testable import SwiftletArithmetic

/// The rounding rule once more, in wide integers and straight from its definition.
private func exactProduct(_ x: Int32, _ scale: FixedPointMultiplier) -> Int32 {
    let left = max(Int(scale.shift), 0)
    let right = max(-Int(scale.shift), 0)
    let shifted = Int64(x &<< Int32(left))  // Wraps at 32 bits, as the reference kernels do.
    // Half up: floor((2 * product + 2^31) / 2^32), without the doubled product overflowing.
    let product = shifted * Int64(scale.multiplier) + (Int64(1) << 30)
    let high = product >> 31
    let divisor = Int64(1) << Int64(right)
    let magnitude = (abs(high) + divisor / 2) / divisor
    return Int32(high < 0 ? -magnitude : magnitude)
}

@Suite struct FixedPointMultiplierTests {
    @Test func productsEqualTheDefinitionOnRandomAndExtremeValues() {
        let seed: UInt64 = 20_261
        var generator = SeededGenerator(seed: seed)
        let extremes: [Int32] = [0, 1, -1, 2, -2, 3, .max, .min, .max - 1, .min + 1, 1 << 30, -(1 << 30)]
        for round in 0..<200_000 {
            let shift = Int8.random(in: FixedPointMultiplier.shiftRange, using: &generator)
            let multiplier: Int32 =
                round % 7 == 0
                ? [Int32(1 << 30), Int32.max, Int32(1 << 30) + 1].randomElement(using: &generator)!
                : Int32.random(in: (1 << 30)...Int32.max, using: &generator)
            let width = Int32.random(in: 0...31, using: &generator)
            let x: Int32 =
                round % 5 == 0
                ? extremes.randomElement(using: &generator)!
                : Int32(truncatingIfNeeded: generator.next()) >> width
            let scale = FixedPointMultiplier(multiplier: multiplier, shift: shift)
            let expected = exactProduct(x, scale)
            guard scale.apply(x) != expected else { continue }
            Issue.record("seed \(seed) round \(round): \(x) times \(scale) gives \(scale.apply(x)), not \(expected)")
            return
        }
    }

    /// The tables of the doc comments.
    @Test func theDocumentedTablesHold() {
        let half = FixedPointMultiplier(multiplier: 1 << 30, shift: 0)
        let quarter = FixedPointMultiplier(multiplier: 1 << 30, shift: -1)
        let inputs: [Int32] = [3, 2, 1, -1, -2, -3]
        #expect(inputs.map(half.apply) == [2, 1, 1, 0, -1, -1])
        #expect(inputs.map(quarter.apply) == [1, 1, 1, 0, -1, -1])
        #expect(Array<Int32>([3, 2, -1, -2, -3]).map { divideByPowerOfTwo($0, exponent: 1) } == [2, 1, -1, -1, -2])
        #expect(Array<Int32>([3, 2, -1, -2, -3]).map { divideByPowerOfTwo($0, exponent: 2) } == [1, 1, 0, -1, -1])
    }

    @Test func realNumbersBecomeTheNearestMultiplier() {
        #expect(FixedPointMultiplier(0.5) == FixedPointMultiplier(multiplier: 1 << 30, shift: 0))
        #expect(FixedPointMultiplier(1) == FixedPointMultiplier(multiplier: 1 << 30, shift: 1))
        #expect(FixedPointMultiplier(0) == FixedPointMultiplier(multiplier: 0, shift: 0))
        #expect(FixedPointMultiplier(1e-12) == FixedPointMultiplier(multiplier: 0, shift: 0))
        // Rounds up to a power of two.
        #expect(FixedPointMultiplier(0.999_999_999_99) == FixedPointMultiplier(multiplier: 1 << 30, shift: 1))
        for refused in [-0.1, Double.nan, .infinity, 2e9] { #expect(FixedPointMultiplier(refused) == nil) }
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<10_000 {
            let real = Double.random(in: 1e-6...1000, using: &generator)
            let scale = FixedPointMultiplier(real)!
            let power = Double(sign: .plus, exponent: Int(scale.shift), significand: 1)
            let value = Double(scale.multiplier) / 2_147_483_648 * power
            #expect(abs(value / real - 1) < 1e-9, "\(real)")
        }
    }
}
