/// Writes small ONNX models for tests, field by field, so that every field can be wrong.
///
/// What it does not do: check anything.

public struct ONNXWriter {
    public init() {}

    public var opset = 17
    public var inputSizes = [1, 3, 8, 8]
    public var nodes: [[UInt8]] = []
    public var constants: [[UInt8]] = []
    public var outputs = ["scores"]

    public static func varint(_ value: Int) -> [UInt8] {
        var rest = UInt64(bitPattern: Int64(value))
        var bytes: [UInt8] = []
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    public static func number(_ field: Int, _ value: Int) -> [UInt8] { varint(field << 3) + varint(value) }

    public static func bytes(_ field: Int, _ contents: [UInt8]) -> [UInt8] {
        varint(field << 3 | 2) + varint(contents.count) + contents
    }

    public static func text(_ field: Int, _ text: String) -> [UInt8] { bytes(field, Array(text.utf8)) }

    /// A `TensorProto` of floats, raw.
    public static func tensor(_ name: String, _ sizes: [Int], _ values: [Float]) -> [UInt8] {
        let raw = values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
        return sizes.flatMap { number(1, $0) } + number(2, 1) + text(8, name) + bytes(9, raw)
    }

    /// A `TensorProto` of 64-bit integers.
    public static func integers(_ name: String, _ values: [Int]) -> [UInt8] {
        number(1, values.count) + number(2, 7) + bytes(7, values.flatMap(varint)) + text(8, name)
    }

    /// An `AttributeProto` of integers.
    public static func attribute(_ name: String, _ values: [Int]) -> [UInt8] {
        bytes(5, text(1, name) + values.flatMap { number(8, $0) } + number(20, 7))
    }

    public static func attribute(_ name: String, _ value: Int) -> [UInt8] {
        bytes(5, text(1, name) + number(3, value) + number(20, 2))
    }

    public static func attribute(_ name: String, _ value: String) -> [UInt8] {
        bytes(5, text(1, name) + text(4, value) + number(20, 3))
    }

    public mutating func node(
        _ type: String, _ inputs: [String], _ outputs: [String], name: String, attributes: [UInt8] = [],
        domain: String = ""
    ) {
        nodes.append(
            inputs.flatMap { Self.text(1, $0) } + outputs.flatMap { Self.text(2, $0) } + Self.text(3, name)
                + Self.text(4, type) + attributes + (domain.isEmpty ? [] : Self.text(7, domain)))
    }

    public mutating func constant(_ name: String, _ sizes: [Int], repeating value: Float = 0.5) {
        constants.append(Self.tensor(name, sizes, Array(repeating: value, count: sizes.reduce(1, *))))
    }

    public mutating func shape(_ name: String, _ values: [Int]) { constants.append(Self.integers(name, values)) }

    private static func value(_ name: String, _ sizes: [Int]) -> [UInt8] {
        let shape = bytes(2, sizes.flatMap { bytes(1, number(1, $0)) })
        return text(1, name) + bytes(2, bytes(1, number(1, 1) + shape))
    }

    public var model: [UInt8] {
        let graph =
            nodes.flatMap { Self.bytes(1, $0) } + Self.text(2, "test") + constants.flatMap { Self.bytes(5, $0) }
            + Self.bytes(11, Self.value("image", inputSizes))
            + outputs.flatMap { Self.bytes(12, Self.value($0, [1, 4])) }
        return Self.number(1, 8) + Self.bytes(7, graph) + Self.bytes(8, Self.number(2, opset))
    }

    /// image -> 1x1 convolution of 4 channels -> mean -> scores, a vector.
    public static var classifier: ONNXWriter {
        var writer = ONNXWriter()
        writer.constant("w", [4, 3, 1, 1])
        writer.node("Conv", ["image", "w"], ["features"], name: "conv")
        writer.node("GlobalAveragePool", ["features"], ["mean"], name: "pool")
        writer.node("Flatten", ["mean"], ["scores"], name: "flatten")
        return writer
    }
}
