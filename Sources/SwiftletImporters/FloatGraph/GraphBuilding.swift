/// What the importers of float networks share: nodes with their parameters, maps in any layout, names and limits.
///
/// What it does not do: know a file format. Operators are in the extensions beside this one.
import SwiftletGraph

/// A feature map of the graph as a tensor of another program.
struct LaidOutMap {
    var value: ValueID
    var layout: TensorLayout
    /// Behind a softmax, which the graph leaves out: only the network's output may be.
    var isProbability = false

    /// The map, to compute with.
    func requiringScores() throws -> LaidOutMap {
        guard !isProbability else {
            throw Refusal("it reads a softmax, which is known as the last operator only; cut the network there")
        }
        return self
    }
}

/// What is remembered of maps for those that read them.
struct MapNotes {
    /// Maps that are another map with zeros around: what reads them may pad by itself.
    var padded: [ValueID: (source: ValueID, padding: Padding)] = [:]
    /// Maps that are every so many rows and columns of another map: what reads them may step by itself.
    var strided: [ValueID: (source: ValueID, stride: Extent)] = [:]
    /// By the sigmoid of a value, the value: a product of both is swish.
    var sigmoids: [ValueID: ValueID] = [:]
    /// The same of `relu6(x + 3) / 6`: a product of both is hard swish.
    var hardSigmoids: [ValueID: ValueID] = [:]
    /// Elements of all maps so far.
    fileprivate var elements = 0
    /// By name, how often it has been asked for.
    fileprivate var names: [String: Int] = [:]
}

protocol GraphBuilding {
    var graph: Graph { get set }
    var notes: MapNotes { get set }
}

extension GraphBuilding {
    /// The most elements that one map may have, and a quarter of what all maps or all folded constants may have: a file of
    /// a few bytes must not fill the memory.
    static var elementLimit: Int { 1 << 26 }
    /// The most elements of a constant that is larger than what it is made of.
    static var constantLimit: Int { 1 << 22 }
    static var channelLimit: Int { 1 << 22 }
    /// The largest kernel, stride, dilation, padding or picture side.
    static var sideLimit: Int { 65_535 }

    mutating func uniqueName(_ base: String) -> String {
        var name = base
        while let count = notes.names[name] {
            notes.names[name] = count + 1
            name = "\(base)_\(count + 1)"
        }
        notes.names[name] = 1
        return name
    }

    /// Appends a node with its parameters by suffix.
    ///
    /// - Throws: `GraphError`, or `Refusal` for maps beyond the limit.
    mutating func append(
        _ operation: Operator, name: String, inputs: [ValueID], parameters: [String: Tensor] = [:]
    ) throws -> [ValueID] {
        let outputs = try graph.append(operation, name: name, inputs: inputs)
        for output in outputs {
            let shape = graph.shape(of: output)
            let sides = [shape.height, shape.width, shape.channels]
            guard let count = TensorLayout.elementCount(sides, limit: Self.elementLimit), count > 0,
                shape.channels <= Self.channelLimit, notes.elements + count <= 4 * Self.elementLimit
            else {
                throw Refusal("it makes \(shape), which is nothing or, with the maps before it, too large")
            }
            notes.elements += count
        }
        for (suffix, tensor) in parameters { graph.parameters["\(name).\(suffix)"] = tensor }
        return outputs
    }

    mutating func append(
        _ operation: Operator, name: String, input: ValueID, parameters: [String: Tensor] = [:]
    ) throws -> ValueID {
        try append(operation, name: name, inputs: [input], parameters: parameters)[0]
    }

    /// A map of rows, columns and channels in the order that `layout` has.
    func spatial(_ value: ValueID, like layout: TensorLayout) -> LaidOutMap {
        let shape = graph.shape(of: value)
        return LaidOutMap(value: value, layout: layout.isNCHW ? .nchw(shape) : .nhwc(shape))
    }

    /// The same elements as a 1x1 map whose channels are the last dimension of `map`, a vector.
    mutating func flattened(_ map: LaidOutMap, name: String) throws -> LaidOutMap {
        guard !map.layout.isChannelVector else { return map }
        let flat = try append(.flatten, name: "\(name).flatten", input: map.value)
        let order = places(of: map)
        let value =
            order == Array(order.indices)
            ? flat : try append(.channelIndex(order), name: "\(name).order", input: flat)
        return LaidOutMap(value: value, layout: .vector(order.count, rank: map.layout.rank))
    }

    /// Where the elements of a vector lie in its map, in the order of rows, columns, channels.
    func places(of map: LaidOutMap) -> [Int] {
        let shape = graph.shape(of: map.value)
        return map.layout.positions(in: map.layout.rank - 1).map {
            ($0.row * shape.width + $0.column) * shape.channels + $0.channel
        }
    }

    /// The value of `map` as a network's output: a vector in its order, or a map.
    mutating func ordered(_ map: LaidOutMap, name: String) throws -> ValueID {
        if map.layout.isVector { return try flattened(map, name: name).value }
        let shape = graph.shape(of: map.value)
        guard map.layout.isNCHW || map.layout.isNHWC || (shape.height == 1 && shape.width == 1) else {
            throw Refusal("its output has the sizes \(map.layout.sizes), neither a vector nor a map")
        }
        return map.value
    }

    /// Drops nodes that the output does not need, such as the sigmoid of a swish.
    mutating func keepOnlyWhatIsRead() {
        var needed: Set<ValueID> = [graph.output]
        var kept: [Node] = []
        for node in graph.nodes.reversed() where node.outputs.contains(where: needed.contains) {
            kept.append(node)
            needed.formUnion(node.inputs)
        }
        graph.nodes = kept.reversed()
        let names = Set(graph.parameterShapes.map(\.name))
        graph.parameters = graph.parameters.filter { names.contains($0.key) }
    }
}
