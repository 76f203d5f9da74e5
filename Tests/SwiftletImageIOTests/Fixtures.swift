/// Reads the fixtures that tools/reference/make_image_fixtures.py wrote, and makes broken files.
import Foundation
import SwiftletGraph

@testable import SwiftletImageIO

enum Fixture {
    /// The fields of every line of a file in Fixtures/.
    static func table(_ name: String) throws -> [[String]] {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)")
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
            .map { $0.split(separator: "\t").map(String.init) }
    }

    static func bytes(hex: String) -> [UInt8] {
        let digits = Array(hex.utf8).map { UInt8($0 > 0x40 ? $0 - 0x57 : $0 - 0x30) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    /// CRC-32 as PNG and zlib have it.
    static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return ~crc
    }

    static func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

    static func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
        bigEndian(data.count) + Array(kind.utf8) + data + bigEndian(Int(crc32(Array(kind.utf8) + data)))
    }

    /// A file that ends after its header.
    static func header(width: Int, height: Int, interlaced: Bool = false) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + chunk("IHDR", bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, interlaced ? 1 : 0])
            + chunk("IDAT", [0x78, 0x9C])
    }

    /// The named picture's file and pixels.
    static func png(_ name: String) throws -> (file: [UInt8], pixels: [UInt8]) {
        guard let fields = try table("png.tsv").first(where: { $0[0] == name }) else {
            throw CocoaError(.fileNoSuchFile)
        }
        return (bytes(hex: fields[4]), bytes(hex: fields[5]))
    }

    static func temporaryPath(_ name: String) -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-\(UUID().uuidString)-\(name)").path
    }
}

extension PNGReader {
    /// All rows one after another.
    func pixels() throws -> [UInt8] {
        var all: [UInt8] = []
        try forEachRow { _, row in all.append(contentsOf: row) }
        return all
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
