/// Files that `torch.save` wrote: today's zip archives and the plain pickles from before PyTorch 1.6.
///
/// Zip: `NAME/data.pkl` is the pickle, `NAME/data/KEY` the numbers of each storage. Legacy: five pickles in a row (a magic
/// number, the version, facts about the system, the object, the storages' keys), then for each key its count of numbers in
/// 8 bytes and the numbers. Both as torch/serialization.py has them (PyTorch 2.1).
/// What it does not do: run anything that the pickle names, or read big-endian files.
import Foundation
import SwiftletGraph
import SwiftletTraining

enum TorchFile {
    /// The number that legacy files begin with, 0x1950A86A20F9469CFC6C.
    private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    private static let legacyVersion = 1001
    /// Dictionaries within dictionaries: `state_dict`, `model`, ...
    private static let nestingLimit = 4
    /// The most numbers that come out of a byte of the file. Tensors may share a storage, as tied weights do; without a
    /// limit a small file of many such tensors would take all memory.
    private static let sharing = 4

    /// Whether `bytes` begin as a pickle of protocol 2 or later.
    static func isPickle(_ bytes: [UInt8]) -> Bool { bytes.count > 1 && bytes[0] == 0x80 && bytes[1] <= 5 }

    /// The tensors of the file by name; those in a nested dictionary have no prefix for it.
    ///
    /// - Throws: `ImportError`.
    static func read(_ bytes: [UInt8], file: String) throws -> [String: Tensor] {
        do {
            return try ZipArchive.isZip(bytes) ? readZip(bytes, file: file) : readLegacy(bytes, file: file)
        } catch let end as ByteCursor.EndOfBytes {
            throw ImportError.badFile(file: file, reason: "it ends at byte \(end.offset), before its numbers do")
        }
    }

    private static func readZip(_ bytes: [UInt8], file: String) throws -> [String: Tensor] {
        let archive = try ZipArchive(bytes, file: file)
        let suffix = "/data.pkl"
        guard let pickle = archive.entries.keys.filter({ $0.hasSuffix(suffix) }).min(by: { $0.count < $1.count }),
            let range = archive.entries[pickle]
        else {
            throw ImportError.badFile(file: file, reason: "it is a zip file without data.pkl, so none of PyTorch's")
        }
        let folder = pickle.dropLast(suffix.count)
        if let order = archive.entries["\(folder)/byteorder"], String(decoding: bytes[order], as: UTF8.self) != "little"
        {
            throw ImportError.badFile(file: file, reason: "it was saved on a big-endian machine; only little is read")
        }
        var machine = PickleMachine(ByteCursor(bytes, in: range), file: file)
        let root = try machine.run()
        return try tensors(of: root, machine, file: file, numberLimit: sharing * bytes.count) { storage in
            guard let range = archive.entries["\(folder)/data/\(storage.key)"] else {
                throw ImportError.badFile(file: file, reason: "storage \(storage.key) is not in it")
            }
            return bytes[range]
        }
    }

    private static func readLegacy(_ bytes: [UInt8], file: String) throws -> [String: Tensor] {
        func refuse(_ reason: String) -> ImportError { .badFile(file: file, reason: reason) }
        var offset = 0
        func next() throws -> (PickleValue, PickleMachine) {
            var machine = PickleMachine(ByteCursor(bytes, in: offset..<bytes.count), file: file)
            let value = try machine.run()
            offset = machine.offset
            return (value, machine)
        }
        guard try next().0 == .bigInteger(magic) else {
            throw refuse("it is a pickle, and not one of torch.save; save a state dict with torch.save")
        }
        guard try next().0 == .integer(legacyVersion) else {
            throw refuse("its PyTorch file version is not \(legacyVersion)")
        }
        _ = try next()
        let (root, machine) = try next()
        let (keyList, keyMachine) = try next()
        guard case .list(let index) = keyList else { throw refuse("its list of storages is none") }

        let kinds = Dictionary(machine.storages.map { ($0.key, $0.kind) }, uniquingKeysWith: { first, _ in first })
        var cursor = ByteCursor(bytes, in: offset..<bytes.count)
        var contents: [String: Range<Int>] = [:]
        for value in keyMachine.lists[index] {
            guard case .text(let key) = value, let kind = kinds[key] else {
                throw refuse("its list of storages names one that no tensor has")
            }
            let count = try cursor.integer(Int64.self)
            let (size, overflow) = Int(count).multipliedReportingOverflow(by: kind.elementType.byteCount)
            guard !overflow else { throw refuse("storage \(key) has \(count) numbers") }
            contents[key] = try cursor.range(size)
        }
        return try tensors(of: root, machine, file: file, numberLimit: sharing * bytes.count) { storage in
            guard let range = contents[storage.key] else { throw refuse("storage \(storage.key) is not in it") }
            return bytes[range]
        }
    }

