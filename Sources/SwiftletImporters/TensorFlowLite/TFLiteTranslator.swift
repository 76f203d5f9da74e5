/// TFLiteGraph -> QuantizedGraph: the integers are derived from scales, shapes become maps, reshapes become views.
///
/// What it does not do: operators outside of the runtime's set; they are refused by name. Movement of values is in
/// `TFLiteTranslator+Movement`.
import SwiftletArithmetic
import SwiftletConverter
import SwiftletFormat
import SwiftletGraph
import SwiftletQuantizer

/// Why an operator of a TensorFlow Lite graph cannot be translated.
public enum TFLiteError: Error, Equatable, CustomStringConvertible {
    /// The operator is not part of the runtime's set.
    case unsupportedOperator(index: Int, name: String)
    /// The operator is, but not like this.
    case unsupported(index: Int, name: String, reason: String)

    public var description: String {
        switch self {
        case .unsupportedOperator(let index, let name):
            "operator \(index) is \(name), which this runtime does not have"
        case .unsupported(let index, let name, let reason):
            "operator \(index) (\(name)): \(reason)"
        }
    }
}

public struct TFLiteTranslator {
    let graph: TFLiteGraph
    var values: [QuantizedGraph.Value] = []
    public var nodes: [QuantizedGraph.Node] = []
    /// The value that each tensor has become.
    var valueOfTensor: [Int: Int] = [:]
    /// Tensors whose channels stand in a grid of (outer, inner): a reshape on the way to a shuffle.
    var channelGrid: [Int: (outer: Int, inner: Int)] = [:]
    /// The operator that is being translated.
    var index = 0

    var current: TFLiteOperator { graph.operators[index] }

    /// - Throws: `TFLiteError`, `ConversionError` for multipliers beyond what the format holds.
    /// - Returns: the graph; its nodes are named after the operators' indices.
    public static func translate(_ graph: TFLiteGraph) throws -> QuantizedGraph {
        guard !graph.operators.isEmpty else {
            throw ConversionError.wrongInput(reason: "the network \(graph.name) computes nothing")
        }
        var translator = TFLiteTranslator(graph: graph)
        for input in graph.inputs { translator.addInput(input) }
        for index in graph.operators.indices {
            translator.index = index
            try translator.translate()
        }
        let outputs = try graph.outputs.map { try translator.value($0) }
        return QuantizedGraph(
            name: graph.name, values: translator.values, nodes: translator.nodes,
            inputs: graph.inputs.map { translator.valueOfTensor[$0]! }, outputs: outputs)
    }

    private init(graph: TFLiteGraph) { self.graph = graph }

    /// Operators that the runtime has.
    static let operators: Set<String> = [
        "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "ELU", "EXPAND_DIMS",
        "FULLY_CONNECTED", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM",
        "MIRROR_PAD", "MUL", "PAD", "PADV2", "PRELU", "QUANTIZE", "REDUCE_MAX", "RELU", "RELU6", "RELU_N1_TO_1",
        "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SLICE", "SOFTMAX", "SPLIT", "SQUEEZE",
        "STRIDED_SLICE", "SUB", "TANH", "TRANSPOSE",
    ]

    /// Every operator that cannot be taken over for what it is, in one line each.
    static func problems(of graph: TFLiteGraph) -> [String] {
        graph.operators.enumerated().compactMap { index, operation in
            guard operators.contains(operation.name) else {
                return "\(TFLiteError.unsupportedOperator(index: index, name: operation.name))"
            }
            let made = graph.tensors[operation.outputs[0]].element
            if made == .float32, operation.name != "DEQUANTIZE" {
                return
                    "operator \(index) (\(operation.name)) computes in float; give a network of int8, or the float one as ONNX"
            }
            if let activation = operation.text("activation"), FusedActivation(rawValue: activation) == nil {
                return "operator \(index) (\(operation.name)) ends with \(activation)"
            }
            return nil
        }
    }

    /// An input that is only reshaped, or only quantized, comes as what it becomes.
    private mutating func addInput(_ tensor: Int) {
        var seen = tensor
        let readers = graph.operators.filter { $0.inputs.contains(tensor) }
        if readers.count == 1, !graph.outputs.contains(tensor), let next = readers[0].outputs.first,
            readers[0].name == "RESHAPE" && graph.tensors[next].shape.count <= 4 || isQuantizingReals(readers[0])
        {
            seen = next
        }
        valueOfTensor[tensor] = addValue(seen)
        valueOfTensor[seen] = valueOfTensor[tensor]
    }

