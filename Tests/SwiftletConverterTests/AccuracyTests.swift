/// Which of two conversions is worth more.
import Testing

@testable import SwiftletConverter

@Suite struct AccuracyTests {
    /// Of 200 pictures, of which int8 answers 190 as float does.
    private let known = ConversionReport.Accuracy(images: 200, float: 0.83, int8: 0.83, agreement: 0.95, sqnr: 20)

    @Test func aFewMoreAnswersAreLuck() {
        var other = known
        other.int8 += 2 / 200.0
        other.agreement += 1 / 200.0
        #expect(!other.isBetter(than: known))
    }

    @Test func manyMoreAnswersAreWorthMoreThanScores() {
        var other = known
        (other.int8, other.agreement, other.sqnr) = (0.83, 0.97, 19)
        #expect(other.isBetter(than: known))
        #expect(!known.isBetter(than: other))
    }

    @Test func scoresThatAreNearerToFloatAreBetter() {
        var other = known
        (other.int8, other.sqnr) = (0.825, 20.5)
        #expect(other.isBetter(than: known))
        #expect(!known.isBetter(than: other))
    }

    @Test func aChangeThatChangesNothingIsNotMade() {
        var other = known
        other.sqnr += 0.1
        #expect(!other.isBetter(than: known))
        #expect(!known.isBetter(than: known))
    }
}
