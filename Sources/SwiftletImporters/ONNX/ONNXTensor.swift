/// A constant of an ONNX file: weights, shapes, axes.
///
/// Schema: `TensorProto` in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
/// What it does not do: hold texts or sparse values; a tensor of those says so when it is used.
import SwiftletGraph
import SwiftletTraining

struct ONNXTensor {
    enum Contents {
        case floats([Float])
        case integers([Int])
        /// Why there are none.
        case unreadable(String)
    }

    var sizes: [Int]
    var contents: Contents
    /// How the file has its elements; nil of what folding has made.
    var type: ElementType?

    static func vector(_ integers: [Int]) -> ONNXTensor {
        ONNXTensor(sizes: [integers.count], contents: .integers(integers))
    }

    var isReadable: Bool { if case .unreadable = contents { false } else { true } }

    /// How many there are; 0 of what cannot be read.
    var count: Int {
        switch contents {
        case .floats(let values): values.count
        case .integers(let values): values.count
        case .unreadable: 0
        }
    }

    /// - Throws: `Refusal` when they cannot be read.
    func floats() throws -> [Float] {
        switch contents {
        case .floats(let values): return values
        case .integers(let values): return values.map { Float($0) }
        case .unreadable(let reason): throw Refusal(reason)
        }
    }

    /// - Throws: `Refusal` when they cannot be read or are no integers.
    func integers() throws -> [Int] {
        switch contents {
        case .integers(let values): return values
        case .floats: throw Refusal("a tensor \(sizes) of floats stands where integers belong")
        case .unreadable(let reason): throw Refusal(reason)
        }
    }

    /// The elements at `indices`, under other sizes.
    func gathered(_ indices: [Int], sizes: [Int]) throws -> ONNXTensor {
        switch contents {
        case .floats(let values): ONNXTensor(sizes: sizes, contents: .floats(indices.map { values[$0] }))
        case .integers(let values): ONNXTensor(sizes: sizes, contents: .integers(indices.map { values[$0] }))
        case .unreadable(let reason): throw Refusal(reason)
        }
    }
}

/// Reading.
extension ONNXTensor {
    /// `TensorProto.DataType`.
    private static let types: [Int64: ElementType] = [
        1: .float32, 2: .uint8, 3: .int8, 5: .int16, 6: .int32, 7: .int64, 9: .bool, 10: .float16, 11: .float64,
        16: .bfloat16,
    ]

    private struct Parts {
        var sizes: [Int64] = []
        var type: Int64 = 0
        var raw: Range<Int>?
        var floats: [Float] = []
        var integers: [Int64] = []
        var doubles: [Float] = []
        var isExternal = false
        var external: [String: String] = [:]
    }

    /// - Parameter external: reads files beside the model.
    /// - Returns: the tensor and its name.
    /// - Throws: `ProtobufReader.Damage`.
    static func read(
        _ bytes: [UInt8], in range: Range<Int>, external: ONNXExternalData
    ) throws -> (name: String, tensor: ONNXTensor) {
        var parts = Parts()
        var name = ""
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            switch (field.number, field.payload) {
            case (1, _): parts.sizes += try ProtobufReader.integers(field, in: bytes)
            case (2, .varint(let value)): parts.type = Int64(bitPattern: value)
            case (4, _): parts.floats += try ProtobufReader.floats(field, in: bytes)
            case (5, _), (7, _): parts.integers += try ProtobufReader.integers(field, in: bytes)
            case (8, .bytes(let range)): name = String(decoding: bytes[range], as: UTF8.self)
            case (9, .bytes(let range)): parts.raw = range
            case (10, .bytes(let range)):
                guard range.count % 8 == 0 else { throw ProtobufReader.Damage(reason: "tensor \(name) is cut off") }
                parts.doubles += bytes.withUnsafeBytes {
                    ElementType.float64.floats(UnsafeRawBufferPointer(rebasing: $0[range]))
                }
            case (13, .bytes(let range)):
                let entry = try ONNXFile.pair(bytes, in: range)
                parts.external[entry.key] = entry.value
            case (14, .varint(let value)): parts.isExternal = value == 1
            default: break
            }
        }
        return (name, try tensor(parts, named: name, bytes: bytes, external: external))
    }

    private static func tensor(
        _ parts: Parts, named name: String, bytes: [UInt8], external: ONNXExternalData
    ) throws -> ONNXTensor {
        let sizes = parts.sizes.map { Int($0) }
        guard let count = TensorLayout.elementCount(sizes) else {
            throw ProtobufReader.Damage(reason: "tensor \(name) has the sizes \(sizes)")
        }
        func unreadable(_ reason: String) -> ONNXTensor { ONNXTensor(sizes: sizes, contents: .unreadable(reason)) }
        guard let type = types[parts.type] else {
            return unreadable("tensor \(name) is of ONNX's element type \(parts.type), which is not read")
        }
        if parts.isExternal {
            do {
                let data = try external.read(parts.external, count: count * type.byteCount)
                return ONNXTensor(sizes: sizes, contents: contents(data, type))
            } catch let refusal as Refusal {
                return unreadable("tensor \(name): \(refusal.reason)")
            }
        }
        let found: Contents
        if let raw = parts.raw {
            guard raw.count == count * type.byteCount else {
                throw ProtobufReader.Damage(
                    reason: "tensor \(name) has \(raw.count) bytes for \(count) elements of \(type.byteCount)")
            }
            found = bytes.withUnsafeBytes { contents(UnsafeRawBufferPointer(rebasing: $0[raw]), type) }
        } else if !parts.doubles.isEmpty {
            found = .floats(parts.doubles)
        } else if !parts.integers.isEmpty {
            found = contents(parts.integers, type)
        } else {
            found = isInteger(type) ? .integers([]) : .floats(parts.floats)
        }
        let tensor = ONNXTensor(sizes: sizes, contents: found, type: type)
        guard tensor.count == count else {
            throw ProtobufReader.Damage(reason: "tensor \(name) \(sizes) has \(tensor.count) elements, not \(count)")
        }
        return tensor
    }

    private static func isInteger(_ type: ElementType) -> Bool {
        switch type {
        case .float64, .float32, .float16, .bfloat16: false
        case .int64, .int32, .int16, .int8, .uint8, .bool: true
        }
    }

    private static func contents(_ bytes: [UInt8], _ type: ElementType) -> Contents {
        bytes.withUnsafeBytes { contents($0, type) }
    }

    private static func contents(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) -> Contents {
        // Floats hold every integer of up to 24 bits; only the wider ones need a way of their own.
        switch type {
        case .int64:
            .integers(
                stride(from: 0, to: bytes.count, by: 8).map {
                    Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self)))
                })
        case .int32:
            .integers(
                stride(from: 0, to: bytes.count, by: 4).map {
                    Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: Int32.self)))
                })
        case .int16, .int8, .uint8, .bool: .integers(type.floats(bytes).map { Int($0) })
        case .float64, .float32, .float16, .bfloat16: .floats(type.floats(bytes))
        }
    }

    /// The field for small integers holds 16-bit floats too, as their bits.
    private static func contents(_ integers: [Int64], _ type: ElementType) -> Contents {
        switch type {
        case .float16, .bfloat16:
            contents(
                integers.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }, type)
        case .float32, .float64: .floats([])
        default: .integers(integers.map { Int($0) })
        }
    }
}
