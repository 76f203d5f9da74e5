/// Brings a data set's labels to the order in which a network has its classes.
///
/// What it does not do: guess. Names that a network does not know are refused where only the name tells the class.
import SwiftletGraph

/// A data set under other labels.
private struct RelabelledDataSet: DataSet {
    let whole: any DataSet
    let classNames: [String]
    /// The new label of each of the old ones.
    let labels: [Int]

    var name: String { whole.name }
    var format: InputFormat { whole.format }
    var count: Int { whole.count }

    func label(at index: Int) -> Int { labels[whole.label(at: index)] }

    func pictureName(at index: Int) -> String { whole.pictureName(at: index) }

    func readPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        try whole.readPixels(at: index, into: pixels)
    }
}

extension DataSet {
    /// The same pictures, labelled with the places of their classes in `names`.
    ///
    /// By name, capitals ignored, when `names` has all of this set's; otherwise an index is taken as it is, if the set
    /// has any of its own (a table, CIFAR, IDX) and it fits.
    ///
    /// - Throws: `DataSetError.classesDiffer` with the first class that the network does not know.
    public func matched(to names: [String]) throws -> any DataSet {
        if names.starts(with: classNames) { return self }
        var places: [String: Int] = [:]
        for (place, name) in names.enumerated() where places.updateValue(place, forKey: name.lowercased()) != nil {
            // Two classes of one name: names do not tell them apart.
            places.removeAll()
            break
        }
        let known = classNames.map { places[$0.lowercased()] }
        if !known.contains(nil) {
            return RelabelledDataSet(whole: self, classNames: names, labels: known.compactMap { $0 })
        }
        guard !isIndexedByName, classNames.count <= names.count else {
            let stranger = known.firstIndex(of: nil).map { classNames[$0] }
            throw DataSetError.classesDiffer(
                name: name, count: classNames.count, stranger: isIndexedByName ? stranger : nil, known: names)
        }
        return self
    }
}
