/// Puts the tensors of a weight file into a network of the zoo.
///
/// The file's own words choose what the specification leaves open: padding, epsilon, activation, size, and whether batch
/// norms are there or folded.
/// What it does not do: read files (`WeightFile` does), or accept tensors that have no place.
import SwiftletGraph
import SwiftletTraining
import SwiftletZoo

public struct WeightImporter {
    private let file: WeightFile
    private let spec: String

    /// - Parameter architecture: a specification such as "mobilenet-v1:width=0.25".
    public init(_ file: WeightFile, architecture: String) {
        self.file = file
        spec = architecture
    }

    /// - Parameters:
    ///   - choice: what the user says about pictures.
    ///   - classNames: one a class; nil for "class 0" and so on.
    /// - Throws: `ArchitectureError`, `GraphError`, `CheckpointError`, or `ImportError` with all that does not fit.
    public func checkpoint(_ choice: PreprocessingChoice, classNames: [String]?) throws -> Checkpoint {
        let name = String(spec.prefix { $0 != ":" })
        var source = renamed(architecture: name)
        let architecture = try Architecture(parsing: spec, defaults: defaults(source))
        var graph = try architecture.makeGraph()
        foldBiases(of: graph, in: &source)
        try fill(&graph, from: source, architecture: architecture)
        if !isTensorFlow { reorderFlattened(&graph) }
        let input = architecture.inputShape
        let text = file.metadata["preprocess"].flatMap { PreprocessingText($0, channels: input.channels) }
        return try Checkpoint(
            architecture: architecture, parameters: graph.parameters,
            classNames: classNames ?? (0..<architecture.classes).map { "class \($0)" },
            preprocessing: .merged(choice, text, file: file.path, input: input))
    }

    /// Whether padding and memory order are TensorFlow's, as far as the file says.
    private var isTensorFlow: Bool { file.metadata["padding"]?.contains("TensorFlow") == true }

    /// The tensors under the zoo's names, without counters and without the prefix that data-parallel training leaves.
    private func renamed(architecture: String) -> [String: Tensor] {
        let prefix = "module."
        let isPrefixed = file.tensors.keys.allSatisfy { $0.hasPrefix(prefix) }
        var result: [String: Tensor] = [:]
        for (key, tensor) in file.tensors.sorted(by: { $0.key < $1.key }) where !key.hasSuffix(".num_batches_tracked") {
            let key = isPrefixed ? String(key.dropFirst(prefix.count)) : key
            guard let dot = key.lastIndex(of: ".") else {
                result[key] = tensor
                continue
            }
            let name = LayerNames.zooName(of: String(key[..<dot]), architecture: architecture) + key[dot...]
            // A place that is taken: the tensor stays under its own name and comes out as superfluous.
            result[result[name] == nil ? name : key] = tensor
        }
        return result
    }

    /// Options as the file has them, for those that the specification leaves open.
    private func defaults(_ source: [String: Tensor]) -> [String: String] {
        var options: [String: String] = [:]
        let metadata = file.metadata
        if isTensorFlow { options["padding"] = "tensorflow" }
        if let epsilon = metadata["bn_eps"].flatMap({ Double($0) }) { options["epsilon"] = "\(epsilon)" }
        if !source.keys.contains(where: { $0.hasSuffix(".running_mean") }) { options["norm"] = "folded" }
        options["activation"] = metadata["activation"]
        options["resolution"] = metadata["preprocess"]
            .flatMap { PreprocessingText($0, channels: 3)?.resolution.map(String.init) }
        if let hidden = source["hidden.0.weight"]?.shape.first { options["hidden"] = "\(hidden)" }
        for head in ["classifier.1.weight", "classifier.weight", "linear.weight", "dense.weight", "fc.weight"] {
            if let classes = source[head]?.shape.first { options["classes"] = "\(classes)" }
        }
        return options
    }

    /// A bias before a batch norm is a shift of its mean: norm(x + b) with mean m is norm(x) with mean m - b.
    private func foldBiases(of graph: Graph, in source: inout [String: Tensor]) {
        for node in graph.nodes {
            guard case .convolution(let convolution) = node.operation, !convolution.hasBias,
                let bias = source["\(node.name).bias"],
                let reader = graph.consumers(of: node.outputs[0]).first.map({ graph.nodes[$0] }),
                case .batchNorm = reader.operation, var mean = source["\(reader.name).running_mean"],
                mean.shape == bias.shape
            else { continue }
            for index in mean.values.indices { mean.values[index] -= bias.values[index] }
            source["\(reader.name).running_mean"] = mean
            source["\(node.name).bias"] = nil
        }
    }

    private func fill(_ graph: inout Graph, from source: [String: Tensor], architecture: Architecture) throws {
        var problems: [String] = []
        var unused = source
        let linear = Set(graph.nodes.filter { if case .linear = $0.operation { true } else { false } }.map(\.name))
        for (name, shape) in graph.parameterShapes {
            let node = name.prefix(upTo: name.lastIndex(of: ".") ?? name.endIndex)
            if let tensor = unused.removeValue(forKey: name) {
                // Keras and SqueezeNet have classifiers that are 1x1 convolutions.
                if Self.withoutTrailingOnes(tensor.shape) == Self.withoutTrailingOnes(shape) {
                    graph.parameters[name] = Tensor(shape: shape, values: tensor.values)
                } else {
                    problems.append("\(name) has shape \(tensor.shape), the network needs \(shape)")
                }
            } else if name.hasSuffix(".bias"), linear.contains(String(node)), source["\(node).weight"] != nil {
                graph.parameters[name] = Tensor(shape: shape, repeating: 0)
            } else if architecture.name == "resnet-cifar", name.hasSuffix(".shortcut.weight") {
                graph.parameters[name] = Self.optionAShortcut(shape)
            } else {
                problems.append("\(name) \(shape) is missing")
            }
        }
        problems += unused.keys.sorted().map { "\($0) \(unused[$0]?.shape ?? []) has no place" }
        guard problems.isEmpty else {
            throw ImportError.mismatch(file: file.path, architecture: architecture.spec, problems: problems)
        }
    }

    /// PyTorch flattens channel by channel, the graph pixel by pixel: the columns of the matrix that reads it move along.
    private func reorderFlattened(_ graph: inout Graph) {
        for node in graph.nodes {
            guard case .linear(let outputs) = node.operation, let producer = graph.producer(of: node.inputs[0]),
                case .flatten = graph.nodes[producer].operation, let weight = graph.parameter("weight", of: node)
            else { continue }
            let map = graph.shape(of: graph.nodes[producer].inputs[0])
            let pixels = map.height * map.width
            var reordered = weight
            for output in 0..<outputs {
                for pixel in 0..<pixels {
                    for channel in 0..<map.channels {
                        let row = output * map.elementCount
                        reordered.values[row + pixel * map.channels + channel] =
                            weight.values[row + channel * pixels + pixel]
                    }
                }
            }
            graph.setParameter("weight", of: node, to: reordered)
        }
    }

    private static func withoutTrailingOnes(_ shape: [Int]) -> [Int] {
        Array(shape[..<((shape.lastIndex { $0 != 1 } ?? -1) + 1)])
    }

    /// He et al. 2016, section 3.3, option A: the input in the middle, zeros for the new channels around it.
    private static func optionAShortcut(_ shape: [Int]) -> Tensor {
        var weight = Tensor(shape: shape, repeating: 0)
        let (outputs, inputs) = (shape[0], shape[1])
        for input in 0..<min(inputs, outputs) {
            weight.values[((outputs - inputs) / 2 + input) * inputs + input] = 1
        }
        return weight
    }
}
