/// From the nodes of an ONNX file to a graph, one by one in the order of the file.
///
/// A node that cannot be taken over is noted, whatever depends on it is passed over, and the walk goes on: a refusal names
/// everything at once. This file holds the walk and what all operators share; the operators are in the files beside it.
/// What it does not do: read files, or judge pictures.
import SwiftletFiles
import SwiftletGraph

struct ONNXTranslator {
    let file: ONNXFile
    var graph: Graph
    var operands: [String: ONNXOperand] = [:]
    /// Maps that are another map with zeros around: what reads them may pad by itself.
    var padded: [ValueID: (source: ValueID, padding: Padding)] = [:]
    /// Maps that are every so many rows and columns of another map: what reads them may step by itself.
    var strided: [ValueID: (source: ValueID, stride: Extent)] = [:]
    /// By the sigmoid of a value, the value: a product of both is swish.
    var sigmoids: [ValueID: ValueID] = [:]
    /// Elements of constants that folding has made.
    var foldedElements = 0
    private var problems: [Problem] = []
    /// By name, how often it has been asked for.
    private var nodeNames: [String: Int] = [:]
    /// Elements of all maps so far.
    private var mapElements = 0

    /// The most elements that one map may have, and a quarter of what all maps or all folded constants may have: a file of
    /// a few bytes must not fill the memory.
    static let elementLimit = 1 << 26
    /// The most elements of a constant that is larger than what it is made of.
    static let constantLimit = 1 << 22
    static let channelLimit = 1 << 22
    /// The largest kernel, stride, dilation, padding or picture side.
    static let sideLimit = 65_535

    private init(_ file: ONNXFile, input: Shape) {
        self.file = file
        graph = Graph(name: "onnx", input: input)
    }

    /// - Throws: `ImportError.unsupported` with everything that is in the way.
    static func translate(_ file: ONNXFile, path: String) throws -> Graph {
        do {
            let (name, map, shape) = try input(of: file)
            var translator = ONNXTranslator(file, input: shape)
            return try translator.run(input: name, map)
        } catch let refusal as ONNXRefusal {
            throw ImportError.unsupported(file: path, problems: [refusal.reason])
        } catch let problems as Problems {
            throw ImportError.unsupported(file: path, problems: problems.list)
        }
    }

    private struct Problem {
        var node: String
        var type: String
        var reason: String
    }

    /// In the order of the file; nodes of one operator that are refused for one reason are told together.
    private struct Problems: Error {
        var list: [String] = []

        init(_ problems: [Problem]) {
            let groups = Dictionary(grouping: problems.indices) { [problems[$0].type, problems[$0].reason] }
            for indices in groups.values.sorted(by: { $0[0] < $1[0] }) {
                let first = problems[indices[0]]
                let others = indices.count > 1 ? " and \(indices.count - 1) more" : ""
                list.append("\(first.node)\(others): \(first.reason)")
            }
        }
    }

    private static func input(of file: ONNXFile) throws -> (name: String, map: ONNXMap, shape: Shape) {
        guard (7...23).contains(file.opset) else {
            throw ONNXRefusal("its opset is \(file.opset), known are 7 to 23; export it again with opset 17")
        }
        let inputs = file.inputs.filter { file.constants[$0.name] == nil }
        guard inputs.count == 1, let input = inputs.first else {
            let names = inputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw ONNXRefusal("it has \(inputs.count) inputs (\(names)), a network of pictures has one")
        }
        func refuse(_ reason: String) -> ONNXRefusal { ONNXRefusal("its input '\(input.name)' \(reason)") }
        guard [1, 10, 11, 16].contains(input.elementType) else {
            throw refuse("has ONNX's element type \(input.elementType), not 1 (float); give the float network")
        }
        guard let sizes = input.sizes, sizes.count == 4 else {
            throw refuse("is not of four dimensions: batch, channels, rows, columns")
        }
        guard (sizes[0] ?? 1) == 1 else {
            throw refuse("is a batch of \(sizes[0]!); export it with a batch of 1")
        }
        let known = sizes.dropFirst().compactMap { $0 }
        guard known.count == 3, known.allSatisfy({ (1...sideLimit).contains($0) }) else {
            throw refuse("has the sizes \(sizes.map { $0.map(String.init) ?? "?" }); export it with fixed ones")
        }
        // Pictures have 1 or 3 channels; where both ends could be channels, NCHW is ONNX's own order.
        let isNHWC = ![1, 3].contains(known[0]) && [1, 3].contains(known[2])
        let shape =
            isNHWC
            ? Shape(height: known[0], width: known[1], channels: known[2])
            : Shape(height: known[1], width: known[2], channels: known[0])
        guard ONNXTensor.elementCount(known, limit: elementLimit) != nil else {
            throw refuse("of \(shape) is larger than \(elementLimit) elements")
        }
        return (input.name, ONNXMap(value: 0, layout: isNHWC ? .nhwc(shape) : .nchw(shape)), shape)
    }

    private mutating func run(input: String, _ map: ONNXMap) throws -> Graph {
        operands = file.constants.mapValues { .constant($0) }
        operands[input] = .map(map)
        for node in file.nodes {
            var results: [ONNXOperand] = []
            do {
                results = try translate(node)
            } catch let refusal as ONNXRefusal {
                problems.append(Problem(node: title(node), type: node.type, reason: refusal.reason))
            } catch GraphError.wrongInputs(_, _, let reason) {
                problems.append(Problem(node: title(node), type: node.type, reason: reason))
            }
            for (index, name) in node.outputs.enumerated() where !name.isEmpty {
                guard operands[name] == nil else {
                    problems.append(
                        Problem(node: title(node), type: node.type, reason: "it makes '\(name)' a second time"))
                    continue
                }
                operands[name] = index < results.count ? results[index] : .unknown
            }
        }
        guard problems.isEmpty else { throw Problems(problems) }
        guard file.outputs.count == 1, let output = file.outputs.first else {
            let names = file.outputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw ONNXRefusal("it has \(file.outputs.count) outputs (\(names)), a classifier has one")
        }
        guard case .map(let result) = operands[output.name] else {
            throw ONNXRefusal("its output '\(output.name)' does not depend on its input")
        }
        graph.output = try ordered(result, name: uniqueName("output"))
        keepOnlyWhatIsRead()
        return graph
    }

