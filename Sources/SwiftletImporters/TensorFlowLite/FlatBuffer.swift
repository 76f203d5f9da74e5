/// Reads tables, vectors and strings of a FlatBuffer where they lie, every offset checked.
///
/// What it does not do: know a schema. Fields are named by their number; one that is missing gives its default.
///
/// Source: FlatBuffers' internals, https://flatbuffers.dev/internals.

struct FlatBuffer {
    /// An offset or a size that leads out of the file, or into too many levels.
    struct Damaged: Error {
        var offset: Int
    }

    let bytes: [UInt8]

    func integer<Integer: FixedWidthInteger>(_ type: Integer.Type, at offset: Int) throws -> Integer {
        guard offset >= 0, offset <= bytes.count - MemoryLayout<Integer>.size else { throw Damaged(offset: offset) }
        return bytes.withUnsafeBytes { Integer(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
    }

    /// The table that the file begins with.
    func root() throws -> FlatTable { try FlatTable(self, at: Int(integer(UInt32.self, at: 0))) }

    /// Where the offset at `offset` leads: offsets count from where they stand.
    func target(at offset: Int) throws -> Int { offset + Int(try integer(UInt32.self, at: offset)) }
}

struct FlatTable {
    private let buffer: FlatBuffer
    private let position: Int
    private let vtable: Int
    private let vtableBytes: Int

    init(_ buffer: FlatBuffer, at position: Int) throws {
        self.buffer = buffer
        self.position = position
        vtable = position - Int(try buffer.integer(Int32.self, at: position))
        vtableBytes = Int(try buffer.integer(UInt16.self, at: vtable))
        guard vtableBytes >= 4, vtable + vtableBytes <= buffer.bytes.count else {
            throw FlatBuffer.Damaged(offset: vtable)
        }
    }

    /// Where field `number` lies; nil when the table does not have it.
    private func field(_ number: Int) throws -> Int? {
        let entry = 4 + number * 2
        guard entry + 2 <= vtableBytes else { return nil }
        let offset = Int(try buffer.integer(UInt16.self, at: vtable + entry))
        return offset == 0 ? nil : position + offset
    }

    func integer<Integer: FixedWidthInteger>(_ number: Int, _ type: Integer.Type, default value: Int) throws -> Int {
        guard let field = try field(number) else { return value }
        return Int(truncatingIfNeeded: try buffer.integer(type, at: field))
    }

    func real(_ number: Int, default value: Float) throws -> Float {
        guard let field = try field(number) else { return value }
        return Float(bitPattern: try buffer.integer(UInt32.self, at: field))
    }

    func table(_ number: Int) throws -> FlatTable? {
        try field(number).map { try FlatTable(buffer, at: buffer.target(at: $0)) }
    }

    /// Start and count of a vector; nil when there is none.
    ///
    /// - Parameter stride: bytes of an element.
    private func vector(_ number: Int, stride: Int) throws -> (start: Int, count: Int)? {
        guard let field = try field(number) else { return nil }
        let start = try buffer.target(at: field)
        let count = Int(try buffer.integer(UInt32.self, at: start))
        guard start + 4 + count * stride <= buffer.bytes.count else { throw FlatBuffer.Damaged(offset: start) }
        return (start + 4, count)
    }

    func integers<Integer: FixedWidthInteger>(_ number: Int, _ type: Integer.Type) throws -> [Int] {
        guard let vector = try vector(number, stride: MemoryLayout<Integer>.size) else { return [] }
        return try (0..<vector.count).map {
            Int(truncatingIfNeeded: try buffer.integer(type, at: vector.start + $0 * MemoryLayout<Integer>.size))
        }
    }

    func reals(_ number: Int) throws -> [Float] {
        guard let vector = try vector(number, stride: 4) else { return [] }
        return try (0..<vector.count).map {
            Float(bitPattern: try buffer.integer(UInt32.self, at: vector.start + $0 * 4))
        }
    }

    /// The bytes of a vector of bytes.
    func range(_ number: Int) throws -> Range<Int>? {
        try vector(number, stride: 1).map { $0.start..<($0.start + $0.count) }
    }

    func text(_ number: Int) throws -> String? {
        try range(number).map { String(decoding: buffer.bytes[$0], as: UTF8.self) }
    }

    func tables(_ number: Int) throws -> [FlatTable] {
        guard let vector = try vector(number, stride: 4) else { return [] }
        return try (0..<vector.count).map {
            try FlatTable(buffer, at: buffer.target(at: vector.start + $0 * 4))
        }
    }
}