    private func isQuantizingReals(_ operation: TFLiteOperator) -> Bool {
        operation.name == "QUANTIZE" && operation.inputs[0] >= 0
            && graph.tensors[operation.inputs[0]].element == .float32
    }

    @discardableResult
    private mutating func addValue(_ tensor: Int, shape: Shape? = nil) -> Int {
        let tensor = graph.tensors[tensor]
        values.append(
            QuantizedGraph.Value(
                name: tensor.name, shape: shape ?? tensor.map, quantization: tensor.quantization))
        return values.count - 1
    }

    // MARK: What translations use

    func unsupported(_ reason: String) -> TFLiteError {
        .unsupported(index: index, name: current.name, reason: reason)
    }

    func value(_ tensor: Int) throws -> Int {
        guard let value = valueOfTensor[tensor] else {
            throw unsupported("it reads tensor \(tensor), which nothing has made")
        }
        return value
    }

    func tensor(_ input: Int) throws -> TFLiteTensor {
        guard input < current.inputs.count, graph.tensors.indices.contains(current.inputs[input]) else {
            throw unsupported("input \(input) is missing")
        }
        return graph.tensors[current.inputs[input]]
    }

    func constant(_ input: Int) throws -> [Int] {
        guard let values = try tensor(input).values else { throw unsupported("input \(input) must be a constant") }
        return values
    }

    var output: TFLiteTensor { graph.tensors[current.outputs[0]] }

    func shape(_ input: Int) throws -> Shape { values[try value(current.inputs[input])].shape }

    func quantization(_ input: Int) throws -> AffineQuantization { try tensor(input).quantization }

    var activation: FusedActivation { FusedActivation(rawValue: current.text("activation") ?? "NONE") ?? .none }

    var bounds: OutputBounds { OutputBounds(output.quantization, activation: activation) }

    /// Adds a node that makes the operator's output `place`.
    mutating func emit(
        _ operation: QuantizedOperation, inputs: [Int]? = nil, shape: Shape? = nil, output place: Int = 0
    ) throws {
        let inputs = try inputs ?? [try value(current.inputs[0])]
        let output = addValue(current.outputs[place], shape: shape)
        nodes.append(QuantizedGraph.Node(name: "\(index)", operation: operation, inputs: inputs, output: output))
        valueOfTensor[current.outputs[place]] = output
    }

    /// The output is the input, seen in another way.
    mutating func alias(_ input: Int = 0) throws {
        valueOfTensor[current.outputs[0]] = try value(current.inputs[input])
    }

    // MARK: Operators that compute

    private mutating func translate() throws {
        if valueOfTensor[current.outputs[0]] != nil { return }  // An input's reshape.
        switch current.name {
        case "CONV_2D": try convolution(isDepthwise: false)
        case "DEPTHWISE_CONV_2D": try convolution(isDepthwise: true)
        case "FULLY_CONNECTED": try fullyConnected()
        case "MAX_POOL_2D": try emit(.maxPool(try poolWindow(), bounds))
        case "AVERAGE_POOL_2D": try emit(.averagePool(try poolWindow(), bounds))
        case "MEAN", "REDUCE_MAX": try reduction()
        case "ADD", "SUB":
            let (isDifference, activation) = (current.name == "SUB", activation)
            try binary { first, second, output, constant in
                try .add(
                    first, second, output: output, negatesSecond: isDifference, activation: activation,
                    constant: constant)
            }
        case "MUL":
            let activation = activation
            try binary { try .multiply($0, $1, output: $2, activation: activation, constant: $3) }
        case "MAXIMUM", "MINIMUM":
            let kind: OperatorKind = current.name == "MAXIMUM" ? .maximum : .minimum
            try binary { _, _, _, constant in
                QuantizedBinary(kind: kind, bounds: OutputBounds(), constant: constant)
            }
        case "PRELU": try binary { try .prelu($0, slope: $1, output: $2, constant: $3) }
        case "SOFTMAX":
            let softmax = QuantizedSoftmax.table(
                try quantization(0), beta: current.real("beta", default: 1), output: output.quantization)
            try emit(.softmax(softmax, OutputBounds(zeroPoint: output.quantization.zeroPoint)), shape: try shape(0))
        case "DEQUANTIZE": try alias()
        case "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "LOGISTIC", "TANH", "ELU", "HARD_SWISH":
            try emit(.lookup([try table()]), shape: try shape(0))
        default: try translateMovement()
        }
    }

