/// From the nodes of an ONNX file to a graph, one by one in the order of the file.
///
/// A node that cannot be taken over is noted, whatever depends on it is passed over, and the walk goes on: a refusal names
/// everything at once. This file holds the walk and what all operators share; the operators are in the files beside it.
/// What it does not do: read files, or judge pictures.
import SwiftletFiles
import SwiftletGraph

struct ONNXTranslator: GraphBuilding {
    let file: ONNXFile
    var graph: Graph
    var operands: [String: ONNXOperand] = [:]
    var notes = MapNotes()
    /// Elements of constants that folding has made.
    var foldedElements = 0
    private var problems: [ImportProblem] = []

    private init(_ file: ONNXFile, input: Shape) {
        self.file = file
        graph = Graph(name: "onnx", input: input)
    }

    /// - Throws: `Refusal`, or `Refusals` with everything that is in the way.
    static func translate(_ file: ONNXFile) throws -> Graph {
        let (name, map, shape) = try input(of: file)
        var translator = ONNXTranslator(file, input: shape)
        return try translator.run(input: name, map)
    }

    private static func input(of file: ONNXFile) throws -> (name: String, map: LaidOutMap, shape: Shape) {
        guard (7...23).contains(file.opset) else {
            throw Refusal("its opset is \(file.opset), known are 7 to 23; export it again with opset 17")
        }
        let inputs = file.inputs.filter { file.constants[$0.name] == nil }
        guard inputs.count == 1, let input = inputs.first else {
            let names = inputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw Refusal("it has \(inputs.count) inputs (\(names)), a network of pictures has one")
        }
        func refuse(_ reason: String) -> Refusal { Refusal("its input '\(input.name)' \(reason)") }
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
        guard TensorLayout.elementCount(known, limit: elementLimit) != nil else {
            throw refuse("of \(shape) is larger than \(elementLimit) elements")
        }
        return (input.name, LaidOutMap(value: 0, layout: isNHWC ? .nhwc(shape) : .nchw(shape)), shape)
    }

    private mutating func run(input: String, _ map: LaidOutMap) throws -> Graph {
        operands = file.constants.mapValues { .constant($0) }
        operands[input] = .map(map)
        for node in file.nodes {
            var results: [ONNXOperand] = []
            do {
                results = try translate(node)
            } catch let refusal as Refusal {
                problems.append(ImportProblem(node: title(node), type: node.type, reason: refusal.reason))
            } catch GraphError.wrongInputs(_, _, let reason) {
                problems.append(ImportProblem(node: title(node), type: node.type, reason: reason))
            }
            for (index, name) in node.outputs.enumerated() where !name.isEmpty {
                guard operands[name] == nil else {
                    problems.append(
                        ImportProblem(node: title(node), type: node.type, reason: "it makes '\(name)' a second time"))
                    continue
                }
                operands[name] = index < results.count ? results[index] : .unknown
            }
        }
        try Refusals.check(problems)
        guard file.outputs.count == 1, let output = file.outputs.first else {
            let names = file.outputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw Refusal("it has \(file.outputs.count) outputs (\(names)), a classifier has one")
        }
        guard case .map(let result) = operands[output.name] else {
            throw Refusal("its output '\(output.name)' does not depend on its input")
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
            throw Refusal(ONNXOperator.reasonAgainst(node))
        }
        let inputs = try node.inputs.map { name -> ONNXOperand? in
            if name.isEmpty { return nil }
            guard let operand = operands[name] else {
                throw Refusal("it reads '\(name)', which no node before it makes; the graph has a cycle or a gap")
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
}
