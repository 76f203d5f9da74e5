/// Opens a data set by the name a user types: `KIND:PATH`.
///
/// What it does not do: download anything.
import SwiftletGraph

public enum DataSets {
    /// Which half of a data set.
    public enum Split: String, Hashable, Sendable, Codable {
        case training
        case test
    }

    /// How every kind is written, for help texts and errors.
    public static let usage =
        "cifar10:FOLDER_OR_BATCH.bin, idx:FOLDER, folder:FOLDER_OR_TABLE.tsv, shapes, shapes:COUNT"

    /// The kinds that `open` knows.
    enum Kind: String {
        case cifar10
        case idx
        case folder
        case shapes
    }

    /// Opens a data set.
    ///
    /// - Parameters:
    ///   - specification: `KIND:PATH` as in `usage`.
    ///   - split: a single file has no halves: it is the whole set for either.
    ///   - format: the size and colours in which pictures are delivered; nil for `defaultFormat(for:)`.
    /// - Throws: `DataSetError`, one line.
    public static func open(
        _ specification: String, split: Split, format: InputFormat? = nil
    ) throws -> any DataSet {
        let (kind, path) = try parse(specification)
        let format = try format ?? defaultFormat(for: specification)
        switch kind {
        case .cifar10: return try CIFARDataSet(name: specification, path: path, split: split, format: format)
        case .idx: return try IDXDataSet(name: specification, path: path, split: split, format: format)
        case .folder: return try FolderDataSet(name: specification, path: path, split: split, format: format)
        case .shapes:
            let count = try shapesCount(path, specification: specification)
            return try ShapesDataSet(name: specification, count: count, split: split, format: format)
        }
    }

    private static func shapesCount(_ text: String, specification: String) throws -> Int {
        guard !text.isEmpty else { return ShapesDataSet.defaultCount }
        guard let count = Int(text), (1...100_000_000).contains(count) else {
            throw DataSetError.badSpecification(
                specification: specification, reason: "'\(text)' is no count of pictures, 1 to 100000000")
        }
        return count
    }

    /// The format in which a data set of this kind is usually trained on, with its published statistics.
    ///
    /// - Parameter shape: another size than the kind's own; nil keeps that.
    /// - Throws: `DataSetError` when the specification is unknown or the files that tell the size are not there.
    public static func defaultFormat(for specification: String, shape: Shape? = nil) throws -> InputFormat {
        let (kind, path) = try parse(specification)
        switch kind {
        case .cifar10:
            return adapt(cifar10Format, to: shape)
        case .idx:
            var format = mnistFormat
            if shape == nil { format.shape = try IDXDataSet.nativeShape(at: path) }
            return adapt(format, to: shape)
        case .folder:
            var format = adapt(imageNetFormat, to: shape)
            // 256 for 224, as ImageNet networks are trained; the same share for other sizes.
            let side = max(format.shape.height, format.shape.width)
            format.preprocessing.resize = .centreCrop(shorterSide: (side * 256 + 112) / 224)
            return format
        case .shapes:
            return adapt(shapesFormat, to: shape)
        }
    }

    /// CIFAR-10: mean and deviation of its training half.
    public static let cifar10Format = InputFormat(
        shape: Shape(height: 32, width: 32, channels: 3),
        preprocessing: Preprocessing(
            resize: .stretch, colorOrder: .rgb, mean: [125.3, 123.0, 113.9], deviation: [63.0, 62.1, 66.7]))

    /// MNIST: 0.1307 and 0.3081 on the scale of 0 to 1.
    public static let mnistFormat = InputFormat(
        shape: Shape(height: 28, width: 28, channels: 1),
        preprocessing: Preprocessing(resize: .stretch, colorOrder: .grey, mean: [33.3], deviation: [78.6]))

    /// ImageNet: 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225 on the scale of 0 to 1.
    public static let imageNetFormat = InputFormat(
        shape: Shape(height: 224, width: 224, channels: 3),
        preprocessing: Preprocessing(
            resize: .centreCrop(shorterSide: 256), colorOrder: .rgb, mean: [123.675, 116.28, 103.53],
            deviation: [58.395, 57.12, 57.375]))

    /// Made-up shapes: measured over 3,000 pictures of the training half (grey ones deviate less, by 47).
    public static let shapesFormat = InputFormat(
        shape: Shape(height: 32, width: 32, channels: 3),
        preprocessing: Preprocessing(
            resize: .stretch, colorOrder: .rgb, mean: [127.5, 127.5, 127.5], deviation: [64, 64, 64]))

    /// The same statistics for another size; for other channels grey is the mean of the colours, colour thrice the grey.
    private static func adapt(_ format: InputFormat, to shape: Shape?) -> InputFormat {
        guard let shape else { return format }
        var adapted = format
        adapted.shape = shape
        guard shape.channels != format.shape.channels else { return adapted }
        func spread(_ values: [Float]) -> [Float] {
            let mean = values.reduce(0, +) / Float(values.count)
            return [Float](repeating: mean, count: shape.channels)
        }
        adapted.preprocessing.mean = spread(format.preprocessing.mean)
        adapted.preprocessing.deviation = spread(format.preprocessing.deviation)
        adapted.preprocessing.colorOrder = shape.channels == 1 ? .grey : .rgb
        return adapted
    }

    static func parse(_ specification: String) throws -> (Kind, path: String) {
        let parts = specification.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = parts.first.flatMap({ Kind(rawValue: String($0)) }) else {
            throw DataSetError.unknownKind(specification: specification)
        }
        let path = parts.count == 2 ? String(parts[1]) : ""
        guard !path.isEmpty || kind == .shapes else {
            throw DataSetError.badSpecification(
                specification: specification, reason: "no path after the kind; write one of \(usage)")
        }
        return (kind, path)
    }
}
