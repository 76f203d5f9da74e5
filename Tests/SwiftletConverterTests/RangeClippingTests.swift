/// Ranges that leave out what the scores do not miss, and only that.
import SwiftletGraph
import SwiftletQuantizer
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite struct RangeClippingTests {
    /// Three convolutions; a ReLU6 behind the second makes 6 of all that is large, and 0 of all that is far below zero.
    private func network(seed: UInt64, outliers: Bool) throws -> CalibratedNetwork {
        var graph = Graph(name: "outliers", input: Shape(height: 12, width: 12, channels: 3))
        var value = try graph.convolution("stem", graph.input, to: 16)
        value = try graph.convolution("reader", value, to: 16)
        value = try graph.append(.activation(.relu6), name: "relu6", input: value)
        graph.output = try graph.convolution("scores", value, to: 10)
        var generator = SeededGenerator(seed: seed)
        graph.randomizeParameters(using: &generator)
        // Means of their inputs, the second 25 times that: usual pixels end within 0...6, outliers at its ends.
        for (name, factor, bias) in [("stem", Float(1), Float(0)), ("reader", 25, 3)] {
            guard let node = graph.nodes.first(where: { $0.name == name }),
                let weight = graph.parameter("weight", of: node)
            else { continue }
            let width = weight.shape[1]
            let values = weight.values.indices.map { index in
                let row = index / width * width
                let sum = weight.values[row..<(row + width)].reduce(0) { $0 + abs($1) }
                return abs(weight.values[index]) / sum * factor
            }
            graph.setParameter("weight", of: node, to: Tensor(shape: weight.shape, values: values))
            graph.setParameter("bias", of: node, to: Tensor(shape: [16], repeating: bias))
        }
        return try CalibratedNetwork(graph, seed: seed, count: 8) { picture in
            // Normalization makes -0.17 to 0.17 of these, 2.25 of 255, and -2 of 0.
            for index in picture.indices { picture[index] = 110 + picture[index] % 21 }
            if outliers { for index in 0..<6 { picture[index] = index < 3 ? 255 : 0 } }
        }
    }

    private func calibration(_ network: CalibratedNetwork) -> Calibration {
        Calibration(ranges: network.ranges, channels: network.channels, equalizesChannels: true)
    }

    private func shares(_ network: CalibratedNetwork) throws -> [String: Float] {
        let batches = network.batches
        let shares = try RangeClipping(network.graph, calibration: calibration(network))
            .shares(on: batches.dataSet, indices: batches.indices, threads: 1)
        return Dictionary(uniqueKeysWithValues: shares.map { (network.graph.values[$0.key].name, $0.value) })
    }

    private func sqnr(_ network: CalibratedNetwork, _ calibration: Calibration) throws -> Double {
        try network.outputSQNR(
            Converter.convert(
                network.graph, calibration: calibration, architecture: "test", classNames: [],
                preprocessing: Preprocessing(resize: .stretch, colorOrder: .rgb, mean: [], deviation: [])))
    }

    @Test func anOutlierThatTheScoresDoNotMissIsLeftOut() throws {
        for seed in UInt64(1)...3 {
            let network = try network(seed: seed, outliers: true)
            let found = try shares(network)
            #expect((found["stem"] ?? 1) < 1, "seed \(seed): \(found)")
            var narrowed = calibration(network)
            narrowed.narrow([network.graph.nodes[0].outputs[0]: found["stem"] ?? 1])
            let (before, after) = (try sqnr(network, calibration(network)), try sqnr(network, narrowed))
            #expect(after > before + 2, "seed \(seed): \(before) dB, narrowed \(after) dB, \(found)")
        }
    }

    @Test func whatEveryPictureNeedsIsKept() throws {
        for seed in UInt64(1)...3 {
            let found = try shares(network(seed: seed, outliers: false))
            #expect(found.isEmpty, "seed \(seed): \(found)")
        }
    }

    @Test func whatTheNetworkShowsIsNeverNarrowed() throws {
        let network = try network(seed: 4, outliers: true)
        #expect(try shares(network)["scores"] == nil)
    }

    @Test func channelsAreNarrowedWithinTheirRange() {
        var calibration = Calibration(
            ranges: [7: -2...4],
            channels: [
                7: ChannelStatistics(means: [0, 1], minima: [-3, 0.5], maxima: [1, 8], powers: [1, 2])
            ])
        calibration.narrow([7: 0.5])
        #expect(calibration.ranges[7] == -1...2)
        #expect(calibration.channels[7]?.minima == [-1, 0])
        #expect(calibration.channels[7]?.maxima == [0.5, 2])
    }
}
