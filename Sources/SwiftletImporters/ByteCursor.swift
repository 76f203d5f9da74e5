/// Reads little-endian numbers and runs of bytes from a file in memory, every bound checked.
///
/// What it does not do: know any format.

struct ByteCursor {
    struct EndOfBytes: Error {
        var offset: Int
    }

    let bytes: [UInt8]
    private(set) var offset: Int
    private let end: Int

    /// - Parameter range: must lie within `bytes`; all of them if nil.
    init(_ bytes: [UInt8], in range: Range<Int>? = nil) {
        self.bytes = bytes
        offset = range?.lowerBound ?? 0
        end = range?.upperBound ?? bytes.count
    }

    var remaining: Int { end - offset }

    mutating func skip(_ count: Int) throws { _ = try range(count) }

    /// The range of the next `count` bytes, which are passed over.
    mutating func range(_ count: Int) throws -> Range<Int> {
        guard count >= 0, count <= remaining else { throw EndOfBytes(offset: offset) }
        defer { offset += count }
        return offset..<(offset + count)
    }

    mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) throws -> Integer {
        let range = try range(MemoryLayout<Integer>.size)
        return bytes.withUnsafeBytes {
            Integer(littleEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: type))
        }
    }

    mutating func text(_ count: Int) throws -> String { String(decoding: bytes[try range(count)], as: UTF8.self) }

    /// The bytes before the next newline, which is passed over.
    mutating func line() throws -> String {
        guard let newline = bytes[offset..<end].firstIndex(of: 0x0A) else { throw EndOfBytes(offset: end) }
        let text = try text(newline - offset)
        try skip(1)
        return text
    }
}
