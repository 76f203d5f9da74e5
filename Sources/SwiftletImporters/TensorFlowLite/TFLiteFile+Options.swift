/// What operators of a TensorFlow Lite file have besides tensors: the fields of their options, and inputs that are constants.
///
/// What it does not do: judge them; translators do.

extension TFLiteFileParser {
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
        "LOCAL_RESPONSE_NORMALIZATION": [
            .integer(0, "radius", default: 0), .real(1, "bias"), .real(2, "alpha"), .real(3, "beta"),
        ],
        "RESIZE_BILINEAR": [.flag(2, "align_corners"), .flag(3, "half_pixel_centers")],
        "RESIZE_NEAREST_NEIGHBOR": [.flag(0, "align_corners"), .flag(1, "half_pixel_centers")],
        "STRIDED_SLICE": [
            .integer(0, "begin_mask", default: 0), .integer(1, "end_mask", default: 0),
            .integer(2, "ellipsis_mask", default: 0), .integer(3, "new_axis_mask", default: 0),
            .integer(4, "shrink_axis_mask", default: 0),
        ],
    ]

    static func options(_ name: String, _ table: FlatTable) throws -> [String: TFLiteOption] {
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
    func resolveConstants(_ operation: inout TFLiteOperator, _ tensors: [TFLiteTensor]) throws {
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
