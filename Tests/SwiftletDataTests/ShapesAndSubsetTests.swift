/// Made-up shapes are reproducible, and parts of a set are the parts that were asked for.
import Foundation
import SwiftletGraph
import SwiftletImageIO
import Testing

@testable import SwiftletTraining

@Suite struct ShapesDataSetTests {
    @Test func picturesAreTheSameWheneverTheyAreRead() throws {
        let set = try DataSets.open("shapes:50", split: .training)
        let again = try DataSets.open("shapes:50", split: .training)
        #expect(set.count == 50 && set.classNames.count == 10)
        for index in 0..<50 { #expect(try set.pixels(at: index) == again.pixels(at: index)) }
        let test = try DataSets.open("shapes:50", split: .test)
        #expect(test.count == 10)
        #expect(try test.pixels(at: 0) != set.pixels(at: 0))
    }

    @Test func everySizeAndColourOrderIsDrawn() throws {
        for shape in [
            Shape(height: 1, width: 1, channels: 3), Shape(height: 17, width: 40, channels: 3),
            Shape(height: 28, width: 28, channels: 1),
        ] {
            let format = try DataSets.defaultFormat(for: "shapes", shape: shape)
            let set = try DataSets.open("shapes", split: .test, format: format)
            #expect(set.count == 2000)
            for index in 0..<10 { #expect(try set.pixels(at: index).count == shape.elementCount) }
        }
        var swapped = DataSets.shapesFormat
        swapped.preprocessing.colorOrder = .bgr
        let straight = try DataSets.open("shapes", split: .test).pixels(at: 3)
        let reversed = try DataSets.open("shapes", split: .test, format: swapped).pixels(at: 3)
        #expect(straight.first == reversed[2] && straight[2] == reversed[0])
    }

    @Test func shapesStandOutInGrey() throws {
        let format = try DataSets.defaultFormat(for: "shapes", shape: Shape(height: 32, width: 32, channels: 1))
        let set = try DataSets.open("shapes", split: .training, format: format)
        for index in 0..<100 {
            let pixels = try set.pixels(at: index).sorted()
            #expect(Int(pixels[pixels.count - 21]) - Int(pixels[20]) > 40)
        }
    }

    @Test func aCountThatIsNoneIsRefused() {
        for text in ["0", "-4", "many", "1000000000000"] {
            #expect(
                line { _ = try DataSets.open("shapes:\(text)", split: .test) }
                    == "data set 'shapes:\(text)': '\(text)' is no count of pictures, 1 to 100000000")
        }
    }

    /// With SWIFTLET_SHEET=FILE.png the classes are drawn for the eye: a row a class.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["SWIFTLET_SHEET"] != nil))
    func theClassesOnOneSheet() throws {
        var sheet = Canvas(width: 12 * 50, height: 10 * 50)
        for (row, kind) in ShapesDataSet.Kind.allCases.enumerated() {
            for column in 0..<12 {
                let picture = ShapesDataSet.draw(kind, width: 48, height: 48, seed: UInt64(row * 100 + column))
                for y in 0..<48 {
                    for x in 0..<48 { sheet[column * 50 + x, row * 50 + y] = picture[x, y] }
                }
            }
        }
        try sheet.write(to: ProcessInfo.processInfo.environment["SWIFTLET_SHEET"]!)
    }
}

@Suite struct DataSetSubsetTests {
    @Test func limitsKeepTheFirstAndSamplesDependOnTheSeedAlone() throws {
        let set = try DataSets.open("shapes:40", split: .training)
        let limited = set.limited(to: 7)
        #expect(limited.count == 7)
        #expect(try limited.pixels(at: 6) == set.pixels(at: 6))
        #expect(set.limited(to: 1000).count == 40 && set.limited(to: -1).count == 0)
        let sample = set.sample(10, seed: 3)
        #expect((0..<10).map(sample.label) == (0..<10).map(set.sample(10, seed: 3).label))
        #expect(set.sample(99, seed: 1).count == 40)
        #expect(set.subset([5, 5, 1]).count == 3)
    }

    @Test func aSeededShuffleIsAPermutationAndStaysTheSame() {
        #expect(seededShuffle(of: 8, seed: 1) == [0, 3, 7, 1, 2, 6, 5, 4])
        #expect(seededShuffle(of: 1000, seed: 9).sorted() == Array(0..<1000))
        #expect(seededShuffle(of: 0, seed: 9).isEmpty)
    }
}
