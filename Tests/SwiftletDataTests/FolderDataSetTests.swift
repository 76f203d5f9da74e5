/// PNG folders and tables: splits, labels, resizing, and a line for every defect.
import Foundation
import SwiftletGraph
import SwiftletImageIO
import TestSupport
import Testing

@testable import SwiftletTraining

@Suite struct FolderDataSetTests {
    private let small = Shape(height: 8, width: 8, channels: 3)

    private func open(_ path: String, _ split: DataSets.Split = .training) throws -> any DataSet {
        var format = try DataSets.defaultFormat(for: "folder:\(path)", shape: small)
        format.preprocessing.resize = .stretch
        return try DataSets.open("folder:\(path)", split: split, format: format)
    }

    private func write(_ folder: TemporaryFolder, _ name: String, grey: UInt8, side: Int = 8) throws {
        let path = folder.path + "/" + name
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Canvas(width: side, height: side, color: .init(grey: grey)).write(to: path)
    }

    @Test func everyFifthPictureOfAClassIsForTheTest() throws {
        let folder = try TemporaryFolder()
        for index in 0..<7 {
            try write(folder, "dog/\(index).png", grey: UInt8(index))
            try write(folder, "cat/\(index).PNG", grey: UInt8(100 + index), side: 5)
        }
        try folder.write([1], as: "README")
        try folder.write([1], as: "dog/notes.txt")
        let training = try open(folder.path)
        let test = try open(folder.path, .test)
        #expect(training.classNames == ["cat", "dog"])
        #expect((0..<12).map(training.label) == [Int](repeating: 0, count: 6) + [Int](repeating: 1, count: 6))
        #expect(test.count == 2)
        #expect(try test.pixels(at: 0) == [UInt8](repeating: 104, count: 192))
        #expect(try test.pixels(at: 1) == [UInt8](repeating: 4, count: 192))
    }

    @Test func namedHalvesAreTakenAsTheyAre() throws {
        let folder = try TemporaryFolder()
        try write(folder, "train/a/1.png", grey: 1)
        try write(folder, "train/b/1.png", grey: 2)
        #expect(try open(folder.path).count == 2)
        #expect(
            line { _ = try open(folder.path, .test) }
                .hasSuffix("/test: not found; expected this folder, since there is train beside it"))
        try write(folder, "val/a/1.png", grey: 3)
        try write(folder, "val/b/1.png", grey: 4)
        #expect(try open(folder.path, .test).pixels(at: 1)[0] == 4)
    }

    @Test func aTableNamesFilesAndClasses() throws {
        let folder = try TemporaryFolder()
        try write(folder, "images/x.png", grey: 7)
        try write(folder, "images/y.png", grey: 8)
        let table = "file\tclass_index\tsynset\tname\nimages/x.png\t3\tn1\tthree\nimages/y.png\t0\tn0\tzero\n"
        try folder.write(Array(table.utf8), as: "labels.tsv")
        let set = try open(folder.path)
        #expect(set.classNames == ["zero", "class 1", "class 2", "three"])
        #expect((0..<2).map(set.label) == [3, 0])
        #expect(try set.pixels(at: 1)[0] == 8)
        #expect(try open(folder.path + "/labels.tsv", .test).count == 2)
        try folder.write(Array("n0 zero, nought\nn1 one\n".utf8), as: "synset_words.txt")
        #expect(line { _ = try open(folder.path) }.hasSuffix("record 0 has label 3, but there are 2 classes (0 to 1)"))
    }

    @Test func everyDefectHasItsLine() throws {
        let folder = try TemporaryFolder()
        func refusal() -> String { line { _ = try open(folder.path) } }
        #expect(refusal().hasSuffix("empty; expected a folder of .png files for each class, or labels.tsv"))
        try FileManager.default.createDirectory(atPath: folder.path + "/cat", withIntermediateDirectories: true)
        #expect(refusal().hasSuffix("/cat: empty; expected at least one .png of class cat"))
        try write(folder, "cat/a.png", grey: 1)
        #expect(line { _ = try open(folder.path, .test) }.contains("5 pictures a class"))
        for (table, message) in [
            ("", "labels.tsv: empty; expected lines of FILE, tab, CLASS INDEX"),
            ("no tab here", "entry 0 has no tab: 'no tab here'; expected FILE, tab, CLASS INDEX"),
            ("file\tclass\ncat/a.png\tzwei", "entry 1: 'zwei' is no class index"),
            ("cat/a.png\t-1", "record 0 has label -1, but there are 1048576 classes (0 to 1048575)"),
            (
                "cat/b.png\t0",
                "cat/b.png: not found; expected the picture that entry 0 of \(folder.path)/labels.tsv names"
            ),
        ] {
            try folder.write(Array(table.utf8), as: "labels.tsv")
            #expect(refusal().hasSuffix(message), "\(refusal())")
        }
        #expect(line { _ = try open("/nowhere") }.hasPrefix("/nowhere: not found"))
    }

    @Test func aBrokenPictureIsNamedWhenItIsRead() throws {
        let folder = try TemporaryFolder()
        try folder.write([0xFF, 0xD8, 0xFF, 0, 0, 0, 0, 0], as: "cat/a.png")
        let set = try open(folder.path)
        #expect(
            line { _ = try set.pixels(at: 0) }
                == "\(folder.path)/cat/a.png: not a PNG picture, it begins with FF D8 FF 00 00 00 00 00 (a JPEG); "
                + "convert it to PNG first")
    }

    @Test(.enabled(if: SharedFolder.has("data/imagenet-sample"))) func theImageNetSampleHasItsThousandClasses() throws {
        let set = try DataSets.open("folder:\(SharedFolder.file("data/imagenet-sample").path)", split: .test)
        #expect(set.count == 200 && set.classNames.count == 1000)
        #expect(set.label(at: 0) == 17 && set.classNames[17] == "jay")
        #expect(try set.pixels(at: 0).count == 224 * 224 * 3)
    }
}

