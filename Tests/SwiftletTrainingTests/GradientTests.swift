import Foundation
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletTraining

/// The engine against the plain interpreter forward, against finite differences backward.
@Suite struct GradientTests {
    @Test func inferenceEqualsThePlainInterpreter() throws {
        let seed: UInt64 = 60
        for round in 0..<40 {
            var generator = SeededGenerator(seed: seed + UInt64(round))
            let graph = RandomGraph.make(seed: seed + UInt64(round), layers: 6)
            let count = 3
            let executor = try FloatExecutor(graph: graph, batchSize: 4, threads: 1 + round % 2)
            let elements = graph.inputShape.elementCount
            let input = (0..<(count * elements)).map { _ in Float.random(in: -1...1, using: &generator) }
            let found = try input.withUnsafeBufferPointer { try executor.run($0, count: count) }
            let expected = (0..<count).flatMap {
                ReferenceInterpreter.run(graph, input: Array(input[($0 * elements)..<(($0 + 1) * elements)]))
            }
            let scale = expected.map(abs).max() ?? 1
            for (a, b) in zip(found, expected) {
                #expect(abs(a - b) <= 1e-4 * max(scale, 1), "seed \(seed) round \(round): \(a) for \(b)")
            }
        }
    }

    /// One operator a network, in training mode, every parameter and, through a convolution before it, the input too.
    @Test(arguments: [
        "convolution", "grouped", "dilated", "strided", "depthwise", "linear", "batchNorm", "preactivation", "relu6",
        "leaky", "sigmoid", "tanh", "swish", "elu", "hard swish", "max", "average", "global", "add", "double", "concat",
        "split", "shuffle",
        "index", "learned", "hard sigmoid", "power", "square", "gate", "spatial gate", "maximum", "minimum", "pixels",
        "interpolate", "rows", "columns",
    ])
    func gradientsEqualFiniteDifferences(_ operation: String) throws {
        var graph = try Self.network(operation)
        var generator = SeededGenerator(seed: 31)
        GraphInitializer.initialize(&graph, seed: 31)
        // Away from the symmetric start, so that no gradient is zero by accident.
        for name in graph.parameters.keys.sorted() where name.hasSuffix("bias") || name.hasSuffix(".weight") {
            let tensor = graph.parameters[name]!
            graph.parameters[name] = Tensor(
                shape: tensor.shape, values: tensor.values.map { $0 + Float.random(in: -0.2...0.2, using: &generator) })
        }
        let batch = 5
        let input = (0..<(batch * graph.inputShape.elementCount)).map { _ in
            Float.random(in: -1...1, using: &generator)
        }
        let labels = (0..<batch).map { $0 % graph.outputShape.elementCount }
        let engine = try Engine(graph: graph, batchSize: batch, threads: 2, isTrained: true)
        func loss() -> Double {
            let result = engine.train(
                count: batch, Mode(isTraining: true, step: 0), loss: CrossEntropy(labels: labels, smoothing: 0.1)
            ) { share in
                let count = graph.inputShape.elementCount
                for index in (share.images.lowerBound * count)..<(share.images.upperBound * count) {
                    engine.input.values[index] = input[index]
                }
            }
            return result.loss / Double(batch)
        }
        _ = loss()
        let gradients = engine.parameters.map { parameter in
            (0..<parameter.count).map { parameter.gradients[0][$0] }
        }
        for (parameter, gradient) in zip(engine.parameters, gradients) {
            for index in stride(from: 0, to: parameter.count, by: max(1, parameter.count / 12)) {
                let value = parameter.values[index]
                let step: Float = 2e-3
                parameter.values[index] = value + step
                let above = loss()
                parameter.values[index] = value - step
                let below = loss()
                parameter.values[index] = value
                let expected = (above - below) / Double(2 * step)
                let found = Double(gradient[index])
                #expect(
                    abs(found - expected) <= 0.03 * max(abs(expected), abs(found)) + 2e-3,
                    "\(operation), \(parameter.name)[\(index)]: \(found), finite difference \(expected)")
            }
        }
    }

    /// convolution -> the operator -> global pool -> linear.
    private static func network(_ operation: String) throws -> Graph {
        var graph = Graph(name: operation, input: Shape(height: 5, width: 6, channels: 3))
        var value = try graph.append(
            .convolution(Convolution(outputChannels: 8, window: .centred(3), hasBias: true)), name: "first", input: 0)
        func convolve(_ name: String, _ window: Window, groups: Int = 1, outputs: Int = 8) throws {
            value = try graph.append(
                .convolution(Convolution(outputChannels: outputs, window: window, groups: groups, hasBias: true)),
                name: name, input: value)
        }
        func apply(_ operation: Operator, _ name: String = "op") throws {
            value = try graph.append(operation, name: name, input: value)
        }
        switch operation {
        case "convolution": try convolve("op", .centred(3), outputs: 6)
        case "grouped": try convolve("op", .centred(3), groups: 4)
        case "dilated":
            let padding = Padding(top: 1, left: 0, bottom: 0, right: 2)
            try convolve("op", Window(kernel: Extent(2), padding: padding, dilation: Extent(2)))
        case "strided":
            let kernel = Extent(height: 3, width: 1)
            try convolve("op", Window(kernel: kernel, stride: Extent(height: 2, width: 3), padding: Padding(1)))
        case "depthwise": try convolve("op", .centred(3, stride: 2), groups: 8)
        case "linear": try apply(.flatten)
        case "batchNorm":
            value = try graph.append(
                .convolution(Convolution(outputChannels: 8, window: .centred(1))), name: "op", input: value)
            try apply(.batchNorm(BatchNorm()), "bn")
            try apply(.activation(.tanh), "tanh")
        case "preactivation":
            let before = value
            try apply(.batchNorm(BatchNorm()), "bn")
            try apply(.activation(.tanh), "tanh")
            value = try graph.append(.add, name: "sum", inputs: [before, value])[0]
        case "relu6": try apply(.activation(.relu6))
        case "leaky": try apply(.activation(.leakyReLU(slope: 0.2)))
        case "sigmoid": try apply(.activation(.sigmoid))
        case "tanh": try apply(.activation(.tanh))
        case "swish": try apply(.activation(.swish))
        case "elu": try apply(.activation(.elu(alpha: 0.7)))
        case "hard swish": try apply(.activation(.hardSwish))
        case "hard sigmoid": try apply(.activation(.hardSigmoid(slope: 0.3, offset: 0.4)))
        case "power":
            try apply(.activation(.sigmoid), "positive")
            try apply(.activation(.power(scale: 2, offset: 1, exponent: -0.75)))
        case "square": value = try graph.append(.binary(.multiply), name: "op", inputs: [value, value])[0]
        case "gate", "spatial gate":
            let map = value
            if operation == "gate" { try apply(.globalAveragePool, "mean") }
            try convolve("excite", Window(kernel: .one), outputs: operation == "gate" ? 8 : 1)
            try apply(.activation(.sigmoid), "sigmoid")
            value = try graph.append(.binary(.multiply), name: "op", inputs: [map, value])[0]
        case "maximum", "minimum":
            // Far from each other nearly everywhere: differences across a kink say nothing.
            let branch = try graph.append(
                .activation(.power(scale: 4, offset: 0.5, exponent: 3)), name: "branch", input: value)
            let kind = BinaryKind(rawValue: operation)!
            value = try graph.append(.binary(kind), name: "op", inputs: [branch, value])[0]
        case "pixels":
            try apply(.pixelIndex(PixelIndex(rows: [1, 0, 1, nil, 4], columns: [nil, 5, 3, 3], fill: 0.5)))
        case "interpolate":
            let points = [(0, 0, Float(0)), (0, 1, 0.25), (2, 3, 0.75), (4, 4, 0)].map {
                Interpolation.Point(low: $0.0, high: $0.1, fraction: $0.2)
            }
            try apply(.interpolate(Interpolation(rows: points, columns: Array(points.dropFirst()))))
        case "rows", "columns":
            let branch = try graph.append(
                .convolution(Convolution(outputChannels: 8, window: .centred(3))), name: "branch", input: value)
            let axis = JoinAxis(rawValue: operation)!
            value = try graph.append(.join(axis), name: "op", inputs: [value, branch])[0]
            value = try graph.append(.join(axis), name: "twice", inputs: [value, value])[0]
        case "max": try apply(.pool(.max, Window(kernel: Extent(3), stride: Extent(2), padding: Padding(1))))
        case "average": try apply(.pool(.average, Window(kernel: Extent(3), stride: Extent(2), padding: Padding(1))))
        case "global": try apply(.globalAveragePool)
        case "add":
            let branch = try graph.append(
                .convolution(Convolution(outputChannels: 8, window: .centred(3))), name: "branch", input: value)
            value = try graph.append(.add, name: "op", inputs: [value, branch])[0]
        case "double": value = try graph.append(.add, name: "op", inputs: [value, value])[0]
        case "concat":
            let branch = try graph.append(
                .convolution(Convolution(outputChannels: 4, window: .centred(1))), name: "branch", input: value)
            value = try graph.append(.concat, name: "op", inputs: [branch, value, branch])[0]
        case "split":
            let parts = try graph.append(.split([2, 5, 1]), name: "op", inputs: [value])
            value = try graph.append(.concat, name: "join", inputs: [parts[2], parts[1], parts[0]])[0]
        case "shuffle": try apply(.channelShuffle(groups: 4))
        case "index": try apply(.channelIndex([7, 0, 0, 3, 5]))
        case "learned":
            let learned = LearnedGroupConvolution(outputChannels: 8, groups: 2, condensationFactor: 4)
            try apply(.learnedGroupConvolution(learned))
        default: break
        }
        if graph.shape(of: value).height > 1 {
            value = try graph.append(.globalAveragePool, name: "pool", input: value)
        }
        graph.output = try graph.append(.linear(outputs: 4), name: "classifier", input: value)
        return graph
    }
}