    private func table() throws -> [Int8] {
        let (input, output) = (try quantization(0), output.quantization)
        switch current.name {
        case "QUANTIZE": return try LookupTable.requantizing(input, output)
        case "LEAKY_RELU":
            return try LookupTable.leakyReLU(input, output, slope: current.real("alpha", default: 0))
        case "LOGISTIC": return LookupTable.logistic(input, output)
        case "TANH": return LookupTable.tanh(input, output)
        case "ELU": return LookupTable.elu(input, output)
        case "HARD_SWISH": return LookupTable.hardSwish(try HardSwish(input, output))
        default:
            guard let activation = FusedActivation(rawValue: current.name) else {
                throw TFLiteError.unsupportedOperator(index: index, name: current.name)
            }
            return try LookupTable.relu(input, output, activation: activation)
        }
    }

    /// - Parameters:
    ///   - kernel: rows and columns.
    ///   - dilation: of the kernel.
    private func window(kernel: Extent, dilation: Extent = .one) throws -> Window {
        let (input, output) = (try shape(0), output.map)
        let stride = Extent(
            height: current.integer("stride_h", default: 1), width: current.integer("stride_w", default: 1))
        guard stride.height > 0, stride.width > 0, kernel.height > 0, kernel.width > 0 else {
            throw unsupported("strides and kernels must be positive")
        }
        var padding = Padding.none
        switch current.text("padding") {
        case "SAME": padding = .same(input: input, kernel: kernel, stride: stride, dilation: dilation)
        case "EXPLICIT":
            padding.top = current.integer("pad_top", default: 0)
            padding.left = current.integer("pad_left", default: 0)
        default: break
        }
        // What is missing below and to the right follows from the size of the output.
        func end(_ size: Int, _ kernel: Int, _ dilation: Int, _ stride: Int, _ start: Int, _ count: Int) -> Int {
            max(0, (count - 1) * stride + (kernel - 1) * dilation + 1 - size - start)
        }
        padding.bottom = end(
            input.height, kernel.height, dilation.height, stride.height, padding.top, output.height)
        padding.right = end(input.width, kernel.width, dilation.width, stride.width, padding.left, output.width)
        return Window(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
    }

    private func poolWindow() throws -> Window {
        try window(
            kernel: Extent(
                height: current.integer("filter_h", default: 1), width: current.integer("filter_w", default: 1)))
    }

    private mutating func convolution(isDepthwise: Bool) throws {
        let filter = try tensor(1)
        let (input, output) = (try shape(0), output.map)
        guard filter.shape.count == 4, filter.zeroPoint == 0 else {
            throw unsupported("its weights must be of four dimensions and without a zero point")
        }
        let stored = try constant(1)
        let kernel = Extent(height: filter.shape[1], width: filter.shape[2])
        let taps = kernel.height * kernel.width
        var weights = stored
        if isDepthwise {
            // [tap][output] -> [output][tap]
            let channels = filter.shape[3]
            weights = (0..<channels).flatMap { channel in (0..<taps).map { stored[$0 * channels + channel] } }
        }
        let groups = isDepthwise ? input.channels : input.channels / max(1, filter.shape[3])
        let dilation = Extent(
            height: current.integer("dilation_h", default: 1), width: current.integer("dilation_w", default: 1))
        try emit(
            .convolution(
                QuantizedConvolution(
                    window: try window(kernel: kernel, dilation: dilation), groups: groups,
                    weights: weights.map { Int8(clamping: $0) }, bias: try bias(count: output.channels),
                    multipliers: try multipliers(filter, channels: output.channels),
                    inputZeroPoint: try quantization(0).zeroPoint, bounds: bounds)))
    }

    private func multipliers(_ filter: TFLiteTensor, channels: Int) throws -> [FixedPointMultiplier] {
        guard [0, 1, channels].contains(filter.scales.count) else {
            throw unsupported("\(filter.scales.count) weight scales for \(channels) output channels")
        }
        return try QuantizedConvolution.multipliers(
            input: try quantization(0), weightScales: filter.scales.isEmpty ? [1] : filter.scales,
            output: output.quantization, channels: channels)
    }

    private func bias(count: Int) throws -> [Int32] {
        guard current.inputs.count > 2, current.inputs[2] >= 0 else { return Array(repeating: 0, count: count) }
        return try constant(2).map { Int32(clamping: $0) }
    }

    /// A window that covers what one output reads: the whole map, a row of it, or one pixel.
    private mutating func fullyConnected() throws {
        let filter = try tensor(1)
        let input = try shape(0)
        guard filter.shape.count == 2, filter.zeroPoint == 0 else {
            throw unsupported("its weights must be of two dimensions and without a zero point")
        }
        let (count, depth) = (filter.shape[0], filter.shape[1])
        let kernel: Extent
        if depth == input.channels {
            kernel = .one
        } else if depth == input.elementCount {
            kernel = Extent(height: input.height, width: input.width)
        } else if depth == input.width * input.channels {
            kernel = Extent(height: 1, width: input.width)
        } else {
            throw unsupported("\(depth) inputs of a \(input) map are neither its channels, nor a row, nor all")
        }
        let shape = Shape(
            height: input.height / kernel.height, width: input.width / kernel.width, channels: count)
        let weights = try constant(1).map { Int8(clamping: $0) }
        try emit(
            .convolution(
                QuantizedConvolution(
                    window: Window(kernel: kernel), weights: weights, bias: try bias(count: count),
                    multipliers: try multipliers(filter, channels: count),
                    inputZeroPoint: try quantization(0).zeroPoint, bounds: bounds)),
            shape: shape)
    }

    /// Over all rows and columns.
    private mutating func reduction() throws {
        let input = try shape(0)
        guard Set(current.list("axes") ?? []) == [1, 2], try tensor(0).shape.count == 4 else {
            throw unsupported("only rows and columns together can be reduced")
        }
        let shape = Shape(height: 1, width: 1, channels: input.channels)
        if current.name == "REDUCE_MAX" {
            let window = Window(kernel: Extent(height: input.height, width: input.width))
            try emit(.maxPool(window, OutputBounds()), shape: shape)
        } else {
            try emit(
                try .mean(try quantization(0), output: output.quantization, pixels: input.height * input.width),
                shape: shape)
        }
    }

    /// - Parameter make: of the scales of both inputs and the output, and the second input where it is a constant.
    private mutating func binary(
        _ make: (AffineQuantization, AffineQuantization, AffineQuantization, QuantizedConstant?) throws ->
            QuantizedBinary
    ) throws {
        let tensors = (try tensor(0), try tensor(1))
        let scales = (tensors.0.quantization, tensors.1.quantization)
        func constant(_ tensor: TFLiteTensor) -> QuantizedConstant? {
            tensor.values.map { values in
                // Dimensions are aligned at the last one.
                let shape = Array(repeating: 1, count: max(0, 3 - tensor.shape.count)) + tensor.shape.suffix(3)
                return QuantizedConstant(
                    shape: Shape(height: shape[0], width: shape[1], channels: shape[2]),
                    values: values.map { Int8(clamping: $0) })
            }
        }
        let inputs = (constant(tensors.0), constant(tensors.1))
        if inputs.0 != nil, inputs.1 != nil { throw unsupported("both inputs are constants") }
        var operation: QuantizedBinary
        if let first = inputs.0 {
            guard current.name != "PRELU" else { throw unsupported("its first input is a constant") }
            // The constant comes second; a difference remembers which one is subtracted.
            operation = try make(scales.1, scales.0, output.quantization, first)
            swap(&operation.negatesFirst, &operation.negatesSecond)
            try emit(.binary(operation), inputs: [try value(current.inputs[1])])
        } else {
            operation = try make(scales.0, scales.1, output.quantization, inputs.1)
            let read = inputs.1 == nil ? [0, 1] : [0]
            try emit(.binary(operation), inputs: try read.map { try value(current.inputs[$0]) })
        }
    }
}
