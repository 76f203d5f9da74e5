import Swiftlet
import SwiftletFormat
import SwiftletGraph
import SwiftletHost
import SwiftletPlanner
import SwiftletTraining
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletConverter

private let smallZoo = [
    "mobilenet-v1:width=0.25,resolution=32,classes=7", "mobilenet-v2:width=0.35,resolution=32,classes=7",
    "shufflenet-v1:width=0.25,groups=1,resolution=32,classes=7",
    "shufflenet-v1:width=0.25,groups=2,resolution=32,classes=7",
    "shufflenet-v1:width=0.25,groups=3,resolution=32,classes=7",
    "shufflenet-v1:width=0.5,groups=8,resolution=32,classes=7",
    "shufflenet-v2:width=0.5,resolution=32,classes=7",
    "condensenet:stages=3-3-3,growth=8-8-16,resolution=32,classes=7",
    "lenet5:classes=7", "mobilenet-v2:width=0.35,resolution=96,classes=7",
]

@Suite struct ConverterTests {
    /// A slot, an order or a shuffle gone wrong would leave no resemblance at all.
    @Test(arguments: smallZoo)
    func everyZooNetworkComesOutCloseToFloat(_ spec: String) throws {
        var network = try Architecture(parsing: spec).makeGraph()
        GraphInitializer.initialize(&network, seed: 11)
        network.condenseEvenly()
        let calibrated = try CalibratedNetwork(network, seed: 11)
        let model = try calibrated.convert()
        let sqnr = try calibrated.outputSQNR(model)
        #expect(sqnr > 15, "\(spec): \(sqnr) dB")
        #expect(model.plan.arenaBytes < model.plan.layerwiseBytes, "\(spec)")
    }

    /// Statistics of batch norms, biases and masks differ from channel to channel here: two channels exchanged would show.
    @Test(arguments: smallZoo)
    func everyLayerOfAZooNetworkWithRandomNormsIsCloseToFloat(_ spec: String) throws {
        var network = try Architecture(parsing: spec).makeGraph()
        var generator = SeededGenerator(seed: 23)
        network.randomizeParameters(using: &generator)
        let calibrated = try CalibratedNetwork(network, seed: 23, count: 1)
        for (plan, model) in [
            ("best", try calibrated.convert()), ("layer by layer", try calibrated.convert { try $0.layerwisePlan() }),
        ] {
            let worst = try calibrated.layerErrors(model, areLocal: false).min { $0.signalToNoise < $1.signalToNoise }
            #expect((worst?.signalToNoise ?? 0) > 20, "\(spec), \(plan): \(worst as Any)")
        }
    }

    /// Random networks with residuals, concats, splits, shuffles, pools, strides, dilations and groups: rings, segments and
    /// slots change nothing.
    @Test func everyPlanGivesTheSameBytes() throws {
        let seed: UInt64 = 4_100
        for round in 0..<200 {
            var generator = SeededGenerator(seed: seed + UInt64(round))
            let network = RandomGraph.make(seed: seed + UInt64(round), layers: 3 + round % 10)
            let calibrated = try CalibratedNetwork(network, seed: seed, count: 2)
            let best = try calibrated.convert()
            let expected = try calibrated.outputs(best)
            let layerwise = try calibrated.convert { try $0.layerwisePlan() }
            #expect(try calibrated.outputs(layerwise) == expected, "seed \(seed) round \(round), layer by layer")
            let random = try calibrated.convert { planner in
                let cuts = planner.problem.steps.indices.dropFirst().filter { _ in Bool.random(using: &generator) }
                return try planner.plan(segments: [0] + cuts)
            }
            #expect(try calibrated.outputs(random) == expected, "seed \(seed) round \(round), \(random.plan.segments)")
            let streamed = try calibrated.convert { try $0.plan(segments: [0]) }
            #expect(try calibrated.outputs(streamed) == expected, "seed \(seed) round \(round), one stream")
        }
    }

    @Test func randomNetworksComeOutCloseToFloat() throws {
        let seed: UInt64 = 9_300
        var smallest = Double.infinity
        for round in 0..<400 {
            let network = RandomGraph.make(seed: seed + UInt64(round), layers: 2 + round % 6)
            let calibrated = try CalibratedNetwork(network, seed: seed, count: 2)
            let worst = try calibrated.layerErrors(calibrated.convert(), areLocal: true)
                .min { $0.rangeToNoise < $1.rangeToNoise }
            smallest = min(smallest, worst?.rangeToNoise ?? 0)
            #expect((worst?.rangeToNoise ?? 0) > 30, "seed \(seed) round \(round): \(worst as Any)")
        }
        print("random networks: \(smallest) dB in the worst layer")
    }

