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
            empirical += try network.meanError(network.finish(network.mend(network.assemble())))
        }
        #expect(empirical < 0.7 * analytic, "analytic \(analytic), empirical \(empirical)")
    }

    /// A clamp lets through less of what is given back before it, and the shown means would keep the rest.
    @Test func theLastBiasesMakeUpForWhatThoseBeforeLeave() throws {
        for seed in UInt64(1)...6 {
            let network = try CalibratedNetwork(network(seed: seed), seed: seed, count: 8)
            let mended = try network.mend(network.assemble())
            let step = Double(mended.operations.last?.record.outputScale ?? 0)
            let error = try network.meanError(network.finish(mended))
            #expect(error < 0.05 * step, "seed \(seed): means are off by \(error), a step is \(step)")
        }
    }

    @Test func theScoresChooseWhichBiasesAreMended() throws {
        for seed in UInt64(1)...4 {
            let network = try CalibratedNetwork(network(seed: seed), seed: seed, count: 8)
            let plain = try network.assemble()
            let (mended, chosen) = try (network.mend(plain), network.choose(plain))
            let sqnrs = try [plain, mended, chosen].map { try network.outputSQNR(network.finish($0)) }
            #expect(sqnrs[2] >= sqnrs[0] && sqnrs[2] > sqnrs[1] - 0.11, "seed \(seed): \(sqnrs)")
        }
    }

    @Test func biasesThatMoveScoresAwayFromFloatAreLeft() throws {
        let network = try CalibratedNetwork(network(seed: 1), seed: 1, count: 8)
        let plain = try network.assemble()
        let off = network.channels.mapValues { seen in zip(seen.means, seen.maxima).map { $0 + $1 } }
        let chosen = try network.choose(plain, means: off)
        for (before, after) in zip(plain.operations, chosen.operations) {
            #expect(before.parameters == after.parameters, "\(before.name)")
        }
    }

    @Test func biasesBeforeTheFirstThatIsMendedStay() throws {
        let network = try CalibratedNetwork(network(seed: 2), seed: 2, count: 8)
        let plain = try network.assemble()
        let last = plain.operations.count - 1
        let mended = try network.mend(plain, from: last)
        for index in 0..<last { #expect(plain.operations[index].parameters == mended.operations[index].parameters) }
        #expect(plain.operations[last].parameters != mended.operations[last].parameters)
        #expect(try network.meanError(network.finish(mended)) < network.meanError(network.finish(plain)))
    }
}

extension CalibratedNetwork {
    private var description: ModelDescription {
        ModelDescription(
            architecture: "test", classNames: [],
            preprocessing: Preprocessing(resize: .stretch, colorOrder: .rgb, mean: [], deviation: []))
    }

    private func correction(_ means: [ValueID: [Float]]? = nil) -> EmpiricalBiasCorrection {
        EmpiricalBiasCorrection(means: means ?? channels.mapValues(\.means), batches: batches, threads: 2)
    }

    fileprivate func assemble() throws -> AssembledNetwork {
        try Converter.assemble(
            graph, calibration: Calibration(ranges: ranges, channels: channels),
            leastSplitChannels: Converter.leastSplitChannels)
    }

    fileprivate func finish(_ assembled: AssembledNetwork) throws -> ConvertedModel {
        try Converter.finish(assembled, description: description, arrangement: Arrangement())
    }

    /// With biases that are corrected on the calibration pictures, from an operation on.
    fileprivate func mend(_ assembled: AssembledNetwork, from first: Int = 0) throws -> AssembledNetwork {
        var mended = assembled
        try correction().correct(
            &mended, from: first, file: Converter.writer(of: assembled, description: description))
        return mended
    }

    /// With those biases that the calibration pictures' scores gain by.
    fileprivate func choose(_ assembled: AssembledNetwork, means: [ValueID: [Float]]? = nil) throws -> AssembledNetwork
    {
        var chosen = assembled
        let judge = try Judge(PixelNetwork(graph: graph), on: batches.dataSet.subset(batches.indices), threads: 2)
        try BiasChoice(correction: correction(means), judge: judge)
            .mend(&chosen, file: Converter.writer(of: assembled, description: description))
        return chosen
    }
}
