/// CIFAR-10 batches: order, planes, names, and a line for every defect.
import SwiftletGraph
import Testing

@testable import SwiftletTraining

@Suite struct CIFARDataSetTests {
    @Test func batchesAreReadInOrderAndPlanesInterleaved() throws {
        let folder = try TemporaryFolder()
        let first = Fixture.cifar([3, 9], seed: 5)
        try folder.write(first, as: "data_batch_1.bin")
        try folder.write(Fixture.cifar([0], seed: 50), as: "data_batch_2.bin")
        try folder.write(Fixture.cifar([7], seed: 60), as: "test_batch.bin")
        let set = try DataSets.open("cifar10:\(folder.path)", split: .training)
        #expect(set.count == 3)
        #expect((0..<3).map(set.label) == [3, 9, 0])
        #expect(set.classNames[9] == "truck")
        let pixels = try set.pixels(at: 1)
        let planes = first[3074...].map { $0 }
        for position in stride(from: 0, to: 1024, by: 37) {
            for channel in 0..<3 { #expect(pixels[3 * position + channel] == planes[1024 * channel + position]) }
        }
        let test = try DataSets.open("cifar10:\(folder.path)/", split: .test)
        #expect(test.count == 1 && test.label(at: 0) == 7)
    }

    @Test func oneBatchFileIsAWholeSet() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Fixture.cifar([1, 2]), as: "any.bin")
        #expect(try DataSets.open("cifar10:\(path)", split: .test).count == 2)
    }

    @Test func classNamesComeFromTheMetaFile() throws {
        let folder = try TemporaryFolder()
        try folder.write(Fixture.cifar([1]), as: "test_batch.bin")
        try folder.write(Array("yes\nno\n\n".utf8), as: "batches.meta.txt")
        #expect(try DataSets.open("cifar10:\(folder.path)", split: .test).classNames == ["yes", "no"])
    }

    @Test func everyDefectHasItsLine() throws {
        let folder = try TemporaryFolder()
        func open(_ name: String, _ split: DataSets.Split = .test) -> String {
            line { _ = try DataSets.open("cifar10:\(folder.path)\(name)", split: split) }
        }
        #expect(
            open("/nowhere").hasSuffix(
                "/nowhere: not found; expected CIFAR-10's folder of .bin files, or one such file"))
        #expect(open("").contains("test_batch.bin (CIFAR-10's binary version)"))
        #expect(open("", .training).contains("data_batch_1.bin to data_batch_5.bin"))
        try folder.write([], as: "empty.bin")
        #expect(open("/empty.bin").hasSuffix("empty.bin: empty; expected records of 3073 bytes"))
        try folder.write(Array(Fixture.cifar([1, 2]).dropLast(5)), as: "short.bin")
        #expect(
            open("/short.bin").contains(
                "6141 bytes, but a record is 3073 (1 label, 3x32x32 pixels): record 1 stops after 3068"))
        try folder.write(Fixture.cifar([1, 2, 10]), as: "label.bin")
        #expect(open("/label.bin").hasSuffix("label.bin: record 2 has label 10, but there are 10 classes (0 to 9)"))
        try folder.write([0xFF, 0xFE, 0x80], as: "batches.meta.txt")
        try folder.write(Fixture.cifar([1]), as: "test_batch.bin")
        #expect(open("").hasSuffix("batches.meta.txt: not UTF-8 text; expected one entry a line"))
    }

    @Test func mutatedBatchesAreReadOrRefusedButNeverTrap() throws {
        let folder = try TemporaryFolder()
        let original = Fixture.cifar([0, 1, 2])
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<300 {
            let path = try folder.write(Mutation.mutate(original, using: &generator), as: "m.bin")
            guard let set = try? DataSets.open("cifar10:\(path)", split: .test) else { continue }
            #expect(set.label(at: set.count - 1) < 10)
            _ = try set.pixels(at: set.count - 1)
        }
    }
}

enum Mutation {
    /// A few bytes changed, or a piece cut out, doubled or the end dropped.
    static func mutate(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !result.isEmpty {
            // Headers come first in all of these formats: half of the changes go there.
            let reach = Bool.random(using: &generator) ? min(result.count, 64) : result.count
            let place = Int.random(in: 0..<reach, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: result.removeLast(Int.random(in: 0...min(result.count, 2000), using: &generator))
            case 1: result.removeSubrange(place..<min(place + Int.random(in: 1...9, using: &generator), result.count))
            case 2: result.insert(contentsOf: result[place..<min(place + 7, result.count)], at: place)
            case 3: result[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator)!
            default: result[place] = UInt8(truncatingIfNeeded: generator.next())
            }
        }
        return result
    }
}
