/// Graph -> LoweredNetwork: fuses activations and resolves every movement of channels into references.
///
/// Expects a graph that the quantizer's passes have prepared: batch norms folded, fully connected layers turned into
/// convolutions, dropout gone, no activation behind a concat. What it does not do: quantize.
import SwiftletFormat
import SwiftletGraph

struct Lowering {
    enum Form {
        /// As the quantizer's passes leave it.
        case prepared
        /// As it is trained: batch norms and fully connected layers still stand, and are lowered to the operations that the passes will make
        /// of them. Those operations have the right names, operands and shapes, not the weights.
        case trained
    }

    private let graph: Graph
    private let form: Form
    private var operations: [LoweredOperation] = []
    /// The channels of each value that has been reached.
    private var channels: [ValueID: [ChannelReference]] = [:]
    /// Batch norms that a convolution has taken in, and the shuffles between.
    private var folded: Set<String> = []

    static func lower(_ graph: Graph, form: Form = .prepared) throws -> LoweredNetwork {
        var lowering = Lowering(graph, form)
        return try lowering.run()
    }

    private init(_ graph: Graph, _ form: Form) {
        self.graph = graph
        self.form = form
    }

    private mutating func run() throws -> LoweredNetwork {
        channels[graph.input] = references(to: 0, count: graph.inputShape.channels)
        for node in graph.nodes { try lower(node) }
        return LoweredNetwork(
            inputs: [.init(name: "input", shape: graph.inputShape, value: graph.input)], operations: operations,
            outputs: [.init(name: "output", channels: channels[graph.output]!, shape: graph.outputShape)])
    }

    private func references(to producer: Int, count: Int) -> [ChannelReference] {
        (0..<count).map { ChannelReference(producer: producer, channel: $0) }
    }

    private mutating func lower(_ node: Node) throws {
        // Fused into its producer.
        if folded.contains(node.name) || node.outputs.contains(where: { channels[$0] != nil }) { return }
        let inputs = node.inputs.map { channels[$0]! }
        let inputShape = graph.shape(of: node.inputs[0])
        switch node.operation {
        case .convolution(let convolution):
            guard let weight = graph.parameter("weight", of: node) else {
                throw GraphError.missingParameter(name: "\(node.name).weight", shape: [])
            }
            let bias =
                convolution.hasBias
                ? graph.parameter("bias", of: node)?.values : [Float](repeating: 0, count: convolution.outputChannels)
            guard let bias else { throw GraphError.missingParameter(name: "\(node.name).bias", shape: []) }
            let isDepthwise = convolution.groups == inputShape.channels && convolution.groups > 1
            let weights = LoweredOperation.ConvolutionWeights.real(
                weight: weight, bias: bias, padValues: convolution.padValues)
            emit(
                node, isDepthwise ? .depthwise(weights) : .convolution(weights, groups: convolution.groups),
                window: convolution.window, operands: inputs)
        case .pool(let kind, let window):
            emit(node, kind == .max ? .maxPool : .averagePool, window: window, operands: inputs)
        case .globalAveragePool:
            emit(node, .mean, window: Window(kernel: .one), operands: inputs)
        case .add:
            emit(node, .add, window: Window(kernel: .one), operands: inputs)
        case .binary(let kind):
            let output = graph.shape(of: node.outputs[0])
            let flags = OperatorFlags.repeats(
                first: inputShape, second: graph.shape(of: node.inputs[1]), output: output)
            // A map of one channel serves for all: its channel is named again and again.
            let operands = inputs.map {
                $0.count < output.channels ? Array(repeating: $0[0], count: output.channels) : $0
            }
            emit(node, .binary(kind, flags), window: Window(kernel: .one), operands: operands)
        case .pixelIndex(let index):
            emit(node, .pixelIndex(index), window: Window(kernel: .one), operands: inputs)
        case .interpolate(let points):
            emit(node, .interpolate(points), window: Window(kernel: .one), operands: inputs)
        case .join(let axis):
            emit(node, .join(axis), window: Window(kernel: .one), operands: inputs)
        case .activation(let activation):
            guard activation == .relu || activation == .relu6 else {
                return emit(node, .function(activation), window: Window(kernel: .one), operands: inputs)
            }
            // A map that others read unclamped too: a 1x1 depthwise identity that clamps.
            let count = inputShape.channels
            emit(
                node,
                .depthwise(
                    .real(
                        weight: Tensor(shape: [count, 1, 1, 1], repeating: 1), bias: Array(repeating: 0, count: count),
                        padValues: nil)),
                window: Window(kernel: .one), operands: inputs, clamp: Self.clamp(activation))
        case .concat:
            channels[node.outputs[0]] = Array(inputs.joined())
        case .split(let counts):
            var first = 0
            for (output, count) in zip(node.outputs, counts) {
                channels[output] = Array(inputs[0][first..<(first + count)])
                first += count
            }
        case .channelShuffle(let groups):
            channels[node.outputs[0]] = Self.shuffle(inputs[0], groups: groups)
        case .channelIndex(let indices):
            channels[node.outputs[0]] = indices.map { inputs[0][$0] }
        case .dropout:
            channels[node.outputs[0]] = inputs[0]
        case .flatten where inputShape.height == 1 && inputShape.width == 1:
            channels[node.outputs[0]] = inputs[0]
        case .flatten where form == .trained:
            // Row by row, all channels of a pixel together.
            channels[node.outputs[0]] = (0..<inputShape.height * inputShape.width).flatMap { _ in inputs[0] }
        case .linear where form == .trained:
            guard let weight = graph.parameter("weight", of: node), let bias = graph.parameter("bias", of: node) else {
                throw GraphError.missingParameter(name: "\(node.name).weight", shape: [])
            }
            emit(
                node, .convolution(.real(weight: weight, bias: bias.values, padValues: nil), groups: 1),
                window: Window(kernel: .one), operands: inputs)
        case .batchNorm where form == .trained:
            guard let weight = graph.parameter("weight", of: node) else {
                throw GraphError.missingParameter(name: "\(node.name).weight", shape: [])
            }
            emit(
                node, .depthwise(.real(weight: weight, bias: weight.values, padValues: nil)),
                window: Window(kernel: .one), operands: inputs)
        case .learnedGroupConvolution where form == .trained:
            guard let weight = graph.parameter("weight", of: node) else {
                throw GraphError.missingParameter(name: "\(node.name).weight", shape: [])
            }
            // Over all inputs, the dropped ones with weights of 0.
            let bias = [Float](repeating: 0, count: weight.shape[0])
            emit(
                node, .convolution(.real(weight: weight, bias: bias, padValues: nil), groups: 1),
                window: Window(kernel: .one), operands: inputs)
        case .flatten, .linear, .batchNorm, .learnedGroupConvolution:
            throw ConversionError.unsupported(
                node: node.name, operation: node.operation.name, reason: "a pass should have replaced it")
        }
    }