    /// "node /conv1/Conv (Conv, opset 17)".
    private func title(_ node: ONNXNode) -> String {
        let name = node.name.isEmpty ? "that makes '\(node.outputs.first ?? "")'" : node.name
        let domain = node.domain.isEmpty ? "opset \(file.opset)" : "of \(node.domain.prefix(40))"
        return "node \(name.prefix(120)) (\(node.type.prefix(40)), \(domain))"
    }

    /// - Returns: what stands for each output.
    private mutating func translate(_ node: ONNXNode) throws -> [ONNXOperand] {
        guard node.domain.isEmpty, let operation = ONNXOperator(rawValue: node.type) else {
            throw ONNXRefusal(ONNXOperator.reasonAgainst(node))
        }
        let inputs = try node.inputs.map { name -> ONNXOperand? in
            if name.isEmpty { return nil }
            guard let operand = operands[name] else {
                throw ONNXRefusal("it reads '\(name)', which no node before it makes; the graph has a cycle or a gap")
            }
            return operand
        }
        if inputs.contains(where: { if case .unknown = $0 { true } else { false } }) {
            return node.outputs.map { _ in .unknown }
        }
        let call = ONNXCall(
            node: node, name: nodeName(of: node), inputs: inputs, opset: file.opset)
        if call.isConstant { return [.constant(try fold(operation, call))] }
        return try apply(operation, call)
    }

    private mutating func nodeName(of node: ONNXNode) -> String {
        // Reports and int8.bin repeat it.
        uniqueName(oneLine(node.name.isEmpty ? node.outputs.first ?? node.type : node.name, limit: 200))
    }

    private mutating func uniqueName(_ base: String) -> String {
        var name = base
        while let count = nodeNames[name] {
            nodeNames[name] = count + 1
            name = "\(base)_\(count + 1)"
        }
        nodeNames[name] = 1
        return name
    }

    /// Drops nodes that the output does not need, such as the sigmoid of a swish.
    private mutating func keepOnlyWhatIsRead() {
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

/// What the operators build with.
extension ONNXTranslator {
    /// Appends a node with its parameters by suffix.
    ///
    /// - Throws: `GraphError`, or `ONNXRefusal` for maps beyond the limit.
    mutating func append(
        _ operation: Operator, name: String, inputs: [ValueID], parameters: [String: Tensor] = [:]
    ) throws -> [ValueID] {
        let outputs = try graph.append(operation, name: name, inputs: inputs)
        for output in outputs {
            let shape = graph.shape(of: output)
            let sides = [shape.height, shape.width, shape.channels]
            guard let count = ONNXTensor.elementCount(sides, limit: Self.elementLimit), count > 0,
                shape.channels <= Self.channelLimit, mapElements + count <= 4 * Self.elementLimit
            else {
                throw ONNXRefusal("it makes \(shape), which is nothing or, with the maps before it, too large")
            }
            mapElements += count
        }
        for (suffix, tensor) in parameters { graph.parameters["\(name).\(suffix)"] = tensor }
        return outputs
    }

    mutating func append(
        _ operation: Operator, name: String, input: ValueID, parameters: [String: Tensor] = [:]
    ) throws -> ValueID {
        try append(operation, name: name, inputs: [input], parameters: parameters)[0]
    }

    /// `scale * x + shift`, channel by channel: a batch norm, which the quantizer folds into a neighbour.
    mutating func appendAffine(name: String, input: ValueID, scale: [Float], shift: [Float]) throws -> ValueID {
        let count = scale.count
        func vector(_ values: [Float]) -> Tensor { Tensor(shape: [count], values: values) }
        return try append(
            .batchNorm(BatchNorm(epsilon: 0)), name: name, input: input,
            parameters: [
                "weight": vector(scale), "bias": vector(shift), "running_mean": Tensor(shape: [count], repeating: 0),
                "running_var": Tensor(shape: [count], repeating: 1),
            ])
    }

    /// The same elements as a 1x1 map whose channels are the last dimension of `map`, a vector.
    mutating func flattened(_ map: ONNXMap, name: String) throws -> ONNXMap {
        guard !map.layout.isChannelVector else { return map }
        let shape = graph.shape(of: map.value)
        let flat = try append(.flatten, name: "\(name).flatten", input: map.value)
        let order = map.layout.positions(in: map.layout.rank - 1).map {
            ($0.row * shape.width + $0.column) * shape.channels + $0.channel
        }
        let value =
            order == Array(order.indices)
            ? flat : try append(.channelIndex(order), name: "\(name).order", input: flat)
        return ONNXMap(value: value, layout: .vector(order.count, rank: map.layout.rank))
    }

    /// The value of `map` as a network's output: a vector in its order, or a map.
    private mutating func ordered(_ map: ONNXMap, name: String) throws -> ValueID {
        if map.layout.isVector { return try flattened(map, name: name).value }
        let shape = graph.shape(of: map.value)
        guard map.layout.isNCHW || map.layout.isNHWC || (shape.height == 1 && shape.width == 1) else {
            throw ONNXRefusal("its output has the sizes \(map.layout.sizes), neither a vector nor a map")
        }
        return map.value
    }
}
