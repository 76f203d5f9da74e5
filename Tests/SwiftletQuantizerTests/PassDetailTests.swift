import SwiftletGraph
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletQuantizer

@Suite struct PassDetailTests {
    private func graph(_ shape: (Int, Int, Int), _ build: (inout Graph) throws -> ValueID) rethrows -> Graph {
        var graph = Graph(name: "test", input: Shape(height: shape.0, width: shape.1, channels: shape.2))
        graph.output = try build(&graph)
        var generator = SeededGenerator(seed: 3)
        graph.randomizeParameters(using: &generator)
        return graph
    }

    private func message(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    // MARK: Batch norm

    @Test func aBatchNormBehindAConvolutionGoesIntoIt() throws {
        let graph = try graph((5, 5, 2)) {
            let value = try $0.append(
                .convolution(Convolution(outputChannels: 3, window: .centred(3))), name: "conv", input: 0)
            return try $0.append(.batchNorm(BatchNorm()), name: "norm", input: value)
        }
        let pass = try graph.foldingBatchNorms()
        #expect(pass.nodes.map(\.name) == ["conv"])
        expectEqualOutputs(graph, pass, seed: 1)
    }

    @Test func aBatchNormBeforeAnUnpaddedConvolutionGoesIntoIt() throws {
        func make(_ window: Window) throws -> Graph {
            try graph((5, 5, 2)) {
                let value = try $0.append(.batchNorm(BatchNorm()), name: "norm", input: 0)
                return try $0.append(
                    .convolution(Convolution(outputChannels: 3, window: window)), name: "conv", input: value)
            }
        }
        let free = try make(Window(kernel: Extent(3)))
        #expect(try free.foldingBatchNorms().nodes.map(\.name) == ["conv"])
        expectEqualOutputs(free, try free.foldingBatchNorms(), seed: 1)
        let padded = try make(.centred(3))
        let pass = try padded.foldingBatchNorms()
        #expect(pass.nodes.map(\.name) == ["norm", "conv"])
        #expect(pass.nodes[0].operation.name == "convolution")
        expectEqualOutputs(padded, pass, seed: 1)
    }

    @Test func aBatchNormBeforeAnActivationStays() throws {
        let graph = try graph((5, 5, 2)) {
            var value = try $0.append(.batchNorm(BatchNorm()), name: "norm", input: 0)
            value = try $0.append(.activation(.relu), name: "relu", input: value)
            return try $0.append(
                .convolution(Convolution(outputChannels: 3, window: Window(kernel: .one))), name: "conv", input: value)
        }
        let pass = try graph.foldingBatchNorms()
        #expect(pass.nodes.map(\.operation.name) == ["convolution", "relu", "convolution"])
        expectEqualOutputs(graph, pass, seed: 1)
    }

    @Test func aSharedConvolutionKeepsItsOutput() throws {
        let graph = try graph((5, 5, 2)) {
            let value = try $0.append(
                .convolution(Convolution(outputChannels: 2, window: .centred(3))), name: "conv", input: 0)
            let norm = try $0.append(.batchNorm(BatchNorm()), name: "norm", input: value)
            return try $0.append(.add, name: "add", inputs: [value, norm])[0]
        }
        let pass = try graph.foldingBatchNorms()
        #expect(pass.nodes.map(\.name) == ["conv", "norm", "add"])
        expectEqualOutputs(graph, pass, seed: 1)
    }

    /// A depthwise channel that never sees anything but zero: its variance is 0, its plain fold would multiply by 316.
    @Test func channelsWithoutVarianceBecomeConstants() throws {
        var graph = try graph((4, 4, 2)) {
            let value = try $0.append(
                .convolution(Convolution(outputChannels: 2, window: .centred(3), groups: 2)), name: "conv", input: 0)
            return try $0.append(.batchNorm(BatchNorm()), name: "norm", input: value)
        }
        graph.parameters["norm.running_mean"]!.values[1] = 0
        for variance in [Float(0), 1e-12, 1e-10] {
            graph.parameters["norm.running_var"]!.values[1] = variance
            let pass = try graph.foldingBatchNorms()
            let weights = pass.parameters["conv.weight"]!.values
            #expect(weights[9...].allSatisfy { $0 == 0 })
            #expect(weights[..<9].contains { $0 != 0 })
            #expect(pass.parameters["conv.bias"]!.values[1] == graph.parameters["norm.bias"]!.values[1])
            #expect(try graph.deadChannels() == ["norm": [1]])
            // On what the channel has seen in training, nothing changes.
            var picture = Array(repeating: Float(0), count: 32)
            for index in stride(from: 0, to: 32, by: 2) { picture[index] = Float(index) / 32 }
            let before = ReferenceInterpreter.run(graph, input: picture)
            let after = ReferenceInterpreter.run(pass, input: picture)
            #expect(zip(before, after).allSatisfy { abs($0 - $1) < 1e-4 })
        }
        graph.parameters["norm.running_var"]!.values[1] = 1e-6
        #expect(try graph.deadChannels().isEmpty)
        expectEqualOutputs(graph, try graph.foldingBatchNorms(), seed: 1)
    }

    @Test func aNegativeVarianceIsRefused() throws {
        var graph = try graph((4, 4, 2)) { try $0.append(.batchNorm(BatchNorm()), name: "norm", input: 0) }
        graph.parameters["norm.running_var"]!.values[1] = -0.5
        #expect(
            message { _ = try graph.foldingBatchNorms() }
                == "batch norm norm has the variance -0.5 in channel 1, below zero; repair the checkpoint")
        graph.parameters["norm.running_var"] = nil
        #expect(
            message { _ = try graph.foldingBatchNorms() } == "parameter norm.running_var of shape [2] is missing")
    }

    // MARK: Condensation

    private func learned() throws -> Graph {
        try graph((3, 3, 8)) {
            try $0.append(
                .learnedGroupConvolution(LearnedGroupConvolution(outputChannels: 4, groups: 2, condensationFactor: 4)),
                name: "lgc", input: 0)
        }
    }

    @Test func condensationKeepsTheSurvivorsInOrder() throws {
        var graph = try learned()
        var mask = Array(repeating: Float(0), count: 32)
        for output in 0..<4 { for input in output < 2 ? [6, 1] : [1, 3] { mask[output * 8 + input] = 1 } }
        graph.parameters["lgc.mask"] = Tensor(shape: [4, 8, 1, 1], values: mask)
        let pass = try graph.condensed()
        #expect(pass.nodes.map(\.name) == ["lgc.index", "lgc"])
        #expect(pass.nodes[0].operation == .channelIndex([1, 6, 1, 3]))
        #expect(pass.parameters["lgc.weight"]?.shape == [4, 2, 1, 1])
        #expect(pass.parameters["lgc.weight"]!.values[1] == graph.parameters["lgc.weight"]!.values[6])
        expectEqualOutputs(graph, pass, seed: 1)
    }

    @Test func unfinishedCondensationIsRefused() throws {
        var graph = try learned()
        graph.parameters["lgc.mask"] = Tensor(shape: [4, 8, 1, 1], repeating: 1)
        #expect(
            message { _ = try graph.condensed() }
                == "learned group convolution lgc keeps 8 of 8 inputs in group 0, condensed it keeps 2; "
                + "train until the condensation has ended")
        var mask = Array(repeating: Float(0), count: 32)
        for output in 0..<4 { for input in output == 3 ? [1, 2] : [0, 2] { mask[output * 8 + input] = 1 } }
        graph.parameters["lgc.mask"] = Tensor(shape: [4, 8, 1, 1], values: mask)
        #expect(
            message { _ = try graph.condensed() }
                == "learned group convolution lgc: the mask of output 3 is not that of its group 1")
    }

    @Test func condenseNetFusesItsBottleneck() throws {
        var generator = SeededGenerator(seed: 5)
        var graph = try Architecture(parsing: "condensenet:resolution=16,stages=1,growth=8").makeGraph()
        graph.randomizeParameters(using: &generator)
        let pass = try graph.condensed().sinkingShuffles().foldingBatchNorms()
        #expect(
            pass.nodes.prefix(8).map(\.operation.name) == [
                "convolution", "convolution", "relu", "channel index", "convolution", "relu", "channel shuffle",
                "convolution",
            ])
    }

    // MARK: Normalization and linear layers

    @Test func paddingHoldsTheMeanAmongRawPixels() throws {
        let graph = try graph((6, 6, 3)) {
            try $0.append(
                .convolution(Convolution(outputChannels: 4, window: .centred(3, stride: 2))), name: "conv", input: 0)
        }
        let preprocessing = Preprocessing(
            resize: .stretch, colorOrder: .rgb, mean: [100, 110, 120], deviation: [50, 60, 70])
        let pass = try graph.foldingNormalization(preprocessing)
        guard case .convolution(let convolution) = pass.nodes[0].operation else {
            Issue.record("the convolution is gone")
            return
        }
        #expect(convolution.padValues == [100, 110, 120])
        #expect(convolution.hasBias)
        expectEqualOutputs(graph, pass, seed: 1, input: 0...255) { pixels in
            pixels.enumerated().map { ($1 - [100, 110, 120][$0 % 3]) / [50, 60, 70][$0 % 3] }
        }
    }

    @Test func anInputThatIsPooledIsNormalizedFirst() throws {
        let graph = try graph((6, 6, 1)) {
            try $0.append(.pool(.max, .centred(3)), name: "pool", input: 0)
        }
        let preprocessing = Preprocessing(resize: .stretch, colorOrder: .grey, mean: [33], deviation: [78])
        let pass = try graph.foldingNormalization(preprocessing)
        #expect(pass.nodes.map(\.name) == ["normalization", "pool"])
        expectEqualOutputs(graph, pass, seed: 1, input: 0...255) { $0.map { ($0 - 33) / 78 } }
    }

    @Test func aNormalizationOfOtherChannelsIsRefused() throws {
        let graph = try graph((6, 6, 3)) { try $0.append(.globalAveragePool, name: "pool", input: 0) }
        let preprocessing = Preprocessing(resize: .stretch, colorOrder: .grey, mean: [33], deviation: [0])
        #expect(
            message { _ = try graph.foldingNormalization(preprocessing) }
                == "the preprocessing has 1 means and the deviations [0.0] for a network of 3 channels; "
                + "one of each a channel, deviations above zero")
    }

    @Test func aFlattenedMapIsConvolvedWhole() throws {
        let graph = try graph((4, 5, 3)) {
            var value = try $0.append(.flatten, name: "flatten", input: 0)
            value = try $0.append(.activation(.relu), name: "relu", input: value)
            value = try $0.append(.linear(outputs: 6), name: "fc1", input: value)
            value = try $0.append(.flatten, name: "again", input: value)
            return try $0.append(.linear(outputs: 2), name: "fc2", input: value)
        }
        let pass = try graph.replacingLinears()
        #expect(pass.nodes.map(\.name) == ["relu", "fc1", "fc2"])
        #expect(pass.parameters["fc1.weight"]?.shape == [6, 3, 4, 5])
        #expect(pass.parameters["fc2.weight"]?.shape == [2, 6, 1, 1])
        expectEqualOutputs(graph, pass, seed: 1)
    }

    @Test func aFlattenThatOthersReadStays() throws {
        let graph = try graph((2, 2, 3)) {
            let flat = try $0.append(.flatten, name: "flatten", input: 0)
            let relu = try $0.append(.activation(.relu), name: "relu", input: flat)
            return try $0.append(.add, name: "add", inputs: [flat, relu])[0]
        }
        let pass = try graph.replacingLinears()
        #expect(pass.count("flatten") == 2)
        expectEqualOutputs(graph, pass, seed: 1)
    }
}
