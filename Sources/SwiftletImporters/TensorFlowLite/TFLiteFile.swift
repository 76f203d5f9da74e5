/// Reads a `.tflite` file into a `TFLiteGraph`: tensors, constants, operators with their options.
///
/// Bytes of uint8 are taken as int8 less 128. What it does not do: files of several subgraphs, sparse
/// tensors, data outside of the file.
///
/// Source: TensorFlow Lite's schema, version 3 (`tensorflow/compiler/mlir/lite/schema/schema.fbs`).
import SwiftletFiles
import SwiftletTraining

public enum TFLiteFile {
    /// Whether these are the first bytes of a `.tflite` file.
    public static func isTFLite(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 8 && Array(bytes[4..<8]) == Array("TFL3".utf8)
    }

    /// - Throws: `FileError` where the file cannot be read, `ImportError.badFile` for any other trouble.
    public static func graph(contentsOf path: String) throws -> TFLiteGraph {
        try graph(parsing: readFile(path), file: path)
    }

    /// - Parameter file: what errors call it.
    public static func graph(parsing bytes: [UInt8], file: String) throws -> TFLiteGraph {
        guard isTFLite(bytes) else { throw ImportError.badFile(file: file, reason: "it does not say TFL3") }
        do {
            return try TFLiteFileParser(buffer: FlatBuffer(bytes: bytes), file: file).graph()
        } catch let damage as FlatBuffer.Damaged {
            throw ImportError.badFile(
                file: file,
                reason: "it is damaged: what stands at \(damage.offset) leads out of its \(bytes.count) bytes")
        }
    }
}

struct TFLiteFileParser {
    let buffer: FlatBuffer
    let file: String

    func bad(_ reason: String) -> ImportError { .badFile(file: file, reason: reason) }

    func graph() throws -> TFLiteGraph {
        let model = try buffer.root()
        let subgraphs = try model.tables(2)
        guard let subgraph = subgraphs.first, subgraphs.count == 1 else {
            throw bad("it has \(subgraphs.count) subgraphs, and one is read")
        }
        let codes = try model.tables(1).map(name(ofCode:))
        let buffers = try model.tables(4)
        let tensors = try subgraph.tables(0).enumerated().map { index, table in
            try tensor(table, index: index, buffers: buffers)
        }
        func checked(_ indices: [Int], _ what: String) throws -> [Int] {
            for index in indices where index != -1 && !tensors.indices.contains(index) {
                throw bad("\(what) names tensor \(index) of \(tensors.count)")
            }
            return indices
        }
        var operators: [TFLiteOperator] = []
        for (index, table) in try subgraph.tables(3).enumerated() {
            let code = try table.integer(0, UInt32.self, default: 0)
            guard codes.indices.contains(code) else {
                throw bad("operator \(index) has code \(code) of \(codes.count)")
            }
            let what = "operator \(index) (\(codes[code]))"
            var operation = TFLiteOperator(
                name: codes[code], inputs: try checked(table.integers(1, Int32.self), what),
                outputs: try checked(table.integers(2, Int32.self), what))
            guard !operation.outputs.isEmpty, !operation.outputs.contains(-1), !operation.inputs.isEmpty else {
                throw bad("\(what) has no inputs or no outputs")
            }
            guard operation.inputs.contains(where: { $0 != -1 }) else { throw bad("\(what) has no input") }
            if let options = try table.table(4) { operation.options = try Self.options(operation.name, options) }
            // Integers that a network makes are sizes, which its tensors have anyway.
            if tensors[operation.outputs[0]].element != .int32 { try resolveConstants(&operation, tensors) }
            operators.append(operation)
        }
        let inputs = try checked(subgraph.integers(1, Int32.self), "the input")
        let outputs = try checked(subgraph.integers(2, Int32.self), "the output")
        guard !inputs.isEmpty, !outputs.isEmpty, !(inputs + outputs).contains(-1) else {
            throw bad("it has \(inputs.count) inputs and \(outputs.count) outputs")
        }
        return TFLiteGraph(
            name: oneLine(try subgraph.text(4) ?? "", limit: 200), tensors: tensors, operators: operators,
            inputs: inputs, outputs: outputs)
    }

    // MARK: Tensors

