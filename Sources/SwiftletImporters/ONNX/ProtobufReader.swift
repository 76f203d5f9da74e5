/// Reads the fields of one protobuf message, in the order of the file.
///
/// Wire format: https://protobuf.dev/programming-guides/encoding. Fields carry a number and one of four layouts; what they
/// mean is the caller's knowledge, and unknown ones are passed over.
/// What it does not do: write, know a schema, or read groups, which protobuf itself has given up.

struct ProtobufReader {
    enum Payload {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        /// Where text, bytes, a nested message or packed numbers lie in the file.
        case bytes(Range<Int>)
    }

    struct Field {
        var number: UInt64
        var payload: Payload
    }

    struct Damage: Error {
        var reason: String
    }

    private var cursor: ByteCursor

    /// - Parameter range: must lie within `bytes`; all of them if nil.
    init(_ bytes: [UInt8], in range: Range<Int>? = nil) { cursor = ByteCursor(bytes, in: range) }

    var bytes: [UInt8] { cursor.bytes }

    /// The next field; nil at the end.
    ///
    /// - Throws: `Damage`.
    mutating func next() throws -> Field? {
        guard cursor.remaining > 0 else { return nil }
        let start = cursor.offset
        do {
            let tag = try varint()
            let number = tag >> 3
            guard number > 0 else { throw Damage(reason: "the field at byte \(start) has the number 0") }
            switch tag & 7 {
            case 0: return Field(number: number, payload: .varint(try varint()))
            case 1: return Field(number: number, payload: .fixed64(try cursor.integer(UInt64.self)))
            case 2:
                let length = try varint()
                guard length <= UInt64(cursor.remaining) else {
                    throw Damage(
                        reason:
                            "field \(number) at byte \(start) announces \(length) bytes, \(cursor.remaining) are left")
                }
                return Field(number: number, payload: .bytes(try cursor.range(Int(length))))
            case 5: return Field(number: number, payload: .fixed32(try cursor.integer(UInt32.self)))
            default:
                throw Damage(reason: "field \(number) at byte \(start) has the unknown wire type \(tag & 7)")
            }
        } catch let end as ByteCursor.EndOfBytes {
            throw Damage(reason: "it ends at byte \(end.offset), within the field at byte \(start)")
        }
    }

    /// Seven bits a byte, the lowest first; at most ten bytes.
    private mutating func varint() throws -> UInt64 {
        let start = cursor.offset
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let byte = try cursor.integer(UInt8.self)
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw Damage(reason: "the number at byte \(start) has more than ten bytes")
    }
}

/// Packed and single numbers: a repeated field may come as either.
extension ProtobufReader {
    /// - Throws: `Damage` when the payload is no integer and no run of integers.
    static func integers(_ field: Field, in bytes: [UInt8]) throws -> [Int64] {
        switch field.payload {
        case .varint(let value): return [Int64(bitPattern: value)]
        case .bytes(let range):
            var reader = ProtobufReader(bytes, in: range)
            var values: [Int64] = []
            do {
                while reader.cursor.remaining > 0 { values.append(Int64(bitPattern: try reader.varint())) }
            } catch is ByteCursor.EndOfBytes {
                throw Damage(reason: "the numbers of field \(field.number) at byte \(range.lowerBound) are cut off")
            }
            return values
        default: throw Damage(reason: "field \(field.number) holds no integers")
        }
    }

    /// - Throws: `Damage` when the payload is no run of 32-bit floats.
    static func floats(_ field: Field, in bytes: [UInt8]) throws -> [Float] {
        switch field.payload {
        case .fixed32(let bits): return [Float(bitPattern: bits)]
        case .bytes(let range) where range.count % 4 == 0:
            return bytes.withUnsafeBytes { buffer in
                stride(from: range.lowerBound, to: range.upperBound, by: 4).map {
                    Float(bitPattern: UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: $0, as: UInt32.self)))
                }
            }
        default: throw Damage(reason: "field \(field.number) holds no 32-bit floats")
        }
    }
}
