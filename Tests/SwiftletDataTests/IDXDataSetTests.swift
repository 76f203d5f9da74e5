/// IDX files, plain and gzipped: pictures, labels, and a line for every defect.
import SwiftletGraph
import Testing
import TestSupport

@testable import SwiftletTraining

@Suite struct IDXDataSetTests {
    private func folder(images: [UInt8], labels: [UInt8]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write(images, as: "train-images-idx3-ubyte")
        try folder.write(labels, as: "train-labels-idx1-ubyte")
        return folder
    }

    private func refusal(images: [UInt8], labels: [UInt8]) throws -> String {
        let folder = try folder(images: images, labels: labels)
        return line { _ = try DataSets.open("idx:\(folder.path)", split: .training) }
    }

    @Test func plainFilesComeBackAsTheyWereWritten() throws {
        let images = Fixture.idxImages(3, 5, 4)
        let folder = try folder(images: images, labels: Fixture.idxLabels([4, 0, 9]))
        let set = try DataSets.open("idx:\(folder.path)", split: .training)
        #expect(set.format.shape == Shape(height: 5, width: 4, channels: 1))
        #expect(set.classNames == (0...9).map { "\($0)" })
        #expect((0..<3).map(set.label) == [4, 0, 9])
        #expect(try set.pixels(at: 2) == Array(images[(16 + 40)...]))
    }

    @Test func gzippedFilesAndClassNamesAreRead() throws {
        let folder = try TemporaryFolder()
        let images = Fixture.idxImages(2, 28, 28)
        try folder.writeGzipped(images, as: "t10k-images-idx3-ubyte.gz")
        try folder.writeGzipped(Fixture.idxLabels([1, 0]), as: "t10k-labels-idx1-ubyte.gz")
        try folder.write(Array("shirt\r\nbag\r\n".utf8), as: "classes.txt")
        let set = try DataSets.open("idx:\(folder.path)", split: .test)
        #expect(set.classNames == ["shirt", "bag"])
        #expect(try set.pixels(at: 0) == Array(images[16..<800]))
    }

    @Test func everyDefectHasItsLine() throws {
        let images = Fixture.idxImages(3, 5, 4)
        let labels = Fixture.idxLabels([4, 0, 9])
        #expect(try refusal(images: [0, 0], labels: labels).hasSuffix("2 bytes, but the magic number alone has 4"))
        #expect(
            try refusal(images: labels, labels: labels)
                .hasSuffix("magic number 0x00000801, but IDX images begin with 0x00000803"))
        #expect(
            try refusal(images: Array(images.prefix(9)), labels: labels).hasSuffix(
                "9 bytes, but the header alone has 16"))
        #expect(
            try refusal(images: images.dropLast(1), labels: labels).hasSuffix(
                "75 bytes, but the header promises 3 images of 5x4, 76 bytes; the file is truncated"))
        #expect(try refusal(images: images + [0], labels: labels).hasSuffix("76 bytes; there is more behind them"))
        #expect(
            try refusal(images: images, labels: Fixture.idxLabels([1, 2]))
                .hasSuffix("has 2 labels; they must agree"))
        #expect(
            try refusal(images: Fixture.bigEndian(0x803, 1, 0, 4), labels: labels)
                .hasSuffix("pictures of 0x4; expected 1 to 4096 pixels on a side"))
        #expect(
            try refusal(images: Fixture.bigEndian(0x803, 0xFFFF_FFFF, 4096, 4096), labels: labels)
                .contains("4294967295 images of 4096x4096 are more than 2147483648 bytes"))
        #expect(
            try refusal(images: images, labels: Fixture.bigEndian(0x801, 7)).hasSuffix(
                "15 bytes; the file is truncated"))
        #expect(
            try refusal(images: Fixture.bigEndian(0x803, 0, 4, 4), labels: labels).hasSuffix(
                "expected at least 1 image"))
        let folder = try folder(images: images, labels: labels)
        #expect(
            line { _ = try DataSets.open("idx:\(folder.path)", split: .test, format: DataSets.mnistFormat) }
                .hasSuffix("t10k-images-idx3-ubyte: not found; expected this file, or t10k-images-idx3-ubyte.gz"))
        try folder.write(Array("one\n".utf8), as: "classes.txt")
        #expect(
            line { _ = try DataSets.open("idx:\(folder.path)", split: .training) }
                .hasSuffix("record 0 has label 4, but there are 1 classes (0 to 0)"))
    }

    @Test func aDamagedGzipFileIsRefused() throws {
        let folder = try TemporaryFolder()
        try folder.writeGzipped(Fixture.idxImages(20, 28, 28), as: "whole.gz")

        let gzipped = try FileBytes.read(folder.path + "/whole.gz")
        try folder.write(Array(gzipped.dropLast(100)), as: "train-images-idx3-ubyte.gz")
        try folder.write(Fixture.idxLabels([UInt8](repeating: 0, count: 20)), as: "train-labels-idx1-ubyte")
        #expect(
            line { _ = try DataSets.open("idx:\(folder.path)", split: .training) }
                .contains("the file is damaged, fetch it again"))
    }

    @Test func unknownKindsAndMissingPathsAreNamed() {
        #expect(
            line { _ = try DataSets.open("imagenet:/x", split: .test) }
                == "data set 'imagenet:/x': unknown kind; write one of \(DataSets.usage)")
        #expect(line { _ = try DataSets.open("idx:", split: .test) }.contains("no path after the kind"))
        #expect(line { _ = try DataSets.open("", split: .test) }.contains("unknown kind"))
    }

    @Test func mutatedFilesAreReadOrRefusedButNeverTrap() throws {
        let folder = try TemporaryFolder()
        let images = Fixture.idxImages(3, 6, 5)
        let labels = Fixture.idxLabels([1, 2, 3])
        var generator = SeededGenerator(seed: 3)
        for turn in 0..<700 {
            let which = turn % 3
            try folder.write(
                which == 0 ? labels : Mutation.mutate(labels, using: &generator), as: "train-labels-idx1-ubyte")
            try folder.write(
                which == 1 ? images : Mutation.mutate(images, using: &generator), as: "train-images-idx3-ubyte")
            guard let set = try? DataSets.open("idx:\(folder.path)", split: .training) else { continue }
            for index in 0..<set.count {
                #expect(set.label(at: index) < set.classNames.count)
                _ = try set.pixels(at: index)
            }
        }
    }

    @Test(.enabled(if: SharedFolder.has("data/mnist"))) func mnistHasItsKnownStatistics() throws {
        let set = try DataSets.open("idx:\(SharedFolder.file("data/mnist").path)", split: .test)
        #expect(set.count == 10000)
        #expect((0..<5).map(set.label) == [7, 2, 1, 0, 4])
        let pixels = try (0..<200).flatMap { try set.pixels(at: $0) }
        #expect((25...42).contains(pixels.reduce(0) { $0 + Int($1) } / pixels.count))
    }
}
