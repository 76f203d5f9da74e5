/// Layers whose outputs are kept at 16 bits: what it is worth, what it changes, what cannot be kept.
import Swiftlet
import SwiftletFormat
import SwiftletGraph
import SwiftletHost
import SwiftletTraining
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite struct WideLayerTests {
    /// All that can be kept.
    private func names(of network: CalibratedNetwork) throws -> [String] {
        let lowered = try Lowering.lower(network.graph)
        return lowered.operations.map(\.name).filter { name in
            guard let operation = lowered.operations.first(where: { $0.name == name }) else { return false }
            switch operation.kind {
            case .convolution, .depthwise, .add, .mean: return true
            default: return false
            }
        }
    }

    @Test func aKeptLayerRoundsNoMoreThanItsWeightsDo() throws {
        let network = try CalibratedNetwork(.everyOperator(), seed: 8)
        let kept = ["stem", "depthwise", "add", "mean", "classifier"]
        for equalizes in [false, true] {
            let narrow = try LayerComparison.measure(
                network.convert(equalizesChannels: equalizes), graph: network.graph, pictures: network.batches)
            let wide = try LayerComparison.measure(
                network.convert(equalizesChannels: equalizes, keeping: kept), graph: network.graph,
                pictures: network.batches)
            for (before, after) in zip(narrow, wide) where kept.contains(before.operation.name) {
                let name = before.operation.name
                #expect(after.operation.isWide && !before.operation.isWide)
                let gain = decibels(signal: before.sum(\.rounding), noise: after.sum(\.rounding))
                #expect(gain > 38, "\(name), channels equalized \(equalizes): \(gain) dB")
                #expect(after.sum(\.own) <= 1.1 * before.sum(\.own), "\(name), channels equalized \(equalizes)")
            }
        }
    }

    /// Random networks with residuals, concats, splits, shuffles, pools, strides, dilations and groups.
    @Test func randomNetworksWithKeptLayersComeOutCloseToFloatInEveryPlan() throws {
        let seed: UInt64 = 16_000
        var kept = 0
        for round in 0..<150 {
            var generator = SeededGenerator(seed: seed + UInt64(round))
            let network = RandomGraph.make(seed: seed + UInt64(round), layers: 2 + round % 7)
            let calibrated = try CalibratedNetwork(network, seed: seed, count: 2)
            let all = try names(of: calibrated)
            let chosen = round % 2 == 0 ? all : all.filter { _ in Bool.random(using: &generator) }
            // Maps of 8 and of 16 bits side by side are refused.
            guard let model = try? calibrated.convert(equalizesChannels: round % 3 == 0, keeping: chosen) else {
                continue
            }
            kept += chosen.count
            let worst = try calibrated.layerErrors(model, areLocal: true).min { $0.rangeToNoise < $1.rangeToNoise }
            #expect((worst?.rangeToNoise ?? 0) > 30, "seed \(seed) round \(round), \(chosen): \(worst as Any)")
            let whole = try calibrated.convert(equalizesChannels: round % 3 == 0, keeping: chosen) {
                try $0.layerwisePlan()
            }
            let expected = try calibrated.outputs(whole)
            #expect(try calibrated.outputs(model) == expected, "seed \(seed) round \(round), \(chosen)")
        }
        #expect(kept > 150, "\(kept)")
    }

    @Test func onlyAModelWithMapsOf16BitsIsOfTheNewestVersion() throws {
        let network = try CalibratedNetwork(.everyOperator(), seed: 5)
        func version(_ bytes: [UInt8]) throws -> UInt16 {
            try ModelFile(contents: bytes, path: "test").model.reader.header.version
        }
        #expect(try version(network.convert().bytes) == HeaderRecord.version)
        #expect(try version(network.convert(keeping: ["classifier"]).bytes) == HeaderRecord.wideVersion)
    }

    /// Bands, and what of blocks is left, with maps of 16 bits among them.
    @Test func recomputationGivesTheSameBytes() throws {
        var graph = Graph(name: "blocks", input: Shape(height: 20, width: 20, channels: 3))
        var value = try graph.convolution("stem", graph.input, to: 6, .centred(3))
        for block in 0..<2 {
            value = try graph.convolution("expand\(block)", value, to: 24, Window(kernel: .one))
            value = try graph.convolution("depthwise\(block)", value, to: 24, .centred(3, stride: 2), groups: 24)
            value = try graph.convolution("project\(block)", value, to: 8, Window(kernel: .one))
        }
        let mean = try graph.append(.globalAveragePool, name: "mean", input: value)
        graph.output = try graph.append(.linear(outputs: 4), name: "classifier", input: mean)
        var generator = SeededGenerator(seed: 6)
        graph.randomizeParameters(using: &generator)
        let network = try CalibratedNetwork(graph, seed: 6)
        for kept in [["stem"], ["depthwise0"], ["project1", "mean"], ["stem", "expand1", "classifier"]] {
            let plain = try network.convert(keeping: kept)
            let limit = plain.plan.arenaBytes * 4 / 5
            let small = try network.convert(keeping: kept, arrangement: Arrangement(maxArena: limit))
            #expect(small.macsFactor > 1, "\(kept)")
            #expect(try network.outputs(small) == network.outputs(plain), "\(kept)")
        }
    }

    @Test func whatCannotBeKeptIsRefusedInALine() throws {
        let network = try CalibratedNetwork(.everyOperator(), seed: 5)
        func message(_ names: [String]) -> String {
            do {
                _ = try network.convert(keeping: names)
                return "converted"
            } catch { return "\(error)" }
        }
        #expect(
            message(["stm"])
                == "no layer of the network is named 'stm'; it has stem, depthwise, grouped, add, max, average, mean, classifier"
        )
        #expect(
            message(["max"])
                == "layer max (max pool): it makes 16 bits only of a map that has them; keep the layer that it reads instead"
        )
        #expect(
            message(["stem"])
                == "layer grouped (convolution): it reads maps of 8 and of 16 bits side by side; keep depthwise at int16, too"
        )
        var graph = Graph(name: "table", input: Shape(height: 4, width: 4, channels: 3))
        let convolution = Convolution(outputChannels: 4, window: Window(kernel: .one), groups: 1, hasBias: true)
        let value = try graph.append(.convolution(convolution), name: "stem", input: graph.input)
        graph.output = try graph.append(.activation(.swish), name: "swish", input: value)
        var generator = SeededGenerator(seed: 6)
        graph.randomizeParameters(using: &generator)
        let other = try CalibratedNetwork(graph, seed: 6)
        for (name, reason) in [
            ("swish", "a table has 8 bits; leave out --keep swish=int16"),
            ("stem", "a table reads 8 bits; do not keep the layer that it reads at int16"),
        ] {
            #expect {
                _ = try other.convert(keeping: [name])
            } throws: {
                "\($0)" == "layer swish (swish): \(reason)"
            }
        }
    }
}
