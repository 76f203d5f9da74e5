/// From a TensorFlow Lite graph of floats to a graph: maps stay rows x columns x channels, reshapes and transposes become layouts.
///
/// An operator that cannot be taken over is noted, whatever depends on it is passed over, and the walk goes on: a refusal
/// names everything at once. Operators are in the files beside it. Semantics: TensorFlow Lite's reference kernels.
/// What it does not do: networks of several inputs or outputs; integers, which `TFLiteTranslator` takes over.
import SwiftletGraph

struct TFLiteFloatTranslator: GraphBuilding {
    let source: TFLiteGraph
    var graph: Graph
    var notes = MapNotes()
    /// The map that each tensor has become.
    private var maps: [Int: LaidOutMap] = [:]
    /// Constants that operators have made of constants.
    private var widened: [Int: [Float]] = [:]
    /// What operators make that cannot be taken over, and sizes.
    private var unknown: Set<Int> = []
    /// The operator that is being translated.
    private var index = 0

    var current: TFLiteOperator { source.operators[index] }

    private init(_ source: TFLiteGraph, input shape: Shape) {
        self.source = source
        graph = Graph(name: "tflite", input: shape)
    }

    /// - Throws: `Refusal`, or `Refusals` with everything that is in the way.
    static func translate(_ source: TFLiteGraph) throws -> Graph {
        var translator = TFLiteFloatTranslator(source, input: try input(of: source))
        return try translator.run()
    }

    private static func input(of source: TFLiteGraph) throws -> Shape {
        guard source.inputs.count == 1, source.outputs.count == 1 else {
            throw Refusal(
                "it has \(source.inputs.count) inputs and \(source.outputs.count) outputs, a classifier has one of each"
            )
        }
        let tensor = source.tensors[source.inputs[0]]
        guard tensor.shape.count == 4, tensor.shape[0] == 1 else {
            throw Refusal("its input has the sizes \(tensor.shape), not 1, rows, columns, channels")
        }
        guard TensorLayout.elementCount(tensor.shape, limit: elementLimit) != nil else {
            throw Refusal("its input \(tensor.map) is larger than \(elementLimit) elements")
        }
        return tensor.map
    }

    private mutating func run() throws -> Graph {
        var problems: [ImportProblem] = []
        maps[source.inputs[0]] = LaidOutMap(value: 0, layout: .nhwc(graph.inputShape))
        for index in source.operators.indices {
            self.index = index
            do {
                try translate()
            } catch let refusal as Refusal {
                problems.append(problem(refusal.reason))
            } catch GraphError.wrongInputs(_, _, let reason) {
                problems.append(problem(reason))
            }
            for output in current.outputs where maps[output] == nil && widened[output] == nil {
                unknown.insert(output)
            }
        }
        try Refusals.check(problems)
        guard let result = maps[source.outputs[0]] else { throw Refusal("its output does not depend on its input") }
        graph.output = try ordered(result, name: uniqueName("output"))
        keepOnlyWhatIsRead()
        return graph
    }

    private func problem(_ reason: String) -> ImportProblem {
        ImportProblem(node: "operator \(index) (\(current.name))", type: current.name, reason: reason)
    }

    private mutating func translate() throws {
        if current.outputs.contains(where: { maps[$0] != nil || widened[$0] != nil || unknown.contains($0) }) {
            throw Refusal("it makes a tensor a second time")
        }
        // Sizes, which the tensors that are made with them have anyway.
        if output.element == .int32 { return }
        if current.name == "DEQUANTIZE", let halves = try constant(0) {
            guard halves.count == TensorLayout.elementCount(output.shape) else {
                throw Refusal("it makes \(output.shape) of \(halves.count) numbers")
            }
            widened[current.outputs[0]] = halves
            return
        }
        guard !current.inputs.contains(where: unknown.contains) else { return }
        let results = try apply()
        for (tensor, result) in zip(current.outputs, results) {
            let stated = source.tensors[tensor].shape
            guard result.layout.sizes == stated else {
                throw Refusal("it makes \(result.layout.sizes), and its output has the sizes \(stated)")
            }
            maps[tensor] = result
        }
    }

    // MARK: What translations use

    /// Reports and int8.bin repeat it. Where operators have been fused the converter joins their names; the first one counts.
    mutating func layerName() -> String {
        let name = output.name.split(separator: ";").first.map(String.init) ?? ""
        return uniqueName(name.isEmpty ? "\(current.name) \(index)" : name)
    }

    var output: TFLiteTensor { source.tensors[current.outputs[0]] }

    func tensor(_ input: Int) throws -> TFLiteTensor {
        guard input < current.inputs.count, current.inputs[input] >= 0 else {
            throw Refusal("its input \(input) is missing")
        }
        return source.tensors[current.inputs[input]]
    }

    /// A tensor in which only its place matters, behind a softmax or not.
    func anyMap(_ input: Int = 0) throws -> LaidOutMap {
        _ = try tensor(input)
        guard let map = maps[current.inputs[input]] else {
            throw Refusal("its input \(input) is a constant, or made by no operator before it")
        }
        return map
    }

    /// A tensor to compute with.
    func map(_ input: Int = 0) throws -> LaidOutMap { try anyMap(input).requiringScores() }

    /// A tensor of batch, rows, columns and channels.
    func pixels(_ input: Int = 0) throws -> LaidOutMap {
        let map = try map(input)
        guard map.layout.isNHWC else {
            throw Refusal("it takes batch, rows, columns and channels; given is \(map.layout.sizes) in another order")
        }
        return map
    }

    /// The constant floats of an input; nil for what comes from the picture, or is left out.
    func constant(_ input: Int) throws -> [Float]? {
        guard input < current.inputs.count, current.inputs[input] >= 0 else { return nil }
        let tensor = source.tensors[current.inputs[input]]
        return try tensor.reals ?? widened[current.inputs[input]] ?? dequantized(tensor)
    }

    /// What a constant of integers stands for; nil for what is computed.
    private func dequantized(_ tensor: TFLiteTensor) throws -> [Float]? {
        guard let values = tensor.values else { return nil }
        let (dimension, count) = (tensor.scaledDimension, tensor.scales.count)
        guard count == 1 || tensor.shape.indices.contains(dimension) && tensor.shape[dimension] == count else {
            throw Refusal("its constant \(tensor.shape) has \(count) scales along dimension \(dimension)")
        }
        let stride = count == 1 ? 1 : tensor.shape[(dimension + 1)...].reduce(1, *)
        return values.indices.map {
            tensor.scales[$0 / stride % count] * Float(values[$0] - tensor.zeroPoint)
        }
    }

    func constant(_ input: Int, _ what: String) throws -> [Float] {
        guard let values = try constant(input) else {
            throw Refusal("its \(what) (input \(input)) is missing or computed; only constants are read")
        }
        return values
    }
}
