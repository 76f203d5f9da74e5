/// Small files of tensors in every container that is read.
///
/// What it does not do: come from PyTorch; opcodes and records are written here one by one.
import Foundation
import SwiftletGraph
import SwiftletTraining
import SwiftletZoo

enum TensorSeeds {
    @Sendable
    static func safetensors() throws -> [[UInt8]] {
        let types: [(String, Int)] = [
            ("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2), ("I64", 8), ("U8", 1), ("BOOL", 1),
        ]
        let one = types.map { type, bytes in
            container(
                #"{"t":{"dtype":"\#(type)","shape":[2],"data_offsets":[0,\#(2 * bytes)]}}"#, values: 2 * bytes)
        }
        let several = container(
            #"{"__metadata__":{"key":"a \"b\"\n"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"#
                + #""b":{"dtype":"U8","shape":[],"data_offsets":[8,9]},"c":{"dtype":"I8","shape":[0,4],"data_offsets":[9,9]}}"#,
            values: 9)
        let imported = container(
            #"{"__metadata__":{"preprocess":"RGB/255, mean .485 .456 .406, std .229 .224 .225, 224x224","bn_eps":"1e-3"},"#
                + #""conv2d.weight":{"dtype":"U8","shape":[2,3,1,1],"data_offsets":[0,6]}}"#, values: 6)
        return one + [several, imported, container("{}", values: 0)]
    }

    /// Metadata of checkpoints of all networks; the parameters are the target's business.
    @Sendable
    static func checkpoints() throws -> [[UInt8]] {
        try Architecture.names.map { name in
            let small = try? Architecture(parsing: "\(name):resolution=32,classes=2")
            let network = try small ?? Architecture(parsing: name)
            let names = (0..<network.classes).prefix(20).map { "\"\($0)\"" }.joined(separator: ",")
            let channels = Array(repeating: "1.5", count: network.inputShape.channels).joined(separator: ",")
            let preprocessing =
                #"{"colorOrder":"rgb","deviation":[\#(channels)],"mean":[\#(channels)],"resize":{"stretch":{}}}"#
            let members = [
                ("format", "swiftlet-checkpoint"), ("version", "1"), ("architecture", network.spec),
                ("classes", "[\(names)]"), ("preprocessing", preprocessing), ("training.seed", "1"),
            ]
            let text = members.map { "\"\($0)\":\"\($1.replacing("\"", with: "\\\""))\"" }.joined(separator: ",")
            return container("{\"__metadata__\":{\(text)}}", values: 0)
        }
    }

    private static func container(_ header: String, values: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
            + (0..<values).map { UInt8(truncatingIfNeeded: $0 &* 29) }
    }

    @Sendable
    static func torch() throws -> [[UInt8]] {
        [true, false].flatMap { isZip in
            StorageSeed.kinds.map { kind in
                let storages = [
                    StorageSeed(key: "0", kind: kind.name, bytes: Array(repeating: 1, count: 6 * kind.bytes))
                ]
                let object = PickleSeed.stateDictionary(storages, shape: [2, 3], strides: [3, 1])
                return isZip ? PickleSeed.zip(object, storages) : PickleSeed.legacy(object, storages)
            }
        }
    }
}

struct StorageSeed {
    var key: String
    var kind: String
    var bytes: [UInt8]

    static let kinds: [(name: String, bytes: Int)] = [
        ("FloatStorage", 4), ("DoubleStorage", 8), ("HalfStorage", 2), ("BFloat16Storage", 2), ("LongStorage", 8),
        ("ByteStorage", 1), ("BoolStorage", 1),
    ]
    var count: Int { bytes.count / (Self.kinds.first { $0.name == kind }?.bytes ?? 1) }
}

/// Pickles as `torch.save` writes them (torch/serialization.py), in its two containers.
public enum PickleSeed {
    static func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8) }
    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
    static func tuple(_ numbers: [UInt8]) -> [UInt8] { [0x28] + numbers.flatMap { [0x4B, $0] } + [0x74] }

    /// `OrderedDict(weight0: tensor, ...)`, one tensor a storage, with a parameter and a nested dictionary.
    static func stateDictionary(_ storages: [StorageSeed], shape: [UInt8], strides: [UInt8]) -> [UInt8] {
        var code: [UInt8] = [0x80, 2] + global("collections", "OrderedDict") + [0x29, 0x52, 0x71, 0, 0x28]
        for (index, storage) in storages.enumerated() {
            let identifier =
                [0x28] + text("storage") + global("torch", storage.kind) + text(storage.key) + text("cpu")
                + [0x4B, UInt8(storage.count), 0x74, 0x51]
            code += text("weight\(index)") + [0x71, UInt8(index + 1)] + global("torch._utils", "_rebuild_tensor_v2")
            code += [0x28] + identifier + [0x4B, 0] + tuple(shape) + tuple(strides) + [0x89]
            code += global("collections", "OrderedDict") + [0x29, 0x52, 0x74, 0x52]
        }
        return code + text("epoch") + [0x4D, 7, 0] + text("more") + [0x7D, 0x75, 0x2E]
    }

    static func legacy(_ object: [UInt8], _ storages: [StorageSeed]) -> [UInt8] {
        let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
        let version: [UInt8] = [0x80, 2, 0x4D, 0xE9, 3, 0x2E]
        var file = magic + version + [0x80, 2, 0x7D, 0x2E] + object
        file += [0x80, 2, 0x5D, 0x28]
        for storage in storages { file += text(storage.key) }
        file += [0x65, 0x2E]
        for storage in storages { file += little(UInt64(storage.count)) + storage.bytes }
        return file
    }

    static func zip(_ object: [UInt8], _ storages: [StorageSeed]) -> [UInt8] {
        let entries =
            [("m/data.pkl", object), ("m/byteorder", Array("little".utf8))]
            + storages.map { ("m/data/\($0.key)", $0.bytes) }
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for (name, bytes) in entries {
            // Version, flags, method, time and date; the checksum, which is not looked at; both sizes.
            let fields = [UInt8](repeating: 0, count: 14) + little(UInt32(bytes.count)) + little(UInt32(bytes.count))
            directory += [0x50, 0x4B, 1, 2, 0, 0] + fields + little(UInt16(name.utf8.count))
            directory += [UInt8](repeating: 0, count: 12) + little(UInt32(file.count)) + Array(name.utf8)
            file += [0x50, 0x4B, 3, 4] + fields + little(UInt16(name.utf8.count)) + [0, 0] + Array(name.utf8) + bytes
        }
        let count = little(UInt16(entries.count))
        var end: [UInt8] = [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count
        end += little(UInt32(directory.count)) + little(UInt32(file.count)) + [0, 0]
        return file + directory + end
    }

    static func little<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
