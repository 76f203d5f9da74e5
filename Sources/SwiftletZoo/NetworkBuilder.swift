/// Appends the layers that the zoo's networks share, one call per layer, and remembers where the last one ended.
///
/// What it does not do: know any network, or fill in parameters.
import SwiftletGraph

struct NetworkBuilder {
    private(set) var graph: Graph
    /// What the next layer reads when it is not told otherwise; the graph's output once building ends.
    var last: ValueID
    private let style: LayerStyle

    init(name: String, input: Shape, style: LayerStyle = .pytorch) {
        self.style = style
        graph = Graph(name: name, input: input)
        last = graph.input
    }

    /// Channels of the last map.
    var channels: Int { graph.shape(of: last).channels }

    /// The graph, whose output is the last map.
    func finished() -> Graph {
        var graph = graph
        graph.output = last
        return graph
    }

    mutating func append(_ operation: Operator, _ name: String) throws {
        last = try graph.append(operation, name: name, input: last)
    }

    mutating func append(_ operation: Operator, _ name: String, inputs: [ValueID]) throws -> [ValueID] {
        let outputs = try graph.append(operation, name: name, inputs: inputs)
        last = outputs[0]
        return outputs
    }

    /// A convolution padded so that stride 1 keeps the size; without bias, unless batch norms are folded into it.
    mutating func convolution(
        _ name: String, to outputs: Int, kernel: Int = 1, stride: Int = 1, groups: Int = 1
    ) throws {
        try append(
            .convolution(
                Convolution(
                    outputChannels: outputs, window: style.window(kernel, stride: stride, over: graph.shape(of: last)),
                    groups: groups, hasBias: style.norm == .folded)), name)
    }

    /// A 3x3 convolution of each channel by itself.
    mutating func depthwise(_ name: String, stride: Int = 1) throws {
        try convolution(name, to: channels, kernel: 3, stride: stride, groups: channels)
    }

    /// Nothing where batch norms are folded.
    mutating func batchNorm(_ name: String) throws {
        guard style.norm == .batch else { return }
        try append(.batchNorm(BatchNorm(epsilon: Float(style.epsilon))), name)
    }

    mutating func activation(_ activation: Activation, _ name: String) throws {
        try append(.activation(activation), name)
    }

    mutating func globalAveragePool(_ name: String) throws { try append(.globalAveragePool, name) }

    mutating func linear(_ name: String, to outputs: Int) throws { try append(.linear(outputs: outputs), name) }
}

/// The nearest multiple of `divisor`, at least `divisor`, and never more than a tenth below `value`.
/// From MobileNetV2's reference code (`_make_divisible`), for widths that suit the kernels.
func roundedToMultiple(_ value: Double, of divisor: Int) -> Int {
    let nearest = max(divisor, Int(value + Double(divisor) / 2) / divisor * divisor)
    return Double(nearest) < 0.9 * value ? nearest + divisor : nearest
}
