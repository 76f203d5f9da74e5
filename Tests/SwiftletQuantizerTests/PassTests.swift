import SwiftletGraph
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletQuantizer

/// Runs both graphs on the same random pictures and compares their outputs, to `tolerance` of the largest.
func expectEqualOutputs(
    _ before: Graph, _ after: Graph, seed: UInt64, input: ClosedRange<Float> = -1...1, tolerance: Float = 1e-4,
    mapInput: ([Float]) -> [Float] = { $0 }, sourceLocation: SourceLocation = #_sourceLocation
) {
    var generator = SeededGenerator(seed: seed ^ 0x5EED)
    let picture = before.randomInput(in: input, using: &generator)
    let expected = ReferenceInterpreter.run(before, input: mapInput(picture))
    let found = ReferenceInterpreter.run(after, input: picture)
    #expect(after.outputShape == before.outputShape, "seed \(seed)", sourceLocation: sourceLocation)
    let largest = max(expected.map(abs).max() ?? 0, 1e-3)
    let difference = zip(expected, found).map { abs($0 - $1) }.max() ?? 0
    #expect(
        difference <= tolerance * largest, "seed \(seed): off by \(difference) of \(largest)",
        sourceLocation: sourceLocation)
    #expect(throws: Never.self, sourceLocation: sourceLocation) { try after.checkParameters() }
}

extension Graph {
    /// How many nodes have an operator of this name.
    func count(_ name: String) -> Int { nodes.count { $0.operation.name == name } }
}

@Suite struct PassTests {
    static let seeds = Array(UInt64(1)...40)

    private let preprocessing = Preprocessing(
        resize: .stretch, colorOrder: .rgb, mean: [123.675, 116.28, 103.53], deviation: [58.395, 57.12, 57.375])

    @Test(arguments: seeds) func removingDropoutKeepsTheOutput(seed: UInt64) throws {
        let graph = RandomGraph.make(seed: seed)
        let pass = try graph.removingDropout()
        #expect(pass.count("dropout") == 0)
        expectEqualOutputs(graph, pass, seed: seed)
    }

    @Test(arguments: seeds) func condensationKeepsTheOutput(seed: UInt64) throws {
        let graph = RandomGraph.make(seed: seed)
        let pass = try graph.condensed()
        #expect(pass.count("learned group convolution") == 0)
        #expect(pass.macs == graph.macs)
        expectEqualOutputs(graph, pass, seed: seed)
    }

    @Test(arguments: seeds) func sinkingShufflesKeepsTheOutput(seed: UInt64) throws {
        let graph = RandomGraph.make(seed: seed)
        let pass = try graph.sinkingShuffles()
        #expect(pass.nodes.count == graph.nodes.count)
        expectEqualOutputs(graph, pass, seed: seed)
    }

    @Test(arguments: seeds) func foldingBatchNormsKeepsTheOutput(seed: UInt64) throws {
        let graph = RandomGraph.make(seed: seed)
        let pass = try graph.foldingBatchNorms()
        #expect(pass.count("batch norm") == 0)
        expectEqualOutputs(graph, pass, seed: seed)
    }

    @Test(arguments: seeds) func replacingLinearsKeepsTheOutput(seed: UInt64) throws {
        let graph = try RandomGraph.make(seed: seed).removingDropout()
        let pass = try graph.replacingLinears()
        #expect(pass.count("linear") == 0)
        #expect(pass.count("flatten") == 0)
        expectEqualOutputs(graph, pass, seed: seed)
    }

    @Test(arguments: seeds) func foldingNormalizationKeepsTheOutput(seed: UInt64) throws {
        let graph = RandomGraph.make(seed: seed)
        let pass = try graph.foldingNormalization(preprocessing)
        expectEqualOutputs(graph, pass, seed: seed, input: 0...255) { pixels in
            pixels.enumerated().map { index, pixel in
                (pixel - preprocessing.mean[index % 3]) / preprocessing.deviation[index % 3]
            }
        }
    }

    @Test(arguments: seeds) func preparationKeepsTheOutput(seed: UInt64) throws {
        let graph = RandomGraph.make(seed: seed)
        let pass = try graph.preparedForQuantization(preprocessing)
        for name in ["linear", "flatten", "dropout", "batch norm", "learned group convolution"] {
            #expect(pass.count(name) == 0, "\(name)")
        }
        expectEqualOutputs(graph, pass, seed: seed, input: 0...255) { pixels in
            pixels.enumerated().map { index, pixel in
                (pixel - preprocessing.mean[index % 3]) / preprocessing.deviation[index % 3]
            }
        }
    }

    @Test(arguments: [
        "mobilenet-v1:width=0.25,resolution=32", "mobilenet-v2:width=0.1,resolution=32",
        "shufflenet-v1:width=0.25,groups=3,resolution=32", "shufflenet-v2:width=0.5,resolution=32",
        "condensenet:resolution=16,stages=2-2,growth=8-8", "lenet5",
    ])
    func theZooSurvivesPreparation(spec: String) throws {
        var generator = SeededGenerator(seed: 7)
        var graph = try Architecture(parsing: spec).makeGraph()
        graph.randomizeParameters(using: &generator)
        let channels = graph.inputShape.channels
        let preprocessing = Preprocessing(
            resize: .stretch, colorOrder: channels == 1 ? .grey : .rgb,
            mean: Array(self.preprocessing.mean.prefix(channels)),
            deviation: Array(self.preprocessing.deviation.prefix(channels)))
        let pass = try graph.preparedForQuantization(preprocessing)
        expectEqualOutputs(graph, pass, seed: 7, input: 0...255, tolerance: 1e-3) { pixels in
            pixels.enumerated().map { index, pixel in
                (pixel - preprocessing.mean[index % channels]) / preprocessing.deviation[index % channels]
            }
        }
        // Every activation reads what computes, so that it can be fused.
        for node in pass.nodes {
            guard case .activation = node.operation, let producer = pass.producer(of: node.inputs[0]) else { continue }
            #expect(["convolution", "add"].contains(pass.nodes[producer].operation.name), "\(node.name)")
        }
    }
}