    private static func shuffle(_ channels: [ChannelReference], groups: Int) -> [ChannelReference] {
        let perGroup = channels.count / groups
        return channels.indices.map { channels[$0 % groups * perGroup + $0 / groups] }
    }

    /// The node that alone reads `value`.
    private func consumer(of value: ValueID) -> Node? {
        let consumers = graph.consumers(of: value)
        return value != graph.output && consumers.count == 1 ? graph.nodes[consumers[0]] : nil
    }

    private static func clamp(_ activation: Activation) -> LoweredOperation.Clamp {
        activation == .relu6 ? .init(low: 0, high: 6) : .init(low: 0, high: nil)
    }

    /// Appends an operation, with the activation that alone reads its output, if there is one.
    private mutating func emit(
        _ node: Node, _ kind: LoweredOperation.Kind, window: Window, operands: [[ChannelReference]],
        clamp: LoweredOperation.Clamp? = nil
    ) {
        var value = node.outputs[0]
        var clamp = clamp
        var shuffledGroups = 1
        if form == .trained, kind.isConvolution, let next = consumer(of: value) {
            // What a batch norm behind a shuffle does is as well done before it: the passes sink shuffles.
            var batchNorm: Node? = next
            if case .channelShuffle(let groups) = next.operation {
                shuffledGroups = groups
                batchNorm = consumer(of: next.outputs[0])
            }
            if let batchNorm, case .batchNorm = batchNorm.operation {
                folded.formUnion([next.name, batchNorm.name])
                value = batchNorm.outputs[0]
            } else {
                shuffledGroups = 1
            }
        }
        var operation = LoweredOperation(
            name: node.name, kind: kind, window: window, operands: operands,
            inputShape: graph.shape(of: node.inputs[0]), outputShape: graph.shape(of: value), value: value)
        operation.inputShape.channels = operands[0].count
        if clamp == nil, operation.canClamp, let next = consumer(of: value),
            case .activation(let activation) = next.operation,
            activation == .relu || activation == .relu6
        {
            clamp = Self.clamp(activation)
            value = next.outputs[0]
        }
        operation.clamp = clamp ?? .init(low: nil, high: nil)
        operation.value = value
        operations.append(operation)
        let made = references(to: operations.count, count: graph.shape(of: value).channels)
        channels[value] = Self.shuffle(made, groups: shuffledGroups)
        // The value before a fused activation is read by nobody else.
    }
}
