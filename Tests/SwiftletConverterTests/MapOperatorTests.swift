/// Products of maps, indices of pixels, interpolation and joins in int8: close to float, and the same bytes in every plan.
import SwiftletGraph
import SwiftletPlanner
import SwiftletTraining
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite struct MapOperatorTests {
    /// A convolution to 12 channels, what `body` makes of it, and a convolution behind that.
    private static func network(
        _ name: String, _ body: (inout Graph, ValueID) throws -> ValueID
    ) throws -> Graph {
        var graph = Graph(name: name, input: Shape(height: 10, width: 9, channels: 3))
        var value = try graph.append(
            .convolution(Convolution(outputChannels: 12, window: .centred(3), hasBias: true)), name: "stem", input: 0)
        value = try body(&graph, value)
        graph.output = try graph.append(
            .convolution(Convolution(outputChannels: 6, window: .centred(3), hasBias: true)), name: "head",
            input: value)
        GraphInitializer.initialize(&graph, seed: 41)
        return graph
    }

    /// Squeeze and excitation (Hu et al. 2018), or a gate of one channel for all.
    private static func gated(isSpatial: Bool) throws -> Graph {
        try network(isSpatial ? "spatial gate" : "gate") { graph, value in
            var gate = value
            if !isSpatial { gate = try graph.append(.globalAveragePool, name: "squeeze", input: gate) }
            gate = try graph.append(
                .convolution(
                    Convolution(outputChannels: isSpatial ? 1 : 12, window: Window(kernel: .one), hasBias: true)),
                name: "excite", input: gate)
            let sigmoid = Activation.hardSigmoid(slope: 1 / 6, offset: 0.5)
            gate = try graph.append(.activation(sigmoid), name: "gate", input: gate)
            return try graph.append(.binary(.multiply), name: "scale", inputs: [gate, value])[0]
        }
    }

    private static let index = PixelIndex(
        rows: [nil, nil, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 8], columns: [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, nil], fill: -3)
    private static let points = Interpolation(
        rows: (0..<20).map {
            let place = min(max(Float($0) / 2 - 0.25, 0), 9)
            return .init(low: Int(place), high: min(Int(place) + 1, 9), fraction: place - place.rounded(.down))
        }, columns: (0..<5).map { .init(low: 2 * $0, high: min(2 * $0 + 1, 8), fraction: $0 < 4 ? 0.5 : 0) })

    private static func every() throws -> [Graph] {
        try [
            gated(isSpatial: false), gated(isSpatial: true),
            network("pixels") { graph, value in
                try graph.append(.pixelIndex(index), name: "pixels", input: value)
            },
            network("interpolation") { graph, value in
                try graph.append(.interpolate(points), name: "resize", input: value)
            },
        ]
            + [JoinAxis.rows, .columns].map { axis in
                try network("join of \(axis)") { graph, value in
                    let branch = try graph.append(.activation(.sigmoid), name: "sigmoid", input: value)
                    return try graph.append(.join(axis), name: "join", inputs: [value, branch])[0]
                }
            }
            + [BinaryKind.multiply, .maximum, .minimum].map { kind in
                try network("\(kind)") { graph, value in
                    let branch = try graph.append(
                        .convolution(Convolution(outputChannels: 12, window: .centred(3), hasBias: true)),
                        name: "branch",
                        input: value)
                    let made = try graph.append(.binary(kind), name: "both", inputs: [value, branch])[0]
                    return try graph.append(.activation(.relu), name: "relu", input: made)
                }
            }
    }

    @Test func theyComeOutCloseToFloatInEveryPlan() throws {
        for graph in try Self.every() {
            let calibrated = try CalibratedNetwork(graph, seed: 41)
            let best = try calibrated.convert()
            let sqnr = try calibrated.outputSQNR(best)
            #expect(sqnr > 28, "\(graph.name): \(sqnr) dB")
            let expected = try calibrated.outputs(best)
            let layerwise = try calibrated.convert { try $0.layerwisePlan() }
            #expect(try calibrated.outputs(layerwise) == expected, "\(graph.name), layer by layer")
            let streamed = try calibrated.convert { try $0.plan(segments: [0]) }
            #expect(try calibrated.outputs(streamed) == expected, "\(graph.name), one stream")
            let equalized = try calibrated.outputSQNR(calibrated.convert(correctsBiases: true, equalizesChannels: true))
            #expect(equalized > 28, "\(graph.name): \(equalized) dB equalized")
        }
    }

    /// Local response normalization as importers make it: squares, sums over five channels, a power, a product. Twice the
    /// weight that AlexNet's has, and hundreds of times.
    @Test(arguments: [Float(0.2), 2, 20])
    func localResponsesAreCloseToFloat(_ scale: Float) throws {
        let channels = 16
        var graph = Graph(name: "lrn", input: Shape(height: 12, width: 12, channels: channels))
        let squares = try graph.append(
            .activation(.power(scale: 1, offset: 0, exponent: 2)), name: "squares", input: 0)
        let sums = try graph.append(
            .convolution(Convolution(outputChannels: channels, window: Window(kernel: .one))), name: "sums",
            input: squares)
        graph.parameters["sums.weight"] = Tensor(
            shape: [channels, channels, 1, 1],
            values: (0..<(channels * channels)).map { abs($0 / channels - $0 % channels) <= 2 ? 1 : 0 })
        let factors = try graph.append(
            .activation(.power(scale: scale / 5, offset: 1, exponent: -0.75)), name: "factors", input: sums)
        graph.output = try graph.append(.binary(.multiply), name: "lrn", inputs: [0, factors])[0]
        let calibrated = try CalibratedNetwork(graph, seed: 43)
        let sqnr = try calibrated.outputSQNR(calibrated.convert())
        #expect(sqnr > 35, "alpha \(scale): \(sqnr) dB")
    }

    @Test func aProductHasNoFormOf16Bits() throws {
        let calibrated = try CalibratedNetwork(Self.gated(isSpatial: false), seed: 41)
        #expect(
            throws: ConversionError.wrongInput(
                reason: "layer scale (multiply): it makes 8 bits; leave out --keep scale=int16")
        ) { try calibrated.convert(keeping: ["scale"]) }
        #expect(
            throws: ConversionError.wrongInput(
                reason: "layer scale (multiply): it reads 8 bits; do not keep the layer that it reads at int16")
        ) { try calibrated.convert(keeping: ["stem"]) }
    }

    /// A mean of the whole map stands between a map and the product with it: the map is kept.
    @Test(arguments: ["mobilenet-v3-small", "mobilenet-v3-large"])
    func mobileNetV3ComesOutCloseToFloat(_ name: String) throws {
        var network = try Architecture(parsing: "\(name):resolution=32,width=0.5,classes=7").makeGraph()
        var generator = SeededGenerator(seed: 23)
        network.randomizeParameters(using: &generator)
        let calibrated = try CalibratedNetwork(network, seed: 23, count: 1)
        let best = try calibrated.convert()
        let worst = try calibrated.layerErrors(best, areLocal: true).min { $0.rangeToNoise < $1.rangeToNoise }
        #expect((worst?.rangeToNoise ?? 0) > 30, "\(name): \(worst as Any)")
        #expect(best.plan.arenaBytes < best.plan.layerwiseBytes, "\(name)")
        let layerwise = try calibrated.convert { try $0.layerwisePlan() }
        #expect(try calibrated.outputs(layerwise) == calibrated.outputs(best), "\(name)")
    }
}
