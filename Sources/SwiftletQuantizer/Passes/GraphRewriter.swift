/// Rebuilds a graph node by node: what every pass is made of.
///
/// A pass walks `source.nodes` in order and for each either keeps it, appends others in its place, or lets another value
/// stand for what it made. Values keep their nodes' names. What it does not do: find nodes; passes do.
import SwiftletGraph

struct GraphRewriter {
    let source: Graph
    private(set) var result: Graph
    /// The new value that stands for each old one that has been reached.
    private var replacements: [ValueID: ValueID]

    init(_ source: Graph) {
        self.source = source
        result = Graph(name: source.name, input: source.inputShape)
        replacements = [source.input: result.input]
    }

    /// Walks all nodes and returns what `rewrite` has made of them.
    static func rewrite(_ source: Graph, _ rewrite: (inout GraphRewriter, Node) throws -> Void) throws -> Graph {
        var rewriter = GraphRewriter(source)
        for node in source.nodes { try rewrite(&rewriter, node) }
        return rewriter.finished()
    }

    /// The new value that stands for `old`.
    subscript(old: ValueID) -> ValueID { replacements[old]! }

    /// Lets `new` stand for `old`.
    mutating func replace(_ old: ValueID, with new: ValueID) { replacements[old] = new }

    /// Appends a node that reads new values, with its parameters by suffix.
    @discardableResult
    mutating func append(
        _ operation: Operator, name: String, inputs: [ValueID], parameters: [String: Tensor] = [:]
    ) throws -> [ValueID] {
        let outputs = try result.append(operation, name: name, inputs: inputs)
        for (suffix, tensor) in parameters { result.parameters["\(name).\(suffix)"] = tensor }
        return outputs
    }

    /// Appends `node` as it is, or with another operation and other parameters.
    mutating func keep(_ node: Node, as operation: Operator? = nil, parameters: [String: Tensor]? = nil) throws {
        let outputs = try append(
            operation ?? node.operation, name: node.name, inputs: node.inputs.map { self[$0] },
            parameters: parameters ?? ownParameters(of: node))
        for (old, new) in zip(node.outputs, outputs) { replace(old, with: new) }
    }

    /// All parameters of a node of the source, by suffix.
    private func ownParameters(of node: Node) -> [String: Tensor] {
        var own: [String: Tensor] = [:]
        for suffix in ["weight", "bias", "running_mean", "running_var", "mask"] {
            own[suffix] = source.parameter(suffix, of: node)
        }
        return own
    }

    func finished() -> Graph {
        var graph = result
        graph.output = self[source.output]
        return graph
    }
}

extension Graph {
    /// The parameter `suffix` of `node`.
    ///
    /// - Throws: `GraphError.missingParameter`.
    func requiredParameter(_ suffix: String, of node: Node) throws -> Tensor {
        guard let tensor = parameter(suffix, of: node) else {
            let name = "\(node.name).\(suffix)"
            let shape = parameterShapes.first { $0.name == name }?.shape ?? []
            throw GraphError.missingParameter(name: name, shape: shape)
        }
        return tensor
    }

    /// The node that alone reads `value`, unless the graph's output is `value` too.
    func onlyConsumer(of value: ValueID) -> Node? {
        let readers = consumers(of: value)
        guard readers.count == 1, value != output else { return nil }
        return nodes[readers[0]]
    }
}

/// Why a pass cannot do its work on a network.
public enum PassError: Error, Equatable, CustomStringConvertible {
    case badVariance(node: String, channel: Int, value: Float)
    case unevenMask(node: String, group: Int, kept: Int, expected: Int, inputs: Int)
    case raggedMask(node: String, group: Int, output: Int)
    case badNormalization(channels: Int, means: Int, deviations: [Float])

    public var description: String {
        switch self {
        case .badVariance(let node, let channel, let value):
            "batch norm \(node) has the variance \(value) in channel \(channel), below zero; repair the checkpoint"
        case .unevenMask(let node, let group, let kept, let expected, let inputs):
            "learned group convolution \(node) keeps \(kept) of \(inputs) inputs in group \(group), condensed it keeps "
                + "\(expected); train until the condensation has ended"
        case .raggedMask(let node, let group, let output):
            "learned group convolution \(node): the mask of output \(output) is not that of its group \(group)"
        case .badNormalization(let channels, let means, let deviations):
            "the preprocessing has \(means) means and the deviations \(deviations) for a network of \(channels) channels; "
                + "one of each a channel, deviations above zero"
        }
    }
}

extension Graph {
    /// Whether no parameter is NaN or infinity, as what is made of numbers near the end of what floats hold may be.
    var hasFiniteParameters: Bool { parameters.values.allSatisfy { $0.values.allSatisfy(\.isFinite) } }
}
