/// Labels in a network's order: by name where names decide, by index otherwise.
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletTraining

@Suite struct ClassMatchingTests {
    /// Pictures without pixels, one of each class.
    private struct Labels: DataSet {
        var classNames: [String]
        var isIndexedByName = false
        var name: String { "folder:labels" }
        var format: InputFormat { DataSets.cifar10Format }
        var count: Int { classNames.count }

        func label(at index: Int) -> Int { index }
        func readPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {}
    }

    private func labels(_ names: [String], byName: Bool = false, in network: [String]) throws -> [Int] {
        let matched = try Labels(classNames: names, isIndexedByName: byName).matched(to: network)
        return (0..<matched.count).map { matched.label(at: $0) }
    }

    @Test(arguments: [false, true])
    func knownNamesDecide(byName: Bool) throws {
        let network = ["ship", "Cat", "dog"]
        #expect(try labels(["cat", "dog"], byName: byName, in: network) == [1, 2])
        #expect(try labels(["ship", "Cat"], byName: byName, in: network) == [0, 1])
    }

    @Test func anIndexOfItsOwnIsTakenAsItIs() throws {
        #expect(try labels(["class 0", "class 1"], in: ["ship", "cat", "dog"]) == [0, 1])
        // Two cranes, the bird and the machine: names do not tell them apart.
        #expect(try labels(["gull", "crane"], in: ["crane", "gull", "crane"]) == [0, 1])
    }

    @Test func strangersAreRefusedWhereNamesDecide() throws {
        #expect(
            throws: DataSetError.classesDiffer(
                name: "folder:labels", count: 2, stranger: "elephant", known: ["cat", "dog"])
        ) { try labels(["cat", "elephant"], byName: true, in: ["cat", "dog"]) }
    }

    @Test func moreClassesThanTheNetworkKnowsAreRefused() throws {
        #expect(
            throws: DataSetError.classesDiffer(name: "folder:labels", count: 3, stranger: nil, known: ["a", "b"])
        ) { try labels(["0", "1", "2"], in: ["a", "b"]) }
    }

    @Test func foldersFindTheirClassesByName() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], as: "dog/1.png")
        try folder.write([1], as: "cat/1.png")
        let whole = try DataSets.open("folder:\(folder.path)", split: .training)
        #expect(whole.isIndexedByName && whole.limited(to: 1).isIndexedByName)
        let matched = try whole.matched(to: ["dog", "cat"])
        #expect((0..<2).map(matched.label) == [1, 0])
        try folder.write(Array("cat/1.png\t1\ndog/1.png\t0\n".utf8), as: "labels.tsv")
        #expect(try !DataSets.open("folder:\(folder.path)", split: .training).isIndexedByName)
    }
}
