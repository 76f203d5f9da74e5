/// What training, calibration and evaluation ask of a set of labelled pictures.
///
/// What it does not do: augment or normalise; the loaders do.
import SwiftletGraph

/// Labelled pictures, all delivered in one `InputFormat`. Reading is thread-safe.
public protocol DataSet: Sendable {
    /// As the user named it: "cifar10:/data/cifar-10".
    var name: String { get }
    var format: InputFormat { get }
    var classNames: [String] { get }
    /// Whether a class is known by its name alone, its index being no more than the name's place in the alphabet.
    var isIndexedByName: Bool { get }
    var count: Int { get }

    /// The class of picture `index`, in `0 ..< classNames.count`.
    func label(at index: Int) -> Int

    /// What a person finds the picture by: its file, or its number in the data set.
    func pictureName(at index: Int) -> String

    /// Writes picture `index` as height x width x channels bytes, resized and cropped as `format` says.
    ///
    /// - Throws: `DataSetError` that names the file, the place in it and what is wrong.
    func readPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws
}

extension DataSet {
    public var isIndexedByName: Bool { false }

    public func pictureName(at index: Int) -> String { "\(name) picture \(index)" }
}