    @Test func exactlyTheArenaOfTheFileWorksAndAByteLessIsRefused() throws {
        var network = try Architecture(parsing: "shufflenet-v2:width=0.5,resolution=32,classes=4").makeGraph()
        GraphInitializer.initialize(&network, seed: 2)
        let calibrated = try CalibratedNetwork(network, seed: 2, count: 1)
        let file = try ModelFile(contents: calibrated.convert().bytes, path: "test")
        let needed = file.model.arenaBytes
        let runner = try Runner(file, arenaBytes: needed)
        _ = try calibrated.pictures[0].withUnsafeBytes { try runner.run($0) }
        #expect(runner.arena.guardsAreIntact)
        #expect(throws: SessionError.arenaTooSmall(needed: needed, given: needed - 1)) {
            try Runner(file, arenaBytes: needed - 1)
        }
        #expect(
            "\(SessionError.arenaTooSmall(needed: 100, given: 60))"
                == "arena too small: needs 100 B, given 60 B (short 40 B)")
    }

    @Test func theSelfTestInTheFileIsWhatTheModelGives() throws {
        let model = try ConversionPipeline.convertRandom(Architecture(parsing: "lenet5"), seed: 3)
        let runner = try Runner(ModelFile(contents: model.bytes, path: "test"))
        let header = runner.file.model.reader.header
        let pixels = selfTestPixels(seed: header.selfTestSeed, count: 28 * 28)
        let output = try pixels.withUnsafeBytes { try runner.run($0) }
        #expect(output.withUnsafeBytes { Checksum.of($0) } == header.selfTestChecksum)
    }

    /// ShuffleNetV2's untouched half stays where it is: its stage lies in one buffer as wide as the map.
    @Test func aShuffledTrunkIsTransformedInPlace() throws {
        let model = try ConversionPipeline.convertRandom(
            Architecture(parsing: "shufflenet-v2:width=0.5,resolution=32"), seed: 3)
        let file = try ModelFile(contents: model.bytes, path: "test")
        let reader = file.model.reader
        let widest = (0..<reader.bufferCount).filter { reader.buffer($0).width == 16 }
            .map { Int(reader.buffer($0).pixelBytes) }.max()
        #expect(widest == 48)  // Stage 2 of width 0.5 has 48 channels.
    }

    /// As tables of 256 entries, whatever the scales before and behind them.
    @Test(arguments: [Activation.leakyReLU(slope: 0.1), .sigmoid, .tanh, .swish, .elu(alpha: 1), .hardSwish])
    func activationsThatNoClampStandsForAreCloseToFloat(_ activation: Activation) throws {
        var graph = Graph(name: "t", input: Shape(height: 8, width: 8, channels: 3))
        var value = graph.input
        for (index, channels) in [12, 12, 7].enumerated() {
            value = try graph.append(
                .convolution(Convolution(outputChannels: channels, window: .centred(3), hasBias: true)),
                name: "conv\(index)", input: value)
            value = try graph.append(.activation(activation), name: "act\(index)", input: value)
        }
        graph.output = value
        GraphInitializer.initialize(&graph, seed: 31)
        let calibrated = try CalibratedNetwork(graph, seed: 31)
        let sqnr = try calibrated.outputSQNR(calibrated.convert())
        #expect(sqnr > 28, "\(activation): \(sqnr) dB")
    }

    /// Channels with ranges of their own, where only convolutions read them.
    @Test(arguments: [
        "mobilenet-v1:width=0.25,resolution=32,classes=7", "mobilenet-v2:width=0.35,resolution=32,classes=7",
    ])
    func equalizedChannelsAreCloserToFloat(_ spec: String) throws {
        var network = try Architecture(parsing: spec).makeGraph()
        var generator = SeededGenerator(seed: 29)
        network.randomizeParameters(using: &generator)
        let calibrated = try CalibratedNetwork(network, seed: 29)
        let shared = try calibrated.outputSQNR(calibrated.convert())
        let equalized = try calibrated.outputSQNR(calibrated.convert(equalizesChannels: true))
        #expect(equalized > shared + 1, "\(spec): \(shared) dB shared, \(equalized) dB equalized")
    }

    /// Calibration meets few classes, and others must not be clipped at what it has seen of them.
    @Test func classesWhoseScoresAreMeansShareAScale() throws {
        var network = try Architecture(parsing: "squeezenet:resolution=64,classes=7").makeGraph()
        var generator = SeededGenerator(seed: 31)
        network.randomizeParameters(using: &generator)
        let model = try CalibratedNetwork(network, seed: 31).convert(equalizesChannels: true)
        func scales(_ name: String) -> Set<Float> {
            Set(model.operations.filter { $0.name == name }.flatMap { $0.quantization.map(\.scale) })
        }
        #expect(scales("classifier.1").count == 1)
        #expect(scales("features.12.squeeze").count > 1)
    }

    @Test func planningIsDeterministic() throws {
        let architecture = try Architecture(parsing: "mobilenet-v2:width=0.35,resolution=32,classes=10")
        let first = try ConversionPipeline.convertRandom(architecture, seed: 1)
        let second = try ConversionPipeline.convertRandom(architecture, seed: 1)
        #expect(first.bytes == second.bytes)
    }
}
