/// IDX and CIFAR data sets: files that are plain or gzipped, two at a time for IDX.
///
/// The readers open paths, so the bytes go into files in memory where the system has such a place.
/// What it does not do: walk folders of pictures; the PNG target reads those.
import Foundation
import SwiftletGraph
import SwiftletTraining
import TestSupport

extension FuzzTarget {
    /// The input: 2 bytes, little-endian, how many of the rest are the file of pictures; what follows is the labels.
    static let idx = FuzzTarget("idx", byteLimit: 2048, seeds: DataSetSeeds.idx) { bytes in
        let split = bytes.count < 2 ? 0 : min(Int(bytes[0]) | Int(bytes[1]) << 8, bytes.count - 2)
        let rest = bytes.dropFirst(2)
        try Scratch.write(rest.prefix(split), as: "train-images-idx3-ubyte")
        try Scratch.write(rest.dropFirst(split), as: "train-labels-idx1-ubyte")
        try readAll(DataSets.open("idx:\(Scratch.path)", split: .training))
    }

    static let cifar = FuzzTarget("cifar", byteLimit: 8192, seeds: DataSetSeeds.cifar) { bytes in
        try Scratch.write(bytes[...], as: "batch.bin")
        try readAll(DataSets.open("cifar10:\(Scratch.path)/batch.bin", split: .training))
    }

    private static func readAll(_ set: any DataSet) throws {
        var pixels = [UInt8](repeating: 0, count: set.format.shape.elementCount)
        for index in 0..<set.count {
            guard set.classNames.indices.contains(set.label(at: index)) else {
                throw Violation(what: "label \(set.label(at: index)) of \(set.classNames.count) classes")
            }
            guard index < 4 else { continue }
            try pixels.withUnsafeMutableBufferPointer { try set.readPixels(at: index, into: $0) }
        }
    }
}

/// A folder of this process and thread for files of one input.
private enum Scratch {
    private static let base: String = {
        let memory = "/dev/shm"
        let folder = FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
        let path = "\(folder)/swiftlet-fuzz-\(getpid())"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: Scratch.base) }
        return path
    }()

    static var path: String { base }

    static func write(_ bytes: ArraySlice<UInt8>, as name: String) throws {
        let descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw Violation(what: "cannot write \(path)/\(name)") }
        defer { close(descriptor) }
        let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count else { throw Violation(what: "cannot write \(path)/\(name)") }
    }
}