    private func tensor(_ table: FlatTable, index: Int, buffers: [FlatTable]) throws -> TFLiteTensor {
        let shape = try table.integers(0, Int32.self)
        let name = oneLine(try table.text(3) ?? "tensor \(index)", limit: 200)
        guard shape.count <= 6, shape.allSatisfy({ (1...65_535).contains($0) }) else {
            throw bad("tensor \(name) has the shape \(shape); sizes are 1 to 65535")
        }
        let type = try table.integer(1, Int8.self, default: 0)
        var result = TFLiteTensor(name: name, shape: shape)
        if let quantization = try table.table(4) {
            result.scales = try quantization.reals(2)
            result.scaledDimension = try quantization.integer(6, Int32.self, default: 0)
            let zeroPoints = try quantization.integers(3, Int64.self)
            guard Set(zeroPoints).count <= 1 else { throw bad("tensor \(name) has a zero point a channel") }
            result.zeroPoint = zeroPoints.first ?? 0
            guard -1 << 31..<1 << 31 ~= result.zeroPoint else {
                throw bad("tensor \(name) has the zero point \(result.zeroPoint)")
            }
        }
        for scale in result.scales where !(scale.isFinite && scale > 0) {
            throw bad("tensor \(name) has the scale \(scale)")
        }
        switch type {
        case 0: result.element = .float32
        case 1: result.element = .float16
        case 2, 4: result.element = .int32
        case 7: result.element = .int16
        case 9: result.element = .int8
        case 3:
            // uint8 less 128 is int8.
            result.element = .int8
            result.isUnsigned = true
            result.zeroPoint -= 128
        default: throw bad("tensor \(name) has elements of type \(type), which are not read")
        }
        let data = try table.integer(2, UInt32.self, default: 0)
        guard data > 0 else { return result }
        guard buffers.indices.contains(data) else { throw bad("tensor \(name) has buffer \(data) of \(buffers.count)") }
        guard let range = try buffers[data].range(0), !range.isEmpty else { return result }
        let sizes: [Int: Int] = [0: 4, 1: 2, 2: 4, 4: 8, 7: 2]
        let size = sizes[type] ?? 1
        // Beyond the largest file a product may stop growing.
        let needed = size * shape.reduce(1) { min($0 * $1, 1 << 40) }
        guard range.count == needed else {
            throw bad("tensor \(name) has \(range.count) bytes, its shape \(shape) takes \(needed)")
        }
        if type == 0 || type == 1 {
            let element: ElementType = type == 0 ? .float32 : .float16
            result.reals = buffer.bytes.withUnsafeBytes { element.floats(UnsafeRawBufferPointer(rebasing: $0[range])) }
            return result
        }
        result.values = try stride(from: range.lowerBound, to: range.upperBound, by: size).map { offset in
            switch type {
            case 2: Int(try buffer.integer(Int32.self, at: offset))
            case 4: Int(truncatingIfNeeded: try buffer.integer(Int64.self, at: offset))
            case 7: Int(try buffer.integer(Int16.self, at: offset))
            case 3: Int(buffer.bytes[offset]) - 128
            default: Int(Int8(bitPattern: buffer.bytes[offset]))
            }
        }
        return result
    }

    // MARK: Operators

    private func name(ofCode table: FlatTable) throws -> String {
        // Codes from 127 up stand in a field that older files do not have.
        let code = max(
            try table.integer(0, Int8.self, default: 0), try table.integer(3, Int32.self, default: 0))
        if code == 32 { return oneLine(try table.text(1) ?? "CUSTOM", limit: 200) }
        return Self.names[code] ?? "builtin operator \(code)"
    }

    /// Those that the runtime has, or that are worth a name in a refusal.
    private static let names: [Int: String] = [
        0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 5: "DEPTH_TO_SPACE",
        6: "DEQUANTIZE", 9: "FULLY_CONNECTED", 11: "L2_NORMALIZATION", 13: "LOCAL_RESPONSE_NORMALIZATION",
        14: "LOGISTIC", 16: "LSTM", 17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 20: "RELU_N1_TO_1", 21: "RELU6",
        22: "RESHAPE", 23: "RESIZE_BILINEAR", 25: "SOFTMAX",
        26: "SPACE_TO_DEPTH", 27: "SVDF", 28: "TANH", 34: "PAD", 36: "GATHER", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB",
        42: "DIV", 43: "SQUEEZE", 45: "STRIDED_SLICE", 49: "SPLIT", 50: "LOG_SOFTMAX", 53: "CAST", 54: "PRELU",
        55: "MAXIMUM", 56: "ARG_MAX", 57: "MINIMUM", 59: "NEG", 60: "PADV2", 65: "SLICE", 67: "TRANSPOSE_CONV",
        70: "EXPAND_DIMS", 74: "SUM", 75: "SQRT", 76: "RSQRT", 77: "SHAPE", 82: "REDUCE_MAX", 83: "PACK",
        92: "SQUARE", 97: "RESIZE_NEAREST_NEIGHBOR", 98: "LEAKY_RELU",
        100: "MIRROR_PAD", 111: "ELU", 114: "QUANTIZE", 117: "HARD_SWISH", 126: "BATCH_MATMUL", 150: "GELU",
    ]
}
