/// Folds batch norms into the convolutions beside them (Jacob et al. 2018, section 3.2).
///
/// What it does not do: estimate statistics, or fold into learned group convolutions; condense those first.
import SwiftletGraph

/// A batch norm in inference: `y = scale * x + shift`, channel by channel.
struct BatchNormCoefficients {
    var scale: [Float]
    var shift: [Float]
    /// Channels without variance, whose input is constant: their scale is 0, their shift what they always give.
    var dead: [Int] = []

    /// A variance below this fraction of epsilon is none: the batch norm gives at most 1 % of its weight beside its bias,
    /// and would multiply by `weight / sqrt(epsilon)`, hundreds of times what live channels have. Sheng et al. 2018,
    /// "A Quantization-Friendly Separable Convolution for MobileNets", section 3.1, measured what such channels do to an
    /// int8 MobileNetV1: 1.80 % with them, 45.73 % without. Published networks hold many (46 of 17 088 channels in GluonCV's
    /// MobileNetV2 1.0, 1 534 of 2 736 in MLPerf Tiny's MobileNetV1 0.25); as constants, none of theirs loses a standard
    /// deviation of more than 0.004.
    static let deadVariance: Float = 1e-4

    /// - Throws: `GraphError.missingParameter`, `PassError.badVariance`.
    init(_ node: Node, _ batchNorm: BatchNorm, in graph: Graph) throws {
        let weight = try graph.requiredParameter("weight", of: node).values
        let bias = try graph.requiredParameter("bias", of: node).values
        let mean = try graph.requiredParameter("running_mean", of: node).values
        let variance = try graph.requiredParameter("running_var", of: node).values
        scale = []
        shift = bias
        for channel in weight.indices {
            guard variance[channel] >= 0 else {
                throw PassError.badVariance(node: node.name, channel: channel, value: variance[channel])
            }
            if variance[channel] <= batchNorm.epsilon * Self.deadVariance {
                scale.append(0)
                dead.append(channel)
                continue
            }
            let factor = Double(weight[channel]) / (Double(variance[channel]) + Double(batchNorm.epsilon)).squareRoot()
            scale.append(Float(factor))
            shift[channel] = Float(Double(bias[channel]) - Double(mean[channel]) * factor)
        }
    }
}

extension Graph {
    /// The same network without batch norms.
    ///
    /// - A batch norm that alone reads a convolution or a linear layer goes into its weights and bias.
    /// - Else, one that is alone read by a convolution without padding or a linear layer goes into those.
    /// - Else (pre-activation, shared features) it becomes a 1x1 depthwise convolution of its name.
    ///
    /// Channels without variance become constants (`deadChannels` tells which).
    ///
    /// - Throws: `GraphError.missingParameter`, `PassError.badVariance`.
    public func foldingBatchNorms() throws -> Graph {
        try foldingIntoProducers().foldingIntoConsumers().replacingBatchNorms()
    }

    /// By batch norm, the channels whose input never varies: they are folded as constants.
    public func deadChannels() throws -> [String: [Int]] {
        var dead: [String: [Int]] = [:]
        for node in nodes {
            guard case .batchNorm(let batchNorm) = node.operation else { continue }
            let channels = try BatchNormCoefficients(node, batchNorm, in: self).dead
            if !channels.isEmpty { dead[node.name] = channels }
        }
        return dead
    }

    private func foldingIntoProducers() throws -> Graph {
        try GraphRewriter.rewrite(self) { rewriter, node in
            if case .batchNorm = node.operation, let producer = producer(of: node.inputs[0]).map({ nodes[$0] }),
                producer.operation.hasWeight, onlyConsumer(of: node.inputs[0]) != nil
            {
                return rewriter.replace(node.outputs[0], with: rewriter[node.inputs[0]])
            }
            guard node.operation.hasWeight, let follower = onlyConsumer(of: node.outputs[0]),
                case .batchNorm(let batchNorm) = follower.operation
            else { return try rewriter.keep(node) }

            let coefficients = try BatchNormCoefficients(follower, batchNorm, in: self)
            let weight = try requiredParameter("weight", of: node)
            var bias = try biasOrZeros(of: node, outputs: weight.shape[0])
            var values = weight.values
            let perOutput = values.count / weight.shape[0]
            for output in 0..<weight.shape[0] {
                let scale = coefficients.scale[output]
                for index in output * perOutput..<(output + 1) * perOutput { values[index] *= scale }
                bias[output] = bias[output] * scale + coefficients.shift[output]
            }
            try rewriter.keep(node, weight: Tensor(shape: weight.shape, values: values), bias: bias)
        }
    }

