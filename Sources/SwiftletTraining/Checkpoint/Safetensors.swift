/// Safetensors files: named tensors and a dictionary of strings.
///
/// Layout (https://huggingface.co/docs/safetensors, "Format"): 8 bytes, the length N of the header, little-endian; N bytes
/// of JSON, `{"__metadata__": {...}, "name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ...}`; the
/// values, little-endian, row-major, without holes.
/// What it does not do: say what the tensors are for (`Checkpoint` does), or write anything but 32-bit floats.
import Foundation
import SwiftletFiles
import SwiftletGraph

public struct Safetensors: Equatable, Sendable {
    public var tensors: [String: Tensor]
    public var metadata: [String: String]

    public init(tensors: [String: Tensor], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// Reads the file at `path`. Numbers of other types become floats, rounded to the nearest.
    ///
    /// - Throws: `FileError` when the file cannot be read, `SafetensorsError` when it is not what it should be.
    public init(contentsOf path: String) throws {
        try self.init(parsing: readFile(path), file: path)
    }

    /// Reads a file's bytes; any bytes give a value or an error.
    ///
    /// - Parameter file: what errors call it.
    /// - Throws: `SafetensorsError` for the first thing that is wrong.
    public init(parsing bytes: [UInt8], file: String) throws {
        let (entries, metadata, dataStart) = try Self.header(of: bytes, file: file)
        self.metadata = metadata
        tensors = [:]
        let dataCount = bytes.count - dataStart
        var end = 0
        for (name, entry) in entries.sorted(by: { $0.value.offsets < $1.value.offsets }) {
            func refuse(_ reason: String) -> SafetensorsError { .badTensor(file: file, tensor: name, reason: reason) }
            guard let type = ElementType(rawValue: entry.dtype) else {
                throw refuse("dtype \(entry.dtype) is not read; known: \(ElementType.known)")
            }
            guard let count = Self.elementCount(entry.shape) else {
                throw refuse("shape \(entry.shape) is not one")
            }
            let (byteCount, overflow) = count.multipliedReportingOverflow(by: type.byteCount)
            let (begin, last) = entry.offsets
            guard begin >= 0, begin <= last, last <= dataCount else {
                throw refuse("bytes \(begin) ..< \(last) lie outside of the file's \(dataCount) bytes of values")
            }
            guard !overflow, last - begin == byteCount else {
                throw refuse("shape \(entry.shape) of \(entry.dtype) does not fill bytes \(begin) ..< \(last)")
            }
            guard begin == end else {
                throw refuse(
                    begin < end
                        ? "bytes \(begin) ..< \(last) overlap another tensor's, which end at \(end)"
                        : "bytes \(end) ..< \(begin) before it belong to no tensor")
            }
            end = last
            let values = bytes.withUnsafeBytes { buffer in
                type.floats(UnsafeRawBufferPointer(rebasing: buffer[dataStart + begin..<dataStart + last]))
            }
            tensors[name] = Tensor(shape: entry.shape, values: values)
        }
        guard end == dataCount else {
            throw SafetensorsError.badFile(
                file: file, reason: "its tensors end at byte \(end) of \(dataCount) bytes of values")
        }
    }

    /// Writes all tensors as 32-bit floats, whole or not at all. Equal contents give equal bytes.
    ///
    /// - Throws: `FileError`, as when the disk is full.
    public func write(to path: String) throws {
        let names = tensors.keys.sorted()
        let header = encodedHeader(names)
        try AtomicFile.write(to: path) { file in
            try file.write(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) })
            try file.write(header)
            for name in names {
                #if _endian(little)
                    try tensors[name]!.values.withUnsafeBytes { try file.write($0) }
                #else
                    #error("write the values' bytes in little-endian order")
                #endif
            }
        }
    }
}

/// The header.
extension Safetensors {
    private struct Entry: Decodable {
        var dtype: String
        var shape: [Int]
        var dataOffsets: [Int]
        var offsets: (Int, Int) { (dataOffsets[0], dataOffsets[1]) }

        enum CodingKeys: String, CodingKey {
            case dtype
            case shape
            case dataOffsets = "data_offsets"
        }
    }

    private struct Header: Decodable {
        var entries: [String: Entry] = [:]
        var metadata: [String: String] = [:]

        private struct Key: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            for key in container.allKeys {
                if key.stringValue == "__metadata__" {
                    metadata = try container.decode([String: String].self, forKey: key)
                } else {
                    let entry = try container.decode(Entry.self, forKey: key)
                    guard entry.dataOffsets.count == 2 else {
                        throw DecodingError.dataCorruptedError(
                            forKey: key, in: container, debugDescription: "data_offsets are not two numbers")
                    }
                    entries[key.stringValue] = entry
                }
            }
        }
    }

    /// As the format's own library limits it.
    private static let headerLimit = 100_000_000

    private static func header(
        of bytes: [UInt8], file: String
    ) throws -> (entries: [String: Entry], metadata: [String: String], dataStart: Int) {
        func refuse(_ reason: String) -> SafetensorsError { .badFile(file: file, reason: reason) }
        guard bytes.count >= 8 else { throw refuse("it has \(bytes.count) bytes, the length of a header alone has 8") }
        let length = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= headerLimit, Int(length) <= bytes.count - 8 else {
            throw refuse("it announces a header of \(length) bytes and has \(bytes.count - 8)")
        }
        let dataStart = 8 + Int(length)
        guard length > 0, bytes[8] == UInt8(ascii: "{") else { throw refuse("its header is not a JSON object") }
        do {
            let header = try JSONDecoder().decode(Header.self, from: Data(bytes[8..<dataStart]))
            return (header.entries, header.metadata, dataStart)
        } catch {
            throw refuse("its header is damaged: \(jsonReason(error))")
        }
    }

    /// Nil for negative sizes and for products beyond `Int`.
    private static func elementCount(_ shape: [Int]) -> Int? {
        guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
        if shape.contains(0) { return 0 }
        return shape.reduce(1 as Int?) { count, size in
            count.flatMap { count in
                let (product, overflow) = count.multipliedReportingOverflow(by: size)
                return overflow ? nil : product
            }
        }
    }

    /// JSON, padded with spaces so that the values start at a multiple of 8 bytes.
    private func encodedHeader(_ names: [String]) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(jsonString($0.key)):\(jsonString($0.value))" }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var begin = 0
        for name in names {
            let tensor = tensors[name]!
            let end = begin + 4 * tensor.elementCount
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            members.append(
                "\(jsonString(name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}")
            begin = end
        }
        var header = Array("{\(members.joined(separator: ","))}".utf8)
        header += Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        return header
    }
}

/// Why a file is no safetensors file.
public enum SafetensorsError: Error, Equatable, CustomStringConvertible {
    case badFile(file: String, reason: String)
    case badTensor(file: String, tensor: String, reason: String)

    public var description: String {
        switch self {
        case .badFile(let file, let reason):
            "\(file) is not a whole safetensors file: \(oneLine(reason)); copy or export it again"
        case .badTensor(let file, let tensor, let reason):
            "\(file): tensor \(oneLine(tensor, limit: 200)): \(oneLine(reason))"
        }
    }
}
