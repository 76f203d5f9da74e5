/// What a pickle of tensors is made of.
///
/// Containers are indices into the machine's own table, so that neither cycles nor endless nesting can hurt.

enum PickleValue: Hashable {
    case none
    case bool(Bool)
    case integer(Int)
    /// Beyond 64 bits: little-endian, two's complement.
    case bigInteger([UInt8])
    case number(Double)
    case text(String)
    case tuple(Int)
    case list(Int)
    case dictionary(Int)
    /// A class or function by name; never called, only recognised.
    case global(PickleGlobal)
    /// An index into the storages that were asked for.
    case storage(Int)
    /// An index into the tensors that were built.
    case tensor(Int)
    case mark
}

/// Everything that a pickle of tensors may name.
enum PickleGlobal: Hashable {
    case orderedDictionary
    case rebuildTensor
    case rebuildParameter
    case size
    case storage(StorageKind)

    /// Nil for everything else in the world.
    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", "Size"): self = .size
        case ("torch", _):
            guard let kind = StorageKind(rawValue: name) else { return nil }
            self = .storage(kind)
        default: return nil
        }
    }
}

/// PyTorch's classes of storages.
enum StorageKind: String, Hashable {
    case float32 = "FloatStorage"
    case float64 = "DoubleStorage"
    case float16 = "HalfStorage"
    case bfloat16 = "BFloat16Storage"
    case int64 = "LongStorage"
    case int32 = "IntStorage"
    case int16 = "ShortStorage"
    case int8 = "CharStorage"
    case uint8 = "ByteStorage"
    case bool = "BoolStorage"
}

/// A run of numbers that tensors look into.
struct PickleStorage: Hashable {
    var kind: StorageKind
    var key: String
    var count: Int
}

/// A view of a storage: element `(i, j, ...)` is number `offset + i * strides[0] + j * strides[1] + ...`.
struct PickleTensor: Hashable {
    var storage: Int
    var offset: Int
    var shape: [Int]
    var strides: [Int]
}
