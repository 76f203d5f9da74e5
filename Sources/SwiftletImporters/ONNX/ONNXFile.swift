/// An ONNX file as data: operators, constants, inputs and outputs, by name.
///
/// Schema: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, of which the fields that a network of constant weights
/// needs are read. What it does not do: know what an operator means (`ONNXImporter` does), or look into subgraphs.

/// One operator.
struct ONNXNode {
    enum Attribute {
        case float(Float)
        case integer(Int)
        case text(String)
        case tensor(ONNXTensor)
        case floats([Float])
        case integers([Int])
        /// A subgraph, texts, sparse values.
        case other
    }

    var name = ""
    var type = ""
    /// Empty for ONNX's own operators.
    var domain = ""
    /// Names of values; an empty one leaves an input or output out.
    var inputs: [String] = []
    var outputs: [String] = []
    var attributes: [String: Attribute] = [:]
}

struct ONNXFile {
    struct Value {
        var name = ""
        /// `TensorProto.DataType`; 0 when it is not said.
        var elementType: Int64 = 0
        /// Nil where a dimension is a name instead of a number; all nil when there is no shape.
        var sizes: [Int?]?
    }

    var irVersion: Int64 = 0
    /// The version of ONNX's own operators; 0 when the file does not say.
    var opset: Int64 = 0
    var nodes: [ONNXNode] = []
    var constants: [String: ONNXTensor] = [:]
    var inputs: [Value] = []
    var outputs: [Value] = []

    /// Whether a file that begins like this is taken for ONNX: the tag of the first field (its version, a small number).
    /// Safetensors begin with a length whose upper bytes are 0.
    static func isONNX(_ bytes: [UInt8]) -> Bool {
        bytes.count > 8 && bytes[0] == 0x08 && (1...32).contains(bytes[1]) && bytes[4..<8].contains { $0 != 0 }
    }

    /// - Parameters:
    ///   - folder: where files of external data lie; nil if nowhere.
    ///   - file: what errors call it.
    /// - Throws: `ImportError.badFile`.
    init(parsing bytes: [UInt8], folder: String?, file: String) throws {
        let external = ONNXExternalData(folder: folder)
        do {
            var reader = ProtobufReader(bytes)
            var hasGraph = false
            while let field = try reader.next() {
                switch (field.number, field.payload) {
                case (1, .varint(let value)): irVersion = Int64(bitPattern: value)
                case (7, .bytes(let range)):
                    guard !hasGraph else { throw ProtobufReader.Damage(reason: "it holds two graphs") }
                    hasGraph = true
                    try readGraph(bytes, in: range, external: external)
                case (8, .bytes(let range)): try readOpset(bytes, in: range)
                default: break
                }
            }
            guard hasGraph else { throw ProtobufReader.Damage(reason: "it holds no graph") }
        } catch let damage as ProtobufReader.Damage {
            throw ImportError.badFile(
                file: file, reason: "it is no whole ONNX model: \(damage.reason); copy or export it again")
        }
    }

    /// A `StringStringEntryProto`.
    static func pair(_ bytes: [UInt8], in range: Range<Int>) throws -> (key: String, value: String) {
        var pair = (key: "", value: "")
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            guard case .bytes(let range) = field.payload else { continue }
            let text = String(decoding: bytes[range], as: UTF8.self)
            if field.number == 1 { pair.key = text }
            if field.number == 2 { pair.value = text }
        }
        return pair
    }
}

