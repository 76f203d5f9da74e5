import Foundation
import SwiftletGraph
import Testing

@testable import SwiftletTraining

/// Five steps against PyTorch in float64. `tools/reference/torch_steps.py` makes the fixture and has the same network.
@Suite struct TorchStepsTests {
    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/torch_steps.safetensors").path

    private static func network() throws -> Graph {
        var graph = Graph(name: "torch steps", input: Shape(height: 8, width: 8, channels: 3))
        func layer(
            _ name: String, _ outputs: Int, _ kernel: Int, stride: Int = 1, groups: Int = 1, _ activation: Activation?,
            _ input: ValueID
        ) throws -> ValueID {
            let convolution = Convolution(
                outputChannels: outputs, window: .centred(kernel, stride: stride), groups: groups)
            var value = try graph.append(.convolution(convolution), name: name, input: input)
            value = try graph.append(.batchNorm(BatchNorm()), name: name + "_bn", input: value)
            guard let activation else { return value }
            return try graph.append(.activation(activation), name: name + "_activation", input: value)
        }
        let stem = try layer("stem", 8, 3, .relu6, graph.input)
        var value = try layer("expand", 24, 1, .relu6, stem)
        value = try layer("depthwise", 24, 3, groups: 24, .relu6, value)
        value = try layer("project", 8, 1, nil, value)
        value = try graph.append(.add, name: "sum", inputs: [stem, value])[0]
        value = try layer("widen", 20, 1, .relu, value)
        value = try layer("reduce", 20, 3, stride: 2, groups: 20, .relu, value)
        value = try graph.append(.globalAveragePool, name: "pool", input: value)
        graph.output = try graph.append(.linear(outputs: 5), name: "classifier", input: value)
        return graph
    }

    @Test(arguments: [1, 2, 3]) func fiveStepsEqualPyTorch(_ threads: Int) throws {
        let tensors = try Safetensors(contentsOf: Self.fixture).tensors
        var graph = try Self.network()
        for (name, _) in graph.parameterShapes {
            let tensor = try #require(tensors["before." + name], "\(name) is not in the fixture")
            graph.parameters[name] = tensor
        }
        let pictures = try #require(tensors["pictures"])
        let labels = try #require(tensors["labels"]).values.map { Int($0) }
        let losses = try #require(tensors["losses"]).values
        let batch = labels.count / losses.count
        let engine = try Engine(graph: graph, batchSize: batch, threads: threads, isTrained: true)
        let count = batch * graph.inputShape.elementCount
        let configuration = TrainingConfiguration()
        for step in losses.indices {
            for index in 0..<count { engine.input.values[index] = pictures.values[step * count + index] }
            let loss = CrossEntropy(labels: Array(labels[(step * batch)..<((step + 1) * batch)]), smoothing: 0.1)
            let result = engine.train(count: batch, Mode(isTraining: true, step: UInt64(step)), loss: loss) { _ in }
            engine.update(configuration, rate: 0.1, step: UInt64(step + 1))
            let found = result.loss / Double(batch)
            let expected = Double(losses[step])
            #expect(abs(found - expected) < 1e-4, "step \(step + 1): loss \(found), PyTorch \(expected)")
        }
        let after = engine.exportGraph()
        for (name, _) in graph.parameterShapes {
            let expected = try #require(tensors["after." + name]).values
            let before = try #require(tensors["before." + name]).values
            let found = try #require(after.parameters[name]).values
            // Against how far five steps have moved the parameter: a wrong gradient is as large as the movement itself.
            let movement = zip(expected, before).map { abs($0 - $1) }.max() ?? 0
            let error = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
            #expect(error < 1e-3 * movement + 1e-5, "\(name): off by \(error) after moving by \(movement)")
        }
    }
}
