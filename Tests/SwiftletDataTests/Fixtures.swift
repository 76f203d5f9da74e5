/// Folders of made-up data sets for the tests of this target.
import CZlib
import Foundation
import SwiftletGraph

@testable import SwiftletTraining

/// A folder that goes away with the object.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes `bytes` to `name`, making folders on the way; the path it got.
    @discardableResult
    func write(_ bytes: [UInt8], as name: String) throws -> String {
        let url = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        return url.path
    }

    /// The same, gzipped.
    func writeGzipped(_ bytes: [UInt8], as name: String) throws {
        guard let file = gzopen(path + "/" + name, "wb") else { throw CocoaError(.fileWriteUnknown) }
        gzwrite(file, bytes, UInt32(bytes.count))
        gzclose(file)
    }
}

enum Fixture {
    static func bigEndian(_ values: Int...) -> [UInt8] {
        values.flatMap { value in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
    }

    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    static func idxImages(_ count: Int, _ height: Int, _ width: Int, seed: UInt64 = 1) -> [UInt8] {
        bigEndian(0x803, count, height, width) + bytes(count * height * width, seed: seed)
    }

    static func idxLabels(_ labels: [UInt8]) -> [UInt8] { bigEndian(0x801, labels.count) + labels }

    /// A CIFAR batch whose record `i` has label `labels[i]`.
    static func cifar(_ labels: [UInt8], seed: UInt64 = 1) -> [UInt8] {
        labels.enumerated().flatMap { [$1] + bytes(3072, seed: seed &+ UInt64($0)) }
    }
}

extension DataSet {
    func pixels(at index: Int) throws -> [UInt8] {
        var pixels = [UInt8](repeating: 0, count: format.shape.elementCount)
        try pixels.withUnsafeMutableBufferPointer { try readPixels(at: index, into: $0) }
        return pixels
    }
}

/// The line that `body` fails with, "no error" when it does not.
func line(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        return "\(error)"
    }
}

enum FileBytes {
    static func read(_ path: String) throws -> [UInt8] { try Array(Data(contentsOf: URL(fileURLWithPath: path))) }
}
