/// Reads the cases of the conformance set: operators with integer parameters and outputs that other runtimes computed.
///
/// Format: `conformance/SOURCE.md` in the shared folder. What it does not do: derive parameters from scales.
import Foundation

public struct ConformanceCase {
    public struct Node {
        public var operation: String
        public var inputs: [Int]
        public var outputs: [Int]
        public var attributes: [String: Any]
        public var parameters: [String: Any]

        public var output: Int { outputs[0] }

        public func integer(_ name: String) -> Int { (parameters[name] ?? attributes[name]) as? Int ?? 0 }
    }

    public let name: String
    /// Tensors.
    public let inputs: [Int]
    public let outputs: [Int]
    /// Whether the tensors have scales; else there are only the integers.
    public let hasScales: Bool
    public let nodes: [Node]
    private let tensors: [[String: Any]]
    private let sets: [[String: Any]]
    private let arrays: [String: [Int]]
    private let reals: [String: [Float]]

    /// All cases, in the order of the index.
    public static func all() throws -> [ConformanceCase] {
        let folder = SharedFolder.conformance
        let index = try object(Data(contentsOf: folder.appendingPathComponent("index.json")))
        return try (index["cases"] as? [[String: Any]] ?? []).map { entry in
            try ConformanceCase(folder: folder, path: entry["json"] as? String ?? "")
        }
    }

    private static func object(_ data: Data) throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }

    private init(folder: URL, path: String) throws {
        let file = folder.appendingPathComponent(path)
        let json = try Self.object(Data(contentsOf: file))
        name = file.deletingPathExtension().lastPathComponent
        inputs = json["inputs"] as? [Int] ?? []
        outputs = json["outputs"] as? [Int] ?? []
        hasScales = json["has_scales"] as? Bool ?? true
        tensors = json["tensors"] as? [[String: Any]] ?? []
        sets = json["sets"] as? [[String: Any]] ?? []
        nodes = (json["nodes"] as? [[String: Any]] ?? []).map { node in
            Node(
                operation: node["op"] as? String ?? "", inputs: node["inputs"] as? [Int] ?? [],
                outputs: node["outputs"] as? [Int] ?? [], attributes: node["attrs"] as? [String: Any] ?? [:],
                parameters: node["params"] as? [String: Any] ?? [:])
        }
        let data = try Data(contentsOf: file.deletingPathExtension().appendingPathExtension("safetensors"))
        (arrays, reals) = try Self.arrays(in: data)
    }

    /// The integer and the float arrays of a safetensors file.
    private static func arrays(in data: Data) throws -> (integers: [String: [Int]], reals: [String: [Float]]) {
        let length = data.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        let header = try object(data.subdata(in: 8..<(8 + length)))
        var arrays: [String: [Int]] = [:]
        var reals: [String: [Float]] = [:]
        for (key, value) in header {
            guard let entry = value as? [String: Any], let range = entry["data_offsets"] as? [Int] else { continue }
            let bytes = [UInt8](data.subdata(in: (8 + length + range[0])..<(8 + length + range[1])))
            switch entry["dtype"] as? String {
            case "I8": arrays[key] = bytes.map { Int(Int8(bitPattern: $0)) }
            case "I16":
                arrays[key] = bytes.withUnsafeBytes { bytes in
                    stride(from: 0, to: bytes.count, by: 2).map {
                        Int(bytes.loadUnaligned(fromByteOffset: $0, as: Int16.self))
                    }
                }
            case "I64":
                arrays[key] = bytes.withUnsafeBytes { bytes in
                    stride(from: 0, to: bytes.count, by: 8).map {
                        Int(bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self))
                    }
                }
            case "I32":
                arrays[key] = bytes.withUnsafeBytes { bytes in
                    stride(from: 0, to: bytes.count, by: 4).map {
                        Int(bytes.loadUnaligned(fromByteOffset: $0, as: Int32.self))
                    }
                }
            case "F32":
                reals[key] = bytes.withUnsafeBytes { bytes in
                    stride(from: 0, to: bytes.count, by: 4).map {
                        bytes.loadUnaligned(fromByteOffset: $0, as: Float.self)
                    }
                }
            default: break
            }
        }
        return (arrays, reals)
    }

    public var setCount: Int { sets.count }

    public func shape(_ tensor: Int) -> [Int] { tensors[tensor]["shape"] as? [Int] ?? [] }

    /// A tensor's scale, or one a channel; empty where the case holds integers only.
    public func scales(_ tensor: Int) -> [Float] {
        if let scale = tensors[tensor]["scale"] as? NSNumber { return [scale.floatValue] }
        return (tensors[tensor]["scales"] as? String).flatMap { reals[$0] } ?? []
    }

    public var tensorCount: Int { tensors.count }

    /// Whether the values between the nodes are stored, too.
    public var hasIntermediates: Bool {
        sets.allSatisfy { set in
            let stored = set["tensors"] as? [String: String] ?? [:]
            return nodes.allSatisfy { node in node.outputs.allSatisfy { stored["\($0)"] != nil } }
        }
    }

    public func isConstant(_ tensor: Int) -> Bool { tensors[tensor]["data"] is String }

    /// "int8" and the like.
    public func element(_ tensor: Int) -> String { tensors[tensor]["dtype"] as? String ?? "int8" }

    public func zeroPoint(_ tensor: Int) -> Int { tensors[tensor]["zero_point"] as? Int ?? 0 }

    /// The array that a parameter names; nil where the parameter is a number or missing.
    public func array(_ node: Node, _ name: String) -> [Int]? {
        (node.parameters[name] as? String).flatMap { arrays[$0] }
    }

    /// The real array that a parameter names.
    public func realArray(_ node: Node, _ name: String) -> [Float]? {
        (node.parameters[name] as? String).flatMap { reals[$0] }
    }

    /// The value of a float tensor in set `set`.
    public func realValues(_ tensor: Int, set: Int) -> [Float]? {
        (sets[set]["tensors"] as? [String: String])?["\(tensor)"].flatMap { reals[$0] }
    }

    /// A constant, or the value of a tensor in set `set`; `isClassical` prefers what fixed-point multipliers give where the
    /// runtime used real ones.
    public func values(_ tensor: Int, set: Int, isClassical: Bool = false) -> [Int]? {
        if let key = tensors[tensor]["data"] as? String { return arrays[key] }
        let classical = isClassical ? (sets[set]["classical"] as? [String: String])?["\(tensor)"] : nil
        let key = classical ?? (sets[set]["tensors"] as? [String: String])?["\(tensor)"]
        return key.flatMap { arrays[$0] }
    }

    /// A parameter that has a value for each of `count` channels, or one for all.
    public func perChannel(_ node: Node, _ plural: String, _ singular: String, count: Int) -> [Int] {
        if let key = node.parameters[plural] as? String, let values = arrays[key] {
            return values.count == 1 ? Array(repeating: values[0], count: count) : values
        }
        return Array(repeating: node.integer(singular), count: count)
    }
}
