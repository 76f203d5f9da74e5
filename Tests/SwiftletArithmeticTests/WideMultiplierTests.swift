import SwiftletGraph
import Testing

@testable import SwiftletArithmetic

/// The rounding rule of 64-bit accumulators once more, from its definition: halves up, by floor division.
private func exactProduct(_ x: Int64, _ scale: FixedPointMultiplier) -> Int64 {
    let reduced = min((Int64(scale.multiplier) + 32768) / 65536, 32767)
    let divisor = Int64(1) << Int64(15 - scale.shift)
    let sum = x * reduced + divisor / 2
    return sum >= 0 ? sum / divisor : -((divisor - 1 - sum) / divisor)
}

@Suite struct WideMultiplierTests {
    @Test func productsEqualTheDefinitionOnRandomAndExtremeValues() {
        let seed: UInt64 = 20_262
        var generator = SeededGenerator(seed: seed)
        let most = Int64(1) << 47
        let extremes: [Int64] = [0, 1, -1, 2, -2, 3, -3, most - 1, -most, Int64(Int32.max), Int64(Int32.min)]
        for round in 0..<200_000 {
            let shift = Int8.random(in: FixedPointMultiplier.wideShiftRange, using: &generator)
            let multiplier: Int32 =
                round % 7 == 0
                ? [0, Int32(1 << 30), Int32.max, 0x7FFE_FFFF, 0x7FFF_0000].randomElement(using: &generator)!
                : Int32.random(in: (1 << 30)...Int32.max, using: &generator)
            let width = Int64.random(in: 16...62, using: &generator)
            let x =
                round % 5 == 0
                ? extremes.randomElement(using: &generator)! : Int64(bitPattern: generator.next()) >> width
            let scale = FixedPointMultiplier(multiplier: multiplier, shift: shift)
            let expected = exactProduct(x, scale)
            guard scale.applyWide(x) != expected else { continue }
            Issue.record(
                "seed \(seed) round \(round): \(x) times \(scale) gives \(scale.applyWide(x)), not \(expected)")
            return
        }
    }

    /// That of the doc comment and of the article.
    @Test func theTableOfHalvesAndQuartersIsRight() {
        let half = FixedPointMultiplier(multiplier: 1 << 30, shift: 0)
        let quarter = FixedPointMultiplier(multiplier: 1 << 30, shift: -1)
        let values: [Int64] = [3, 2, 1, -1, -2, -3]
        #expect(values.map { half.applyWide($0) } == [2, 1, 1, 0, -1, -1])
        #expect(values.map { quarter.applyWide($0) } == [1, 1, 0, 0, 0, -1])
    }
}
