/// The network as data: values (feature maps), nodes (operators on them) and parameters.
///
/// The zoo builds it, training differentiates it, every pass of the quantizer is a function Graph -> Graph, the planner
/// reads it, the converter lowers it. There is no second way to say what a network is.
/// What it does not do: compute, or know how a network was trained.

/// An index into `Graph.values`.
public typealias ValueID = Int

/// A feature map that flows between nodes.
public struct Value: Hashable, Sendable {
    public var name: String
    public var shape: Shape

    public init(name: String, shape: Shape) {
        self.name = name
        self.shape = shape
    }
}

/// One operator applied to values. Its parameters are `Graph.parameters["\(name).weight"]` and so on.
public struct Node: Hashable, Sendable {
    /// Unique in the graph; dotted like PyTorch's module paths ("features.3.conv.0").
    public var name: String
    public var operation: Operator
    public var inputs: [ValueID]
    public var outputs: [ValueID]

    public init(name: String, operation: Operator, inputs: [ValueID], outputs: [ValueID]) {
        self.name = name
        self.operation = operation
        self.inputs = inputs
        self.outputs = outputs
    }
}

public struct Graph: Sendable {
    public var name: String
    public private(set) var values: [Value] = []
    /// In an order in which every value is made before it is read.
    public var nodes: [Node] = []
    public var input: ValueID
    public var output: ValueID
    /// Weights, biases and batch-norm statistics by "node.suffix".
    public var parameters: [String: Tensor] = [:]

    /// A graph of nothing but its input.
    public init(name: String, input shape: Shape) {
        self.name = name
        values = [Value(name: "input", shape: shape)]
        input = 0
        output = 0
    }

    public var inputShape: Shape { values[input].shape }
    public var outputShape: Shape { values[output].shape }

    public func shape(of value: ValueID) -> Shape { values[value].shape }

    /// Adds a value that no node makes yet.
    public mutating func addValue(name: String, shape: Shape) -> ValueID {
        values.append(Value(name: name, shape: shape))
        return values.count - 1
    }

    /// Appends a node, infers the shapes of its outputs and returns them.
    ///
    /// - Throws: `GraphError` when the operator cannot take inputs of these shapes.
    @discardableResult
    public mutating func append(_ operation: Operator, name: String, inputs: [ValueID]) throws -> [ValueID] {
        let shapes = try inferShapes(of: operation, name: name, inputs: inputs.map { values[$0].shape })
        let outputs = shapes.enumerated().map { index, shape in
            addValue(name: shapes.count == 1 ? name : "\(name).\(index)", shape: shape)
        }
        nodes.append(Node(name: name, operation: operation, inputs: inputs, outputs: outputs))
        return outputs
    }

    /// Appends a node of one input and one output.
    public mutating func append(_ operation: Operator, name: String, input: ValueID) throws -> ValueID {
        try append(operation, name: name, inputs: [input])[0]
    }

    /// The nodes that read `value`, by index.
    public func consumers(of value: ValueID) -> [Int] {
        nodes.indices.filter { nodes[$0].inputs.contains(value) }
    }

    /// The node that makes `value`, by index; nil for the graph's input.
    public func producer(of value: ValueID) -> Int? {
        nodes.firstIndex { $0.outputs.contains(value) }
    }

    /// The parameter `suffix` of `node`, if the graph holds it.
    public func parameter(_ suffix: String, of node: Node) -> Tensor? { parameters["\(node.name).\(suffix)"] }

    public mutating func setParameter(_ suffix: String, of node: Node, to tensor: Tensor) {
        parameters["\(node.name).\(suffix)"] = tensor
    }
}

/// Why a graph is not one.
public enum GraphError: Error, Equatable, CustomStringConvertible {
    case wrongInputs(node: String, operation: String, reason: String)
    case missingParameter(name: String, shape: [Int])
    case wrongParameterShape(name: String, expected: [Int], found: [Int])
    case notFinite(name: String, index: Int, count: Int)

    public var description: String {
        switch self {
        case .wrongInputs(let node, let operation, let reason):
            "node \(node) (\(operation)): \(reason)"
        case .missingParameter(let name, let shape):
            "parameter \(name) of shape \(shape) is missing"
        case .wrongParameterShape(let name, let expected, let found):
            "parameter \(name) has shape \(found), the network needs \(expected)"
        case .notFinite(let name, let index, let count):
            "parameter \(name) holds NaN or infinity (value \(index) of \(count)); train again or repair the checkpoint"
        }
    }
}
