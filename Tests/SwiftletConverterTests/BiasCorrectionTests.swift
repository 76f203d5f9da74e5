/// What rounding weights takes from the mean of an output is given back in its bias.
import SwiftletGraph
import SwiftletTraining
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite struct BiasCorrectionTests {
    /// Sums of many inputs that are never negative, with a weight that makes the steps of the others coarse.
    private func network(seed: UInt64) throws -> Graph {
        var graph = Graph(name: "biased", input: Shape(height: 10, width: 10, channels: 3))
        var value = try graph.convolution("stem", graph.input, to: 48, .centred(3))
        value = try graph.append(.activation(.relu), name: "relu", input: value)
        value = try graph.convolution("depthwise", value, to: 48, .centred(3), groups: 48)
        value = try graph.append(.activation(.relu), name: "relu2", input: value)
        graph.output = try graph.convolution("last", value, to: 12, Window(kernel: .one))
        var generator = SeededGenerator(seed: seed)
        graph.randomizeParameters(using: &generator)
        for node in graph.nodes where node.name != "stem" {
            guard var weight = graph.parameter("weight", of: node) else { continue }
            let row = weight.values.count / weight.shape[0]
            for output in 0..<weight.shape[0] { weight.values[output * row] *= 12 }
            graph.setParameter("weight", of: node, to: weight)
        }
        return graph
    }

    @Test func theMeansOfOutputsComeCloserToFloat() throws {
        var (plain, corrected) = (0.0, 0.0)
        for seed in UInt64(1)...6 {
            let network = try CalibratedNetwork(network(seed: seed), seed: seed)
            plain += try network.meanError(network.convert())
            corrected += try network.meanError(network.convert(correctsBiases: true))
        }
        #expect(corrected < 0.7 * plain, "without \(plain), with \(corrected)")
    }

    /// Roundings and clamps of the layers before shift means as well, and only a run of the model shows it.
    @Test func whatTheLayersBeforeDoToMeansIsGivenBack() throws {
        var (analytic, empirical) = (0.0, 0.0)
        for seed in UInt64(1)...6 {
            let network = try CalibratedNetwork(network(seed: seed), seed: seed, count: 8)
            analytic += try network.meanError(network.convert(correctsBiases: true))
            empirical += try network.meanError(network.convertOnPictures())
        }
        #expect(empirical < 0.7 * analytic, "analytic \(analytic), empirical \(empirical)")
    }
}

extension CalibratedNetwork {
    /// With biases that are corrected on the calibration pictures.
    fileprivate func convertOnPictures() throws -> ConvertedModel {
        let preprocessing = Preprocessing(resize: .stretch, colorOrder: .rgb, mean: [], deviation: [])
        let correction = EmpiricalBiasCorrection(
            means: channels.mapValues(\.means), batches: batches, threads: 2)
        var assembled = try Converter.assemble(
            graph, calibration: Calibration(ranges: ranges, channels: channels),
            leastSplitChannels: Converter.leastSplitChannels)
        let description = ModelDescription(architecture: "test", classNames: [], preprocessing: preprocessing)
        try correction.correct(&assembled, file: Converter.writer(of: assembled, description: description))
        return try Converter.finish(assembled, description: description, arrangement: Arrangement())
    }
}
