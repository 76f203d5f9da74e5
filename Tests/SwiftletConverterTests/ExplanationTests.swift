/// Whose error is whose, and what it comes from: networks in which one thing has been made bad on purpose.
import Foundation
import SwiftletGraph
import SwiftletQuantizer
import SwiftletTraining
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite struct ExplanationTests {
    /// A convolution to 16 channels and one that reads them, both 1x1, with a ReLU between.
    private func network(size: Int, seed: UInt64, change: (inout Tensor, inout Tensor) -> Void) throws -> Graph {
        var graph = Graph(name: "planted", input: Shape(height: size, width: size, channels: 3))
        let stem = try graph.convolution("stem", graph.input, to: 16)
        graph.output = try graph.convolution(
            "reader", try graph.append(.activation(.relu), name: "relu", input: stem), to: 8)
        var generator = SeededGenerator(seed: seed)
        graph.randomizeParameters(using: &generator)
        let nodes = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.name, $0) })
        var weights = (graph.parameter("weight", of: nodes["stem"]!)!, graph.parameter("weight", of: nodes["reader"]!)!)
        change(&weights.0, &weights.1)
        graph.setParameter("weight", of: nodes["stem"]!, to: weights.0)
        graph.setParameter("weight", of: nodes["reader"]!, to: weights.1)
        return graph
    }

    /// What is said of the first convolution.
    private func explanation(
        of network: CalibratedNetwork, options: ConversionOptions = ConversionOptions(),
        ranges: [ValueID: ClosedRange<Float>]? = nil
    ) throws -> LayerExplanation {
        let model = try Converter.convert(
            network.graph,
            calibration: Calibration(ranges: ranges ?? network.ranges), architecture: "test", classNames: [],
            preprocessing: Preprocessing(resize: .stretch, colorOrder: .rgb, mean: [], deviation: []))
        var options = options
        options.equalizesChannels = false
        let layers = try LayerComparison.measure(
            model, graph: network.graph, dataSet: network.batches.dataSet, options: options)
        return try #require(layers.first { $0.name == "stem" }?.explanation)
    }

    /// Scales the weights that make channels 0 ..< `count` of the first convolution, and those that read them the other way.
    private static func shrink(_ count: Int, by factor: Float, _ stem: inout Tensor, _ reader: inout Tensor) {
        for channel in 0..<count {
            for input in 0..<3 { stem.values[channel * 3 + input] *= factor }
            for output in 0..<8 { reader.values[output * 16 + channel] /= factor }
        }
    }

    @Test func aRangeThatAFewOutputsStretchIsNamed() throws {
        let network = try CalibratedNetwork(
            network(size: 48, seed: 3) { stem, _ in
                // Weights that int8 holds exactly.
                for index in stem.values.indices { stem.values[index] = stem.values[index] < 0 ? -0.3 : 0.3 }
            }, seed: 3,
            retouch: { picture in
                for index in picture.indices { picture[index] = 118 + picture[index] % 5 }
                for index in 0..<3 { picture[index] = 255 }
            })
        let explanation = try explanation(of: network)
        #expect(explanation.reason == .rangeOutlier, "\(explanation)")
        #expect(explanation.remedies.contains("--ranges mse"), "\(explanation)")
    }

    @Test func channelsThatUseLittleOfTheirRangeAreNamed() throws {
        let network = try CalibratedNetwork(
            network(size: 12, seed: 4) { Self.shrink(10, by: 0.05, &$0, &$1) }, seed: 4)
        let explanation = try explanation(of: network)
        #expect(explanation.reason == .channelSpread, "\(explanation)")
    }

    @Test func channelsThatBecomeOneNumberAreNamed() throws {
        let network = try CalibratedNetwork(
            network(size: 12, seed: 5) { Self.shrink(3, by: 1e-4, &$0, &$1) }, seed: 5)
        let explanation = try explanation(of: network)
        #expect(explanation.reason == .deadChannel, "\(explanation)")
        #expect(explanation.evidence.contains("of 16 channels are one number"), "\(explanation)")
    }

    @Test func aRangeThatIsTooSmallIsNamed() throws {
        let network = try CalibratedNetwork(network(size: 12, seed: 6) { _, _ in }, seed: 6)
        let halved = network.ranges.mapValues { $0.lowerBound / 2...$0.upperBound / 2 }
        let explanation = try explanation(of: network, ranges: halved)
        #expect(explanation.reason == .saturation, "\(explanation)")
        #expect(explanation.remedies.contains("--ranges min-max"), "\(explanation)")
    }

    /// A large weight meets a channel that never changes: it says nothing, but makes the steps of the others coarse. Pixels are
    /// far from zero, so what rounding does to weights is mostly a shift.
    @Test func weightsWhoseRoundingShiftsMeansAreNamed() throws {
        let network = try CalibratedNetwork(
            network(size: 12, seed: 7) { stem, _ in for output in 0..<16 { stem.values[output * 3 + 2] *= 40 } },
            seed: 7,
            retouch: { picture in
                for index in picture.indices { picture[index] = index % 3 == 2 ? 120 : 180 + picture[index] % 40 }
            })
        let explanation = try explanation(of: network)
        #expect(explanation.reason == .shiftedMeans, "\(explanation)")
        #expect(explanation.remedies == ["--empirical-biases"], "\(explanation)")
    }

    /// Against plain loops over whole maps in float, with int8's own maps as the layers' inputs.
    @Test(arguments: [UInt64(1), 2, 3])
    func ownAndInheritedErrorsAreWhatWholeMapsSay(seed: UInt64) throws {
        let network = try CalibratedNetwork(.everyOperator(), seed: seed)
        let model = try network.convert(equalizesChannels: true)
        let found = try LayerComparison.measure(model, graph: network.graph, pictures: network.batches)
        for (index, expected) in try network.layerDifferences(model).enumerated() {
            let errors = found[index]
            for (part, value) in [
                (\LayerErrors.Channel.total, expected.total), (\.own, expected.own), (\.inherited, expected.inherited),
            ] {
                let sum = errors.sum(part)
                #expect(
                    abs(sum - value) <= 1e-3 * value + 1e-5 * expected.signal,
                    "seed \(seed), \(errors.operation.name), \(part): \(sum) instead of \(value)")
            }
        }
        #expect(found[0].sum(\.inherited) < 1e-6 * found[0].sum(\.signal), "the first layer has nothing to inherit")
    }
}
