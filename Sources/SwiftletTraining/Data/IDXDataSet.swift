/// MNIST's IDX files: a big-endian header and bytes, gzipped or not. Also Fashion-MNIST, KMNIST, EMNIST.
///
/// Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "File formats".
/// Magic 0x00000803 = unsigned bytes in 3 dimensions (images, rows, columns); 0x00000801 = 1 dimension (labels).
/// What it does not do: read other element types or colour.
import Foundation
import SwiftletGraph

struct IDXDataSet: DataSet {
    /// More pixel bytes than this are refused: 2 GiB, 45 times MNIST's training half.
    static let byteLimit = 1 << 31
    /// Larger pictures than this are refused, in pixels on a side.
    static let sideLimit = 4096

    let name: String
    let format: InputFormat
    /// The lines of `classes.txt` when it lies beside the data, else "0", "1", ... up to 9 or the largest label.
    let classNames: [String]
    private let pixels: [UInt8]
    private let labels: [UInt8]
    private let pictureBytes: Int
    private let fitter: PictureFitter

    var count: Int { labels.count }

    /// Opens a folder that holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` (test: `t10k-`), or `.gz` of them.
    ///
    /// - Throws: `DataSetError` for a missing file, a wrong magic number, a truncated file, counts that differ.
    init(name: String, path: String, split: DataSets.Split, format: InputFormat) throws {
        self.name = name
        self.format = format
        let (imageFile, labelFile) = try Self.files(at: path, split: split)
        let (shape, imageCount, pixels) = try Self.readImages(imageFile)
        let labels = try Self.readLabels(labelFile)
        guard imageCount == labels.count else {
            throw DataSetError.countsDiffer(
                images: imageFile, imageCount: imageCount, labels: labelFile, labelCount: labels.count)
        }
        fitter = try PictureFitter(source: shape, format: format)
        self.pixels = pixels
        self.labels = labels
        pictureBytes = shape.elementCount
        let namesFile = FileSystem.join(path, "classes.txt")
        if FileSystem.isFolder(namesFile) == false {
            classNames = try FileSystem.lines(of: namesFile)
            if let record = labels.firstIndex(where: { Int($0) >= classNames.count }) {
                throw DataSetError.labelOutOfRange(
                    path: labelFile, record: record, label: Int(labels[record]), classes: classNames.count)
            }
        } else {
            classNames = (0...max(9, labels.max() ?? 9)).map { String($0) }
        }
    }

    func label(at index: Int) -> Int { Int(labels[index]) }

    func readPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        self.pixels.withUnsafeBufferPointer { all in
            let picture = UnsafeBufferPointer(rebasing: all[index * pictureBytes..<(index + 1) * pictureBytes])
            fitter.fit(picture, into: pixels)
        }
    }

    /// The shape of the pictures in a folder, from the header alone.
    static func nativeShape(at path: String) throws -> Shape {
        let file = try (try? files(at: path, split: .test).images) ?? files(at: path, split: .training).images
        return try readHeader(file).0
    }

    private static func files(at path: String, split: DataSets.Split) throws -> (images: String, labels: String) {
        let prefix = split == .training ? "train" : "t10k"
        let (images, labels) = ("\(prefix)-images-idx3-ubyte", "\(prefix)-labels-idx1-ubyte")
        guard let isFolder = FileSystem.isFolder(path) else {
            throw DataSetError.missing(path: path, expected: "a folder with \(images) and \(labels), or .gz of them")
        }
        guard isFolder else {
            throw DataSetError.malformed(
                path: path, reason: "a file; give the folder that holds \(images) and \(labels), or .gz of them")
        }
        func find(_ stem: String) throws -> String {
            // Some mirrors write the last dash of the original names as a dot.
            let dotted = stem.replacing("-idx", with: ".idx")
            for candidate in [stem, stem + ".gz", dotted, dotted + ".gz"] {
                let file = FileSystem.join(path, candidate)
                if FileSystem.isFolder(file) == false { return file }
            }
            throw DataSetError.missing(path: FileSystem.join(path, stem), expected: "this file, or \(stem).gz")
        }
        return (try find(images), try find(labels))
    }

    private static func readHeader(_ path: String) throws -> (Shape, count: Int, ByteFile) {
        let file = try ByteFile(path: path)
        let header = try file.read(upTo: 16)
        try checkMagic(header, expected: 0x803, content: "images", path: path)
        guard header.count == 16 else {
            throw DataSetError.wrongSize(path: path, bytes: header.count, expected: "the header alone has 16")
        }
        let (count, height, width) = (bigEndian(header, 4), bigEndian(header, 8), bigEndian(header, 12))
        guard (1...sideLimit).contains(height), (1...sideLimit).contains(width) else {
            throw DataSetError.malformed(
                path: path, reason: "pictures of \(height)x\(width); expected 1 to \(sideLimit) pixels on a side")
        }
        guard count > 0 else { throw DataSetError.empty(path: path, expected: "at least 1 image") }
        guard count <= byteLimit / (height * width) else {
            throw DataSetError.malformed(
                path: path,
                reason: "\(count) images of \(height)x\(width) are more than \(byteLimit) bytes, the most that is read")
        }
        return (Shape(height: height, width: width, channels: 1), count, file)
    }

    private static func readImages(_ path: String) throws -> (Shape, count: Int, [UInt8]) {
        let (shape, count, file) = try readHeader(path)
        let expected = count * shape.elementCount
        let pixels = try file.read(upTo: expected + 1)
        guard pixels.count == expected else {
            let comparison = pixels.count < expected ? "the file is truncated" : "there is more behind them"
            throw DataSetError.wrongSize(
                path: path, bytes: 16 + pixels.count,
                expected: "the header promises \(count) images of \(shape.height)x\(shape.width), "
                    + "\(16 + expected) bytes; \(comparison)")
        }
        return (shape, count, pixels)
    }

    private static func readLabels(_ path: String) throws -> [UInt8] {
        let file = try ByteFile(path: path)
        let header = try file.read(upTo: 8)
        try checkMagic(header, expected: 0x801, content: "labels", path: path)
        guard header.count == 8 else {
            throw DataSetError.wrongSize(path: path, bytes: header.count, expected: "the header alone has 8")
        }
        let count = bigEndian(header, 4)
        guard count <= byteLimit else {
            throw DataSetError.malformed(path: path, reason: "\(count) labels; at most \(byteLimit) are read")
        }
        let labels = try file.read(upTo: count + 1)
        guard labels.count == count else {
            let comparison = labels.count < count ? "the file is truncated" : "there is more behind them"
            throw DataSetError.wrongSize(
                path: path, bytes: 8 + labels.count,
                expected: "the header promises \(count) labels, \(8 + count) bytes; \(comparison)")
        }
        return labels
    }

    private static func checkMagic(_ header: [UInt8], expected: Int, content: String, path: String) throws {
        guard header.count >= 4 else {
            throw DataSetError.wrongSize(path: path, bytes: header.count, expected: "the magic number alone has 4")
        }
        let magic = bigEndian(header, 0)
        guard magic == expected else {
            throw DataSetError.malformed(
                path: path,
                reason: "magic number \(hexadecimal(magic)), but IDX \(content) begin with \(hexadecimal(expected))")
        }
    }

    private static func bigEndian(_ bytes: [UInt8], _ offset: Int) -> Int {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    private static func hexadecimal(_ value: Int) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return "0x" + String(repeating: "0", count: max(8 - digits.count, 0)) + digits
    }
}