    private static func tensors(
        of root: PickleValue, _ machine: PickleMachine, file: String, numberLimit: Int,
        contents: (PickleStorage) throws -> ArraySlice<UInt8>
    ) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        var loaded: [PickleStorage: [Float]] = [:]
        var visited: Set<Int> = []
        var budget = NumberBudget(file: file, limit: numberLimit)
        func collect(_ value: PickleValue, depth: Int) throws {
            // Dictionaries that hold each other many times over are still looked through once.
            guard case .dictionary(let index) = value, depth < nestingLimit, visited.insert(index).inserted
            else { return }
            for (key, value) in machine.dictionaries[index] {
                guard case .text(let name) = key else { continue }
                guard case .tensor(let place) = value else {
                    // The optimizer's state has tensors too; they belong to no layer.
                    if name != "optimizer" { try collect(value, depth: depth + 1) }
                    continue
                }
                guard result[name] == nil else {
                    throw ImportError.badFile(
                        file: file, reason: "it holds tensor \(name) twice; save the one state dict that you want")
                }
                let view = machine.tensors[place]
                let storage = machine.storages[view.storage]
                if loaded[storage] == nil {
                    try budget.take(storage.count)
                    loaded[storage] = try floats(of: storage, contents(storage), file: file)
                }
                let tensor = try materialize(view, name: name, values: loaded[storage] ?? [], file: file)
                try budget.take(tensor.elementCount)
                result[name] = tensor
            }
        }
        try collect(root, depth: 0)
        guard !result.isEmpty else {
            throw ImportError.badFile(file: file, reason: "it holds no tensors by name; save the model's state_dict()")
        }
        return result
    }

    private static func floats(
        of storage: PickleStorage, _ bytes: ArraySlice<UInt8>, file: String
    ) throws -> [Float] {
        let type = storage.kind.elementType
        guard bytes.count / type.byteCount >= storage.count else {
            throw ImportError.badFile(
                file: file, reason: "storage \(storage.key) has \(bytes.count) bytes for \(storage.count) numbers")
        }
        return bytes.prefix(storage.count * type.byteCount).withUnsafeBytes { type.floats($0) }
    }

    /// The elements of a view, row-major.
    private static func materialize(
        _ view: PickleTensor, name: String, values: [Float], file: String
    ) throws -> Tensor {
        func refuse() -> ImportError {
            .badFile(
                file: file,
                reason:
                    "tensor \(name) of shape \(view.shape), offset \(view.offset), strides \(view.strides) does not "
                    + "lie within its \(values.count) numbers")
        }
        var count = 1
        var last = view.offset
        guard last >= 0 else { throw refuse() }
        for (size, stride) in zip(view.shape, view.strides) {
            guard size >= 0, stride >= 0 else { throw refuse() }
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            let (span, spanOverflow) = max(size - 1, 0).multipliedReportingOverflow(by: stride)
            let (end, endOverflow) = last.addingReportingOverflow(span)
            guard !overflow, !spanOverflow, !endOverflow else { throw refuse() }
            count = product
            last = end
        }
        guard count > 0 else { return Tensor(shape: view.shape, values: []) }
        // A view that repeats elements has more of them than there are numbers; weights never do.
        guard count <= values.count, last < values.count else { throw refuse() }
        var elements: [Float] = []
        elements.reserveCapacity(count)
        var position = [Int](repeating: 0, count: view.shape.count)
        var index = view.offset
        for _ in 0..<count {
            elements.append(values[index])
            for axis in view.shape.indices.reversed() {
                position[axis] += 1
                index += view.strides[axis]
                if position[axis] < view.shape[axis] { break }
                index -= view.strides[axis] * view.shape[axis]
                position[axis] = 0
            }
        }
        return Tensor(shape: view.shape, values: elements)
    }
}

/// How many numbers a file may still become.
private struct NumberBudget {
    let file: String
    let limit: Int
    private var taken = 0

    init(file: String, limit: Int) {
        self.file = file
        self.limit = limit
    }

    mutating func take(_ count: Int) throws {
        guard count <= limit - taken else {
            throw ImportError.badFile(
                file: file,
                reason: "its tensors share storages so often that they have more than \(limit) numbers; save copies")
        }
        taken += count
    }
}

extension StorageKind {
    var elementType: ElementType {
        switch self {
        case .float32: .float32
        case .float64: .float64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .int64: .int64
        case .int32: .int32
        case .int16: .int16
        case .int8: .int8
        case .uint8: .uint8
        case .bool: .bool
        }
    }
}
