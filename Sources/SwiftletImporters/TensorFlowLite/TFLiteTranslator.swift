/// TFLiteGraph -> QuantizedGraph: the integers are derived from scales, shapes become maps, reshapes become views.
///
/// What it does not do: operators outside of the runtime's set; they are refused by name. Those that
/// compute are in `TFLiteTranslator+Computation`, movement of values is in `TFLiteTranslator+Movement`.
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
                    "operator \(index) (\(operation.name)) computes in float and others in int8; give a network of one or the other"
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

    // MARK: Which translation

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

}