    private func foldingIntoConsumers() throws -> Graph {
        try GraphRewriter.rewrite(self) { rewriter, node in
            if case .batchNorm = node.operation, let consumer = onlyConsumer(of: node.outputs[0]),
                consumer.operation.takesScaledInputs
            {
                return rewriter.replace(node.outputs[0], with: rewriter[node.inputs[0]])
            }
            guard node.operation.takesScaledInputs, let producer = producer(of: node.inputs[0]).map({ nodes[$0] }),
                case .batchNorm(let batchNorm) = producer.operation, onlyConsumer(of: node.inputs[0]) != nil
            else { return try rewriter.keep(node) }
            let coefficients = try BatchNormCoefficients(producer, batchNorm, in: self)
            let (weight, bias) = try affineInputsFolded(into: node, coefficients.scale, coefficients.shift)
            try rewriter.keep(node, weight: weight, bias: bias)
        }
    }

    private func replacingBatchNorms() throws -> Graph {
        try GraphRewriter.rewrite(self) { rewriter, node in
            guard case .batchNorm(let batchNorm) = node.operation else { return try rewriter.keep(node) }
            let coefficients = try BatchNormCoefficients(node, batchNorm, in: self)
            let channels = coefficients.scale.count
            try rewriter.keep(
                node,
                as: .convolution(
                    Convolution(
                        outputChannels: channels, window: Window(kernel: .one), groups: channels, hasBias: true)),
                parameters: [
                    "weight": Tensor(shape: [channels, 1, 1, 1], values: coefficients.scale),
                    "bias": Tensor(shape: [channels], values: coefficients.shift),
                ])
        }
    }
}

/// What the folding passes share.
extension Graph {
    /// The bias of a convolution or a linear layer; zeros where it has none.
    func biasOrZeros(of node: Node, outputs: Int) throws -> [Float] {
        if case .convolution(let convolution) = node.operation, !convolution.hasBias {
            return Array(repeating: 0, count: outputs)
        }
        return try requiredParameter("bias", of: node).values
    }

    /// Weight and bias with which `node` gives for x what it gave for `scale * x + shift`, input channel by input channel.
    /// Padding is not looked at.
    func affineInputsFolded(into node: Node, _ scale: [Float], _ shift: [Float]) throws -> (Tensor, [Float]) {
        let weight = try requiredParameter("weight", of: node)
        var groups = 1
        if case .convolution(let convolution) = node.operation { groups = convolution.groups }
        let outputs = weight.shape[0]
        let groupInputs = weight.shape[1]
        let taps = weight.elementCount / (outputs * groupInputs)
        var bias = try biasOrZeros(of: node, outputs: outputs)
        var values = weight.values
        for output in 0..<outputs {
            var sum = Double(bias[output])
            for input in 0..<groupInputs {
                let channel = output / (outputs / groups) * groupInputs + input
                for tap in 0..<taps {
                    let index = (output * groupInputs + input) * taps + tap
                    sum += Double(values[index]) * Double(shift[channel])
                    values[index] *= scale[channel]
                }
            }
            bias[output] = Float(sum)
        }
        return (Tensor(shape: weight.shape, values: values), bias)
    }
}

extension GraphRewriter {
    /// Keeps a convolution or a linear layer with other weights and a bias.
    mutating func keep(_ node: Node, weight: Tensor, bias: [Float], padValues: [Float]? = nil) throws {
        var operation = node.operation
        if case .convolution(var convolution) = operation {
            convolution.hasBias = true
            if let padValues { convolution.padValues = padValues }
            operation = .convolution(convolution)
        }
        try keep(
            node, as: operation, parameters: ["weight": weight, "bias": Tensor(shape: [bias.count], values: bias)])
    }
}

extension Operator {
    /// Whether the operator is linear in its input, with a weight and room for a bias.
    fileprivate var hasWeight: Bool {
        switch self {
        case .convolution, .linear: true
        default: false
        }
    }

    /// Whether each tap reads the map itself, never padding: an affine map in front can move into the weights.
    fileprivate var takesScaledInputs: Bool {
        switch self {
        case .convolution(let convolution): convolution.window.padding == .none
        case .linear: true
        default: false
        }
    }
}
