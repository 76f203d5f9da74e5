/// Random operators and random chains of them through the real path, against the integer model.
import Foundation
import SwiftletConverter
import SwiftletGraph
import SwiftletKernels
import TestSupport
import Testing

/// `e^x` in Float32.
enum LookupFunctions {
    static func exponential(_ x: Float) -> Float { Foundation.exp(x) }
}

@Suite struct PropertyTests {
    /// Each kind in a model of its own: planned, written, read, executed.
    @Test(arguments: RandomOperation.kinds) func everyOperatorIsThatOfTheSpecification(kind: String) throws {
        let seed = UInt64(2000 + RandomOperation.kinds.firstIndex(of: kind)!)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<300 {
            let random = RandomOperation(kind: kind, using: &generator)
            let count = random.inputs.count
            let values = (random.inputs + [random.output]).enumerated().map {
                QuantizedGraph.Value(name: "v\($0)", shape: $1)
            }
            let graph = QuantizedGraph(
                name: kind, values: values,
                nodes: [.init(name: "0", operation: random.operation, inputs: Array(0..<count), output: count)],
                inputs: Array(0..<count), outputs: [count])
            try check(graph, using: &generator, "seed \(seed) round \(round): \(random)")
        }
    }

    /// Chains with branches: what later operators keep waiting, and what may take whose place.
    @Test func chainsOfOperatorsAreThoseOfTheSpecification() throws {
        let seed: UInt64 = 4711
        var generator = SeededGenerator(seed: seed)
        for round in 0..<400 {
            var values = [QuantizedGraph.Value(name: "v0", shape: Shape(height: 6, width: 5, channels: 6))]
            var nodes: [QuantizedGraph.Node] = []
            for index in 0..<Int.random(in: 2...7, using: &generator) {
                let source = Int.random(in: max(0, values.count - 3)..<values.count, using: &generator)
                let kind = RandomOperation.kinds.randomElement(using: &generator)!
                let random = RandomOperation(kind: kind, input: values[source].shape, using: &generator)
                var inputs = [source]
                // Further inputs are whatever has the shape.
                for shape in random.inputs.dropFirst() {
                    if let found = values.indices.last(where: { values[$0].shape == shape }) { inputs.append(found) }
                }
                guard inputs.count == random.inputs.count, random.output.elementCount < 4000 else { continue }
                values.append(.init(name: "v\(values.count)", shape: random.output))
                nodes.append(
                    .init(name: "\(index)", operation: random.operation, inputs: inputs, output: values.count - 1))
            }
            let read = Set(nodes.flatMap(\.inputs))
            let outputs = values.indices.filter { $0 > 0 && !read.contains($0) }
            guard !outputs.isEmpty else { continue }
            let graph = QuantizedGraph(name: "chain", values: values, nodes: nodes, inputs: [0], outputs: outputs)
            let steps = nodes.map { "\($0.inputs) \($0.operation.name) to \($0.output) \(values[$0.output].shape)" }
            try check(graph, using: &generator, "seed \(seed) round \(round): \(steps)")
        }
    }

    private func check(
        _ graph: QuantizedGraph, using generator: inout SeededGenerator, _ configuration: String
    ) throws {
        var random = RandomNumbers(generator)
        defer { generator = random.generator }
        var maps: [Int: IntegerMap] = [:]
        for input in graph.inputs {
            let shape = graph.values[input].shape
            maps[input] = IntegerMap(
                height: shape.height, width: shape.width, channels: shape.channels,
                values: random.values(shape.elementCount))
        }
        let pushed = graph.inputs.map { maps[$0]!.values.map { Int($0) } }
        for node in graph.nodes {
            maps[node.output] = IntegerModel.run(
                node.operation, node.inputs.map { maps[$0]! }, output: graph.values[node.output].shape)
        }
        let model: CaseModel
        do { model = try CaseModel(graph) } catch {
            Issue.record("\(error): \(configuration)")
            return
        }
        for kernels in [nil, VectorKernels.chosen] {
            let found = try model.run(pushed, batch: 1, kernels: kernels)
            let expected = graph.outputs.map { maps[$0]!.values.map { Int($0) } }
            if found != expected {
                Issue.record("\(kernels?.name ?? "portable"), \(configuration)")
                return
            }
        }
    }
}