@Suite struct FormatTests {
    @Test func picturesOfAnotherSizeAreResizedAndColoursTurned() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([5] + [UInt8](repeating: 90, count: 3072), as: "x.bin")
        for shape in [
            Shape(height: 28, width: 28, channels: 1), Shape(height: 48, width: 40, channels: 3),
            Shape(height: 32, width: 32, channels: 1),
        ] {
            let format = try DataSets.defaultFormat(for: "cifar10:\(path)", shape: shape)
            let pixels = try DataSets.open("cifar10:\(path)", split: .test, format: format).pixels(at: 0)
            #expect(pixels == [UInt8](repeating: 90, count: shape.elementCount))
        }
        var wrong = DataSets.cifar10Format
        wrong.preprocessing.mean = [1]
        #expect(
            line { _ = try DataSets.open("cifar10:\(path)", split: .test, format: wrong) }
                == "input format: 1 values of mean for 3 channels; give one for each channel")
    }

    @Test func greyDigitsBecomeColours() throws {
        let folder = try TemporaryFolder()
        try folder.write(Fixture.idxImages(1, 32, 32), as: "t10k-images-idx3-ubyte")
        try folder.write(Fixture.idxLabels([1]), as: "t10k-labels-idx1-ubyte")
        let grey = try DataSets.open("idx:\(folder.path)", split: .test).pixels(at: 0)
        let format = try DataSets.defaultFormat(
            for: "idx:\(folder.path)", shape: Shape(height: 32, width: 32, channels: 3))
        #expect(format.preprocessing.mean == [33.3, 33.3, 33.3])
        let colour = try DataSets.open("idx:\(folder.path)", split: .test, format: format).pixels(at: 0)
        #expect(colour == grey.flatMap { [$0, $0, $0] })
    }

    @Test func everyKindHasADefaultAugmentation() throws {
        for specification in ["cifar10:x", "idx:x", "folder:x", "shapes"] {
            _ = try Augmentation.default(for: specification, shape: Shape(height: 32, width: 32, channels: 3))
        }
        #expect(try DataSets.defaultFormat(for: "folder:x").preprocessing.resize == .centreCrop(shorterSide: 256))
        let small = try DataSets.defaultFormat(for: "folder:x", shape: Shape(height: 96, width: 96, channels: 3))
        #expect(small.preprocessing.resize == .centreCrop(shorterSide: 110))
    }
}
