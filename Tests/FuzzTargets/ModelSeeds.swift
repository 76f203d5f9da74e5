/// Models of a few kilobytes that together hold every operator, every kind of operand and several segments.
///
/// What it does not do: calibrate. Every value ranges from -4 to 4, which is as good for a reader as any range.
import SwiftletConverter
import SwiftletGraph
import SwiftletImporters
import SwiftletQuantizer
import TestSupport

enum ModelSeeds {
    @Sendable
    static func all() throws -> [[UInt8]] {
        // The operators that no float network has come from TensorFlow Lite's.
        try [everything(segments: 1), everything(segments: 2)]
            + TFLiteSeeds.tflite().map {
                try Converter.convert(TFLiteTranslator.translate(TFLiteFile.graph(parsing: $0, file: "seed"))).bytes
            }
            + (1...6).map { try convert(RandomGraph.make(seed: $0, layers: 4)) }
    }

    private static func everything(segments: Int) throws -> [UInt8] {
        var graph = Graph(name: "small", input: Shape(height: 9, width: 7, channels: 3))
        func convolution(_ name: String, _ input: ValueID, to outputs: Int, _ window: Window, groups: Int = 1)
            throws -> ValueID
        {
            let convolution = Convolution(outputChannels: outputs, window: window, groups: groups, hasBias: true)
            return try graph.append(.convolution(convolution), name: name, input: input)
        }
        let stem = try convolution("stem", graph.input, to: 8, .centred(3))
        let halves = try graph.append(.split([4, 4]), name: "split", inputs: [stem])
        let depthwise = try convolution("depthwise", halves[1], to: 4, .centred(3), groups: 4)
        let joined = try graph.append(.concat, name: "concat", inputs: [halves[0], depthwise])[0]
        let shuffled = try graph.append(.channelShuffle(groups: 2), name: "shuffle", input: joined)
        let grouped = try convolution("grouped", shuffled, to: 8, Window(kernel: .one), groups: 2)
        let sum = try graph.append(.add, name: "add", inputs: [stem, grouped])[0]
        let largest = try graph.append(.pool(.max, .centred(3, stride: 2)), name: "max", input: sum)
        let average = try graph.append(.pool(.average, .centred(3)), name: "average", input: largest)
        let mean = try graph.append(.globalAveragePool, name: "mean", input: average)
        graph.output = try graph.append(.linear(outputs: 4), name: "classifier", input: mean)
        var generator = SeededGenerator(seed: 5)
        graph.randomizeParameters(using: &generator)
        return try convert(graph, segments: segments)
    }

    private static func convert(_ network: Graph, segments: Int = 1) throws -> [UInt8] {
        let channels = network.inputShape.channels
        let preprocessing = Preprocessing(
            resize: .stretch, colorOrder: .rgb, mean: Array(repeating: 128, count: channels),
            deviation: Array(repeating: 64, count: channels))
        let graph = try network.preparedForQuantization(preprocessing)
        let values = try Converter.rangedValues(of: graph)
        return try Converter.convert(
            graph,
            calibration: Calibration(ranges: Dictionary(uniqueKeysWithValues: values.map { ($0, -4...4) })),
            architecture: "seed",
            classNames: ["one", "two"], preprocessing: preprocessing
        ) { planner in
            try segments == 1 ? planner.plan() : planner.plan(segments: [0, planner.problem.steps.count / 2])
        }.bytes
    }
}
