/// CIFAR-10's binary layout: records of 1 label byte and 3 planes (red, green, blue) of 32x32 bytes.
///
/// Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images", and the layout on its home page.
/// The files are held in memory as they are (154 MB for the whole training half); a picture is interleaved when read.
/// What it does not do: read CIFAR-100, whose records have two labels.
import Foundation
import SwiftletGraph

struct CIFARDataSet: DataSet {
    static let side = 32
    static let planeBytes = side * side
    static let recordBytes = 1 + 3 * planeBytes
    static let defaultClassNames = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ]
    /// A file above this many bytes is refused: 1 GiB, six times the real training half.
    static let byteLimit = 1 << 30

    let name: String
    let format: InputFormat
    let classNames: [String]
    private let batches: [[UInt8]]
    /// Where each picture lies: its batch and the offset of its label byte.
    private let places: [(batch: Int32, offset: Int32)]
    private let fitter: PictureFitter

    var count: Int { places.count }

    /// Opens a folder with `data_batch_*.bin` or `test_batch.bin`, or one batch file (whatever the split).
    ///
    /// - Throws: `DataSetError` for a missing file, a file that is no whole number of records, a label out of range.
    init(name: String, path: String, split: DataSets.Split, format: InputFormat) throws {
        self.name = name
        self.format = format
        fitter = try PictureFitter(
            source: Shape(height: Self.side, width: Self.side, channels: 3), format: format)
        let (files, names) = try Self.files(at: path, split: split)
        classNames = names ?? Self.defaultClassNames
        var batches: [[UInt8]] = []
        var places: [(batch: Int32, offset: Int32)] = []
        for file in files {
            let bytes = try Self.readBatch(file, classes: classNames.count)
            for offset in stride(from: 0, to: bytes.count, by: Self.recordBytes) {
                places.append((Int32(batches.count), Int32(offset)))
            }
            batches.append(bytes)
        }
        self.batches = batches
        self.places = places
    }

    func label(at index: Int) -> Int {
        let place = places[index]
        return Int(batches[Int(place.batch)][Int(place.offset)])
    }

    func readPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        let place = places[index]
        batches[Int(place.batch)].withUnsafeBufferPointer { batch in
            let planes = UnsafeBufferPointer(rebasing: batch[(Int(place.offset) + 1)...].prefix(3 * Self.planeBytes))
            if fitter.isIdentity {
                Self.interleave(planes, into: pixels)
            } else {
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 3 * Self.planeBytes) { picture in
                    Self.interleave(planes, into: picture)
                    fitter.fit(UnsafeBufferPointer(picture), into: pixels)
                }
            }
        }
    }

    private static func interleave(
        _ planes: UnsafeBufferPointer<UInt8>, into pixels: UnsafeMutableBufferPointer<UInt8>
    ) {
        precondition(planes.count == 3 * planeBytes && pixels.count == 3 * planeBytes)
        for position in 0..<planeBytes {
            pixels[3 * position] = planes[position]
            pixels[3 * position + 1] = planes[planeBytes + position]
            pixels[3 * position + 2] = planes[2 * planeBytes + position]
        }
    }

    /// The batch files of a split, and the class names when the folder tells them.
    private static func files(at path: String, split: DataSets.Split) throws -> ([String], [String]?) {
        guard let isFolder = FileSystem.isFolder(path) else {
            throw DataSetError.missing(path: path, expected: "CIFAR-10's folder of .bin files, or one such file")
        }
        guard isFolder else { return ([path], nil) }
        let entries = try FileSystem.entries(of: path)
        let files: [String]
        let expected: String
        switch split {
        case .training:
            files = entries.filter { $0.hasPrefix("data_batch_") && $0.hasSuffix(".bin") }
            expected = "data_batch_1.bin to data_batch_5.bin (CIFAR-10's binary version)"
        case .test:
            files = entries.filter { $0 == "test_batch.bin" }
            expected = "test_batch.bin (CIFAR-10's binary version)"
        }
        guard !files.isEmpty else {
            throw DataSetError.missing(path: FileSystem.join(path, split.rawValue + " batches"), expected: expected)
        }
        let namesFile = "batches.meta.txt"
        let names =
            entries.contains(namesFile) ? try FileSystem.lines(of: FileSystem.join(path, namesFile)) : nil
        if let names, names.isEmpty || names.count > 256 {
            throw DataSetError.malformed(
                path: FileSystem.join(path, namesFile),
                reason: "\(names.count) class names; expected 1 to 256, one a line")
        }
        return (files.map { FileSystem.join(path, $0) }, names)
    }

    private static func readBatch(_ path: String, classes: Int) throws -> [UInt8] {
        let bytes = try ByteFile(path: path).read(upTo: byteLimit + 1)
        guard bytes.count <= byteLimit else {
            throw DataSetError.wrongSize(
                path: path, bytes: bytes.count, expected: "at most \(byteLimit) are read; split the file")
        }
        guard !bytes.isEmpty else {
            throw DataSetError.empty(path: path, expected: "records of \(recordBytes) bytes")
        }
        guard bytes.count % recordBytes == 0 else {
            let rest = bytes.count % recordBytes
            throw DataSetError.wrongSize(
                path: path, bytes: bytes.count,
                expected: "a record is \(recordBytes) (1 label, 3x32x32 pixels): record \(bytes.count / recordBytes) "
                    + "stops after \(rest); the file is truncated or not CIFAR-10's binary version")
        }
        for record in 0..<bytes.count / recordBytes {
            let label = Int(bytes[record * recordBytes])
            guard label < classes else {
                throw DataSetError.labelOutOfRange(path: path, record: record, label: label, classes: classes)
            }
        }
        return bytes
    }
}
