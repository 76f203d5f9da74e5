/// Channels of linear values that move to the middles of their ranges.
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletQuantizer

@Suite struct ChannelCentringTests {
    /// Two linear bottlenecks, a sum of both, and a convolution that reads the sum.
    private func bottlenecks(reader: Window = Window(kernel: .one), seed: UInt64 = 3) throws -> Graph {
        var graph = Graph(name: "test", input: Shape(height: 5, width: 5, channels: 2))
        let first = try graph.convolution("first", graph.input, to: 3, .centred(3))
        var value = try graph.convolution("expansion", first, to: 6)
        value = try graph.append(.activation(.relu6), name: "relu", input: value)
        let second = try graph.convolution("second", value, to: 3)
        let sum = try graph.append(.add, name: "sum", inputs: [first, second])[0]
        graph.output = try graph.convolution("reader", sum, to: 4, reader)
        var generator = SeededGenerator(seed: seed)
        graph.randomizeParameters(using: &generator)
        return graph
    }

    private func value(_ name: String, _ graph: Graph) throws -> ValueID {
        try #require(graph.nodes.first { $0.name == name }).outputs[0]
    }

    private func bias(_ name: String, _ graph: Graph) throws -> [Float] {
        let node = try #require(graph.nodes.first { $0.name == name })
        return try #require(graph.parameter("bias", of: node)).values
    }

    /// How much lower the biases of a convolution are than they were.
    private func loss(_ name: String, _ before: Graph, _ after: Graph) throws -> [Float] {
        zip(try bias(name, before), try bias(name, after)).map { (($0 - $1) * 1000).rounded() / 1000 }
    }

    @Test(arguments: UInt64(1)...10) func centringKeepsTheOutput(seed: UInt64) throws {
        let graph = try bottlenecks(seed: seed)
        let (first, second, sum) = (
            try value("first", graph), try value("second", graph), try value("sum", graph)
        )
        #expect(graph.centrableValues == [first, second, sum])
        let pass = try graph.centringChannels([
            first: [-1...5, 0...2, -3...3], second: [2...8, -7...0, 1...1], sum: [0...12, -9...2, -2...4],
        ])
        expectEqualOutputs(graph, pass, seed: seed, tolerance: 1e-5)
    }

    @Test func eachConvolutionIsLoweredByTheMiddleOfWhatItMakes() throws {
        let graph = try bottlenecks()
        let pass = try graph.centringChannels([
            try value("first", graph): [-1...5, 0...2, -3...3], try value("second", graph): [2...8, -7...1, -1...1],
        ])
        #expect(try loss("first", graph, pass) == [2, 1, 0])
        #expect(try loss("second", graph, pass) == [5, -3, 0])
    }

    @Test func theWidestOfASumAndItsPartsComesToTheMiddle() throws {
        let graph = try bottlenecks()
        let (first, second, sum) = (
            try value("first", graph), try value("second", graph), try value("sum", graph)
        )
        let narrow = Array(repeating: Float(0)...0, count: 3)
        let pass = try graph.centringChannels([
            first: narrow, second: narrow, sum: [10...30, 10...30, 10...30],
        ])
        let lowered = zip(try loss("first", graph, pass), try loss("second", graph, pass)).map(+)
        // The sum would be lowered by 20 if its parts did not then leave 0.
        for middle in lowered { #expect(middle > 12 && middle <= 20, "\(lowered)") }
        expectEqualOutputs(graph, pass, seed: 1, tolerance: 1e-5)
    }

    @Test func whatAPaddedConvolutionReadsStays() throws {
        let graph = try bottlenecks(reader: .centred(3))
        #expect(graph.centrableValues.isEmpty)
        let pass = try graph.centringChannels([try value("first", graph): [1...5, 0...2, 0...3]])
        #expect(try loss("first", graph, pass) == [0, 0, 0])
    }

    @Test func whatIsShownOrActivatedStays() throws {
        let graph = try bottlenecks()
        for name in ["expansion", "relu", "reader"] {
            #expect(!graph.centrableValues.contains(try value(name, graph)), "\(name)")
        }
    }

    @Test(arguments: PassTests.seeds) func anyNetworkKeepsItsOutput(seed: UInt64) throws {
        let graph = try RandomGraph.make(seed: seed).removingDropout().condensed().foldingBatchNorms()
        var generator = SeededGenerator(seed: seed)
        let bounds = graph.centrableValues.sorted().reduce(into: [:]) { bounds, value in
            bounds[value] = (0..<graph.shape(of: value).channels).map { _ in
                let low = Float.random(in: -3...3, using: &generator)
                return low...low + Float.random(in: 0...4, using: &generator)
            }
        }
        expectEqualOutputs(graph, try graph.centringChannels(bounds), seed: seed)
    }
}
