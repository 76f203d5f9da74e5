/// Reads a `.tflite` file into a `TFLiteGraph`: tensors, constants, operators with their options.
///
/// Bytes of uint8 at the network's edges are taken as int8 less 128. What it does not do: files of several subgraphs, sparse
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
            return try Parser(buffer: FlatBuffer(bytes: bytes), file: file).graph()
        } catch let damage as FlatBuffer.Damaged {
            throw ImportError.badFile(
                file: file,
                reason: "it is damaged: what stands at \(damage.offset) leads out of its \(bytes.count) bytes")
        }
    }
}

private struct Parser {
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
        6: "DEQUANTIZE", 9: "FULLY_CONNECTED", 11: "L2_NORMALIZATION", 14: "LOGISTIC", 16: "LSTM", 17: "MAX_POOL_2D",
        18: "MUL", 19: "RELU", 20: "RELU_N1_TO_1", 21: "RELU6", 22: "RESHAPE", 23: "RESIZE_BILINEAR", 25: "SOFTMAX",
        26: "SPACE_TO_DEPTH", 27: "SVDF", 28: "TANH", 34: "PAD", 36: "GATHER", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB",
        42: "DIV", 43: "SQUEEZE", 45: "STRIDED_SLICE", 49: "SPLIT", 50: "LOG_SOFTMAX", 53: "CAST", 54: "PRELU",
        55: "MAXIMUM",
        56: "ARG_MAX", 57: "MINIMUM", 60: "PADV2", 65: "SLICE", 67: "TRANSPOSE_CONV", 70: "EXPAND_DIMS", 74: "SUM",
        76: "RSQRT", 77: "SHAPE", 82: "REDUCE_MAX", 83: "PACK", 97: "RESIZE_NEAREST_NEIGHBOR", 98: "LEAKY_RELU",
        100: "MIRROR_PAD", 111: "ELU", 114: "QUANTIZE", 117: "HARD_SWISH", 126: "BATCH_MATMUL", 150: "GELU",
    ]

    /// An option's field: its number, its name, and what it is.
    private enum Field {
        case activation(Int)
        case padding(Int)
        case integer(Int, String, default: Int)
        case flag(Int, String)
        case real(Int, String)
        case mode(Int)
    }

    private static let window: [Field] = [
        .padding(0), .integer(1, "stride_w", default: 1), .integer(2, "stride_h", default: 1),
    ]

    /// The fields of each operator's options, where they are read.
    private static let fields: [String: [Field]] = [
        "CONV_2D": window + [
            .activation(3), .integer(4, "dilation_w", default: 1), .integer(5, "dilation_h", default: 1),
        ],
        "DEPTHWISE_CONV_2D": window + [
            .activation(4), .integer(5, "dilation_w", default: 1), .integer(6, "dilation_h", default: 1),
        ],
        "MAX_POOL_2D": window + [
            .integer(3, "filter_w", default: 1), .integer(4, "filter_h", default: 1), .activation(5),
        ],
        "AVERAGE_POOL_2D": window + [
            .integer(3, "filter_w", default: 1), .integer(4, "filter_h", default: 1), .activation(5),
        ],
        "FULLY_CONNECTED": [.activation(0)], "ADD": [.activation(0)], "SUB": [.activation(0)],
        "MUL": [.activation(0)], "DIV": [.activation(0)],
        "CONCATENATION": [.integer(0, "axis", default: 0), .activation(1)],
        "SOFTMAX": [.real(0, "beta")], "LEAKY_RELU": [.real(0, "alpha")], "MIRROR_PAD": [.mode(0)],
        "RESIZE_BILINEAR": [.flag(2, "align_corners"), .flag(3, "half_pixel_centers")],
        "RESIZE_NEAREST_NEIGHBOR": [.flag(0, "align_corners"), .flag(1, "half_pixel_centers")],
        "STRIDED_SLICE": [
            .integer(0, "begin_mask", default: 0), .integer(1, "end_mask", default: 0),
            .integer(2, "ellipsis_mask", default: 0), .integer(3, "new_axis_mask", default: 0),
            .integer(4, "shrink_axis_mask", default: 0),
        ],
    ]

    private static func options(_ name: String, _ table: FlatTable) throws -> [String: TFLiteOption] {
        var options: [String: TFLiteOption] = [:]
        for field in fields[name] ?? [] {
            switch field {
            case .activation(let number):
                let names = ["NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"]
                let value = try table.integer(number, Int8.self, default: 0)
                options["activation"] = .text(names.indices.contains(value) ? names[value] : "activation \(value)")
            case .padding(let number):
                options["padding"] = .text(try table.integer(number, Int8.self, default: 0) == 0 ? "SAME" : "VALID")
            case .integer(let number, let name, let value):
                options[name] = .integer(try table.integer(number, Int32.self, default: value))
            case .flag(let number, let name):
                options[name] = .integer(try table.integer(number, Int8.self, default: 0) != 0 ? 1 : 0)
            case .real(let number, let name): options[name] = .real(try table.real(number, default: 0))
            case .mode(let number):
                options["mode"] = .text(try table.integer(number, Int8.self, default: 0) == 0 ? "REFLECT" : "SYMMETRIC")
            }
        }
        return options
    }

    /// Enters as options what comes as constant inputs: axes, paddings, orders, bounds.
    private func resolveConstants(_ operation: inout TFLiteOperator, _ tensors: [TFLiteTensor]) throws {
        let given = operation
        func values(_ input: Int) throws -> [Int] {
            guard given.inputs.indices.contains(input), given.inputs[input] >= 0,
                let values = tensors[given.inputs[input]].values
            else { throw bad("\(given.name) has an input \(input) that is not a constant") }
            return values
        }
        let rank = operation.inputs[0] >= 0 ? tensors[operation.inputs[0]].shape.count : 0
        switch operation.name {
        case "MEAN", "REDUCE_MAX": operation.options["axes"] = .list(try values(1).map { $0 < 0 ? $0 + rank : $0 })
        case "TRANSPOSE": operation.options["perm"] = .list(try values(1))
        case "PAD", "PADV2", "MIRROR_PAD":
            let sizes = try values(1)
            guard sizes.count % 2 == 0 else { throw bad("\(operation.name) has \(sizes.count) paddings") }
            operation.options["paddings"] = .pairs(
                stride(from: 0, to: sizes.count, by: 2).map { [sizes[$0], sizes[$0 + 1]] })
            if operation.name == "PADV2" {
                if given.inputs.count > 2, given.inputs[2] >= 0, let value = tensors[given.inputs[2]].reals?.first {
                    operation.options["pad_value"] = .real(value)
                } else if let value = try values(2).first {
                    operation.options["pad_value"] = .integer(value)
                }
            }
        case "SPLIT":
            guard operation.inputs.count == 2, operation.inputs[1] >= 0, let axis = try values(0).first else {
                throw bad("SPLIT has no axis")
            }
            let dimensions = tensors[operation.inputs[1]].shape.count
            operation.options["axis"] = .integer(axis < 0 ? axis + dimensions : axis)
        case "SLICE":
            operation.options["begin"] = .list(try values(1))
            operation.options["size"] = .list(try values(2))
        case "STRIDED_SLICE":
            guard operation.inputs[0] >= 0 else { throw bad("STRIDED_SLICE has no input 0") }
            try resolveSlice(&operation, values, shape: tensors[operation.inputs[0]].shape)
        default: break
        }
    }

    private func resolveSlice(
        _ operation: inout TFLiteOperator, _ values: (Int) throws -> [Int], shape: [Int]
    ) throws {
        var (begin, end) = (try values(1), try values(2))
        let strides = try values(3)
        guard begin.count == shape.count, end.count == shape.count, strides.count == shape.count,
            ["ellipsis_mask", "new_axis_mask", "shrink_axis_mask"].allSatisfy({ operation.integer($0, default: 0) == 0 }
            )
        else { throw bad("STRIDED_SLICE changes the number of dimensions") }
        for (dimension, size) in shape.enumerated() {
            let isForward = strides[dimension] > 0
            func resolved(_ value: Int) -> Int {
                let counted = value < 0 ? value + size : value
                return isForward ? max(0, min(counted, size)) : max(-1, min(counted, size - 1))
            }
            let masks = (operation.integer("begin_mask", default: 0), operation.integer("end_mask", default: 0))
            begin[dimension] = masks.0 >> dimension & 1 == 1 ? (isForward ? 0 : size - 1) : resolved(begin[dimension])
            end[dimension] = masks.1 >> dimension & 1 == 1 ? (isForward ? size : -1) : resolved(end[dimension])
        }
        operation.options["begin"] = .list(begin)
        operation.options["end"] = .list(end)
        operation.options["strides"] = .list(strides)
    }
}
