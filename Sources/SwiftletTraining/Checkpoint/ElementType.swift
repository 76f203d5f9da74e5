/// The element types of safetensors files that are read, and how each becomes a 32-bit float.
///
/// What it does not do: write them; only 32-bit floats are written.

public enum ElementType: String, CaseIterable, Sendable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint8 = "U8"
    case bool = "BOOL"

    public static var known: String { allCases.map(\.rawValue).joined(separator: ", ") }

    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// The elements in `bytes`, little-endian, rounded to the nearest float.
    public func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
        func convert<Raw>(_ type: Raw.Type, _ float: (Raw) -> Float) -> [Float] where Raw: FixedWidthInteger {
            let size = MemoryLayout<Raw>.size
            return [Float](unsafeUninitializedCapacity: bytes.count / size) { buffer, initialized in
                for index in 0..<bytes.count / size {
                    let raw = bytes.loadUnaligned(fromByteOffset: index * size, as: Raw.self)
                    buffer.initializeElement(at: index, to: float(Raw(littleEndian: raw)))
                }
                initialized = bytes.count / size
            }
        }
        return switch self {
        case .float64: convert(UInt64.self) { Float(Double(bitPattern: $0)) }
        case .float32: convert(UInt32.self) { Float(bitPattern: $0) }
        case .float16: convert(UInt16.self, float(half:))
        case .bfloat16: convert(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        case .int64: convert(Int64.self) { Float($0) }
        case .int32: convert(Int32.self) { Float($0) }
        case .int16: convert(Int16.self) { Float($0) }
        case .int8: convert(Int8.self) { Float($0) }
        case .uint8, .bool: convert(UInt8.self) { Float($0) }
        }
    }
}

/// The value of an IEEE 754 binary16 number, exactly. (`Float16` is missing on some of Swift's platforms.)
func float(half bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:  // Zero and subnormals: fraction x 2^-24.
        let magnitude = Float(fraction) * 0x1p-24
        return sign == 0 ? magnitude : -magnitude
    case 0x1F:  // Infinity and NaN.
        return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default:
        return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
}
