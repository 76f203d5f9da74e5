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
            + [
                convert(
                    .everyOperator(), keeping: ["stem", "depthwise", "add", "mean", "classifier"],
                    arrangement: Arrangement())
            ]
            + TFLiteSeeds.int8().map {
                try Converter.convert(TFLiteTranslator.translate(TFLiteFile.graph(parsing: $0, file: "seed"))).bytes
            }
            + (1...6).map { try convert(RandomGraph.make(seed: $0, layers: 4)) }
            + (1...2).map { try convertInLittle(SeparableNetwork.make(seed: $0, blocks: 1)) }
    }

    /// In the smallest arena that is found: with bands, blocks and shares of channels.
    private static func convertInLittle(_ network: Graph) throws -> [UInt8] {
        do {
            return try convert(network, arrangement: Arrangement(maxArena: 1))
        } catch ConversionError.arenaTooSmall(_, let smallest) {
            return try convert(network, arrangement: Arrangement(maxArena: smallest))
        }
    }

    private static func everything(segments: Int) throws -> [UInt8] {
        try convert(.everyOperator(), segments: segments)
    }

    private static func convert(_ network: Graph, segments: Int = 1) throws -> [UInt8] {
        try convert(
            network,
            arrangement: .planned { planner in
                try segments == 1 ? planner.plan() : planner.plan(segments: [0, planner.problem.steps.count / 2])
            })
    }

    private static func convert(
        _ network: Graph, keeping wideLayers: [String] = [], arrangement: Arrangement
    ) throws -> [UInt8] {
        let channels = network.inputShape.channels
        let preprocessing = Preprocessing(
            resize: .stretch, colorOrder: .rgb, mean: Array(repeating: 128, count: channels),
            deviation: Array(repeating: 64, count: channels))
        let graph = try network.preparedForQuantization(preprocessing)
        let values = try Converter.rangedValues(of: graph)
        return try Converter.convert(
            graph,
            calibration: Calibration(
                ranges: Dictionary(uniqueKeysWithValues: values.map { ($0, -4...4) }), wideLayers: wideLayers),
            architecture: "seed",
            classNames: ["one", "two"], preprocessing: preprocessing,
            arrangement: arrangement
        ).bytes
    }
}
