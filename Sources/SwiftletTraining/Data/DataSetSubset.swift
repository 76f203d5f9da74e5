/// A part of a data set, in an order of its own: the first few, or a seeded sample.
///
/// What it does not do: copy pictures.
import SwiftletGraph

struct DataSetSubset: DataSet {
    let whole: any DataSet
    let indices: [Int]

    var name: String { whole.name }
    var format: InputFormat { whole.format }
    var classNames: [String] { whole.classNames }
    var isIndexedByName: Bool { whole.isIndexedByName }
    var count: Int { indices.count }

    func label(at index: Int) -> Int { whole.label(at: indices[index]) }

    func pictureName(at index: Int) -> String { whole.pictureName(at: indices[index]) }

    func readPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        try whole.readPixels(at: indices[index], into: pixels)
    }
}

extension DataSet {
    /// The first `count` pictures, or all when there are fewer.
    public func limited(to count: Int) -> any DataSet {
        count >= self.count ? self : DataSetSubset(whole: self, indices: Array(0..<max(count, 0)))
    }

    /// `count` pictures (or all, when there are fewer) drawn without repetition: the same ones for the same seed, on every
    /// machine and with every compiler.
    public func sample(_ count: Int, seed: UInt64) -> any DataSet {
        let order = seededShuffle(of: self.count, seed: seed)
        return DataSetSubset(whole: self, indices: Array(order.prefix(max(count, 0))))
    }

    /// The pictures at `indices`, in that order.
    public func subset(_ indices: [Int]) -> any DataSet {
        precondition(indices.allSatisfy { (0..<count).contains($0) }, "an index outside 0 ..< \(count)")
        return DataSetSubset(whole: self, indices: indices)
    }
}

/// `0 ..< count` in a random order that depends on the seed alone (Fisher and Yates; the standard library's `shuffled`
/// promises no order from one version to the next).
public func seededShuffle(of count: Int, seed: UInt64) -> [Int] {
    var order = Array(0..<count)
    var generator = SeededGenerator(seed: seed)
    for last in stride(from: count - 1, to: 0, by: -1) {
        let chosen = Int(generator.next().multipliedFullWidth(by: UInt64(last + 1)).high)
        order.swapAt(last, chosen)
    }
    return order
}
