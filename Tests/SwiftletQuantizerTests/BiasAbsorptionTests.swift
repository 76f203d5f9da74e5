/// Floors of channels that move into the biases of those who read them.
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletQuantizer

@Suite struct BiasAbsorptionTests {
    /// A convolution of high biases, an activation, and a convolution that reads it.
    private func graph(_ activation: Activation, reader: Window, bias: Float) throws -> Graph {
        var graph = Graph(name: "test", input: Shape(height: 5, width: 5, channels: 2))
        var value = try graph.append(
            .convolution(Convolution(outputChannels: 3, window: .centred(3), hasBias: true)), name: "maker",
            input: graph.input)
        value = try graph.append(.activation(activation), name: "activation", input: value)
        graph.output = try graph.append(
            .convolution(Convolution(outputChannels: 4, window: reader)), name: "reader", input: value)
        var generator = SeededGenerator(seed: 5)
        graph.randomizeParameters(using: &generator)
        let maker = graph.nodes[0]
        let weight = try #require(graph.parameter("weight", of: maker))
        let small = Tensor(shape: weight.shape, values: weight.values.map { $0 / 100 })
        graph.setParameter("weight", of: maker, to: small)
        graph.setParameter("bias", of: maker, to: Tensor(shape: [3], values: [bias, bias, bias]))
        return graph
    }

    /// A number for each channel of what the activation makes.
    private func floors(_ graph: Graph, _ values: [Float]) -> [ValueID: [Float]] { [graph.nodes[1].outputs[0]: values] }

    @Test(arguments: [Activation.relu, .relu6])
    func whatIsAboveItsFloorLeavesTheNetworkAsItWas(activation: Activation) throws {
        let graph = try graph(activation, reader: Window(kernel: Extent(3)), bias: 4)
        let pass = try graph.absorbingHighBiases(floors(graph, [2, 0, 1]), peaks: floors(graph, [5, 5, 5]))
        #expect(pass.parameter("bias", of: pass.nodes[0])?.values == [2, 4, 3])
        expectEqualOutputs(graph, pass, seed: 1)
    }

    @Test func aPaddedReaderKeepsItsBiases() throws {
        let graph = try graph(.relu, reader: .centred(3), bias: 4)
        let pass = try graph.absorbingHighBiases(floors(graph, [2, 0, 1]), peaks: floors(graph, [5, 5, 5]))
        #expect(pass.parameter("bias", of: pass.nodes[0])?.values == [4, 4, 4])
        expectEqualOutputs(graph, pass, seed: 1)
    }

    @Test func aChannelThatReachesSixKeepsItsBias() throws {
        for (activation, biases) in [(Activation.relu6, [Float(4), 4, 3]), (.relu, [2, 4, 3])] {
            let graph = try graph(activation, reader: Window(kernel: .one), bias: 4)
            let pass = try graph.absorbingHighBiases(floors(graph, [2, 0, 1]), peaks: floors(graph, [6, 6, 5]))
            #expect(pass.parameter("bias", of: pass.nodes[0])?.values == biases, "\(activation)")
        }
    }

    @Test func withoutFloorsNothingMoves() throws {
        let graph = try graph(.relu, reader: Window(kernel: .one), bias: 4)
        let pass = try graph.absorbingHighBiases(floors(graph, [0, 0, 0]), peaks: floors(graph, [5, 5, 5]))
        #expect(pass.parameter("bias", of: pass.nodes[0])?.values == [4, 4, 4])
        #expect(pass.nodes.map(\.name) == graph.nodes.map(\.name))
    }
}
