/// Small data sets, plain and gzipped.
import CZlib

enum DataSetSeeds {
    @Sendable
    static func idx() throws -> [[UInt8]] {
        let labels = bigEndian(0x801, 3) + [1, 2, 9]
        return [(5, 4), (1, 1), (28, 7)].flatMap { height, width in
            let images = bigEndian(0x803, 3, height, width) + noise(3 * height * width)
            return [true, false].map { isGzipped in
                let file = isGzipped ? Deflate.gzip(images) : images
                return [UInt8(file.count & 255), UInt8(file.count >> 8)] + file + labels
            }
        }
    }

    @Sendable
    static func cifar() throws -> [[UInt8]] {
        let one = [3] + noise(3072)
        let two = one + [9] + [UInt8](repeating: 7, count: 3072)
        return [one, two, Deflate.gzip(one), Deflate.gzip(two, level: 6)]
    }

    static func noise(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 >> 3) } }

    static func bigEndian(_ values: Int...) -> [UInt8] {
        values.flatMap { value in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
    }
}

/// Deflated bytes in zlib's and gzip's containers (RFC 1950, RFC 1952).
enum Deflate {
    /// - Parameter level: 0 stores the bytes as they are, so that mutations reach them; 6 is zlib's usual.
    static func zlib(_ bytes: [UInt8], level: Int32 = 0) -> [UInt8] {
        var size = compressBound(UInt(bytes.count))
        var output = [UInt8](repeating: 0, count: Int(size))
        let status = compress2(&output, &size, bytes, UInt(bytes.count), level)
        precondition(status == Z_OK, "zlib's compress2: \(status)")
        return Array(output.prefix(Int(size)))
    }

    static func gzip(_ bytes: [UInt8], level: Int32 = 0) -> [UInt8] {
        let checksum = UInt32(truncatingIfNeeded: crc32(0, bytes, UInt32(bytes.count)))
        // zlib's own container is 2 bytes before and 4 behind.
        return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + zlib(bytes, level: level).dropFirst(2).dropLast(4)
            + PickleSeed.little(checksum) + PickleSeed.little(UInt32(bytes.count))
    }
}