extension ONNXFile {
    /// An `OperatorSetIdProto`.
    private mutating func readOpset(_ bytes: [UInt8], in range: Range<Int>) throws {
        var domain = ""
        var version: Int64 = 0
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            switch (field.number, field.payload) {
            case (1, .bytes(let range)): domain = String(decoding: bytes[range], as: UTF8.self)
            case (2, .varint(let value)): version = Int64(bitPattern: value)
            default: break
            }
        }
        if domain.isEmpty || domain == "ai.onnx" { opset = version }
    }

    private mutating func readGraph(_ bytes: [UInt8], in range: Range<Int>, external: ONNXExternalData) throws {
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            guard case .bytes(let range) = field.payload else { continue }
            switch field.number {
            case 1: nodes.append(try Self.node(bytes, in: range, external: external))
            case 5:
                let (name, tensor) = try ONNXTensor.read(bytes, in: range, external: external)
                constants[name] = tensor
            case 11: inputs.append(try Self.value(bytes, in: range))
            case 12: outputs.append(try Self.value(bytes, in: range))
            default: break
            }
        }
    }

    private static func node(
        _ bytes: [UInt8], in range: Range<Int>, external: ONNXExternalData
    ) throws -> ONNXNode {
        var node = ONNXNode()
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            guard case .bytes(let range) = field.payload else { continue }
            var text: String { String(decoding: bytes[range], as: UTF8.self) }
            switch field.number {
            case 1: node.inputs.append(text)
            case 2: node.outputs.append(text)
            case 3: node.name = text
            case 4: node.type = text
            case 5:
                let (name, attribute) = try attribute(bytes, in: range, external: external)
                node.attributes[name] = attribute
            case 7: node.domain = text == "ai.onnx" ? "" : text
            default: break
            }
        }
        return node
    }

    /// An `AttributeProto`. Its field "type" is not looked at: what is there is what it holds. Zeros may be left out by the
    /// writer, so a type alone stands for a zero or an empty list.
    private static func attribute(
        _ bytes: [UInt8], in range: Range<Int>, external: ONNXExternalData
    ) throws -> (name: String, attribute: ONNXNode.Attribute) {
        var name = ""
        var found: ONNXNode.Attribute?
        var type: UInt64 = 0
        var floats: [Float] = []
        var integers: [Int] = []
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            switch (field.number, field.payload) {
            case (1, .bytes(let range)): name = String(decoding: bytes[range], as: UTF8.self)
            case (2, .fixed32(let bits)): found = .float(Float(bitPattern: bits))
            case (3, .varint(let value)): found = .integer(Int(Int64(bitPattern: value)))
            case (4, .bytes(let range)): found = .text(String(decoding: bytes[range], as: UTF8.self))
            case (5, .bytes(let range)):
                found = .tensor(try ONNXTensor.read(bytes, in: range, external: external).tensor)
            case (7, _): floats += try ProtobufReader.floats(field, in: bytes)
            case (8, _): integers += try ProtobufReader.integers(field, in: bytes).map { Int($0) }
            case (20, .varint(let value)): type = value
            default: break
            }
        }
        if !floats.isEmpty { return (name, .floats(floats)) }
        if !integers.isEmpty { return (name, .integers(integers)) }
        if let found { return (name, found) }
        switch type {
        case 1: return (name, .float(0))
        case 2: return (name, .integer(0))
        case 3: return (name, .text(""))
        case 6: return (name, .floats([]))
        case 7: return (name, .integers([]))
        default: return (name, .other)
        }
    }

    /// A `ValueInfoProto`: name and `type.tensor_type { elem_type, shape { dim { dim_value } } }`.
    private static func value(_ bytes: [UInt8], in range: Range<Int>) throws -> Value {
        var value = Value()
        var reader = ProtobufReader(bytes, in: range)
        while let field = try reader.next() {
            guard case .bytes(let range) = field.payload else { continue }
            if field.number == 1 { value.name = String(decoding: bytes[range], as: UTF8.self) }
            guard field.number == 2 else { continue }
            for tensor in try messages(1, bytes, in: range) {
                var reader = ProtobufReader(bytes, in: tensor)
                while let field = try reader.next() {
                    switch (field.number, field.payload) {
                    case (1, .varint(let type)): value.elementType = Int64(bitPattern: type)
                    case (2, .bytes(let shape)):
                        value.sizes = try messages(1, bytes, in: shape).map { try size(bytes, in: $0) }
                    default: break
                    }
                }
            }
        }
        return value
    }

    private static func size(_ bytes: [UInt8], in range: Range<Int>) throws -> Int? {
        var reader = ProtobufReader(bytes, in: range)
        var size: Int?
        while let field = try reader.next() {
            if field.number == 1, case .varint(let value) = field.payload { size = Int(Int64(bitPattern: value)) }
        }
        return size
    }

    /// Where the messages of one field lie.
    private static func messages(_ number: UInt64, _ bytes: [UInt8], in range: Range<Int>) throws -> [Range<Int>] {
        var reader = ProtobufReader(bytes, in: range)
        var found: [Range<Int>] = []
        while let field = try reader.next() {
            if field.number == number, case .bytes(let range) = field.payload { found.append(range) }
        }
        return found
    }
}
