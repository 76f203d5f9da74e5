/// Ranges that leave outliers out, where that brings the scores nearer to float's.
///
/// What an outlier is worth its own layer cannot say. In the last blocks of MobileNetV2 the corners of maps, which see padding
/// most, hold numbers ten times as large as all others, and a ReLU6 two layers on makes the same of them if they are clamped: a
/// range that holds them costs eight decibels of the scores, and one that is right by the squared error of its own values costs as
/// much. So each range is judged by the scores: everything in float, but for one family of values, which is rounded as int8 would
/// round it; then with its range narrower and narrower as long as the scores gain by it.
///
/// A family is what additions tie together, as in `ChannelScales`. What it does not do: narrow what the network
/// shows; round the weights, whose errors are `ChannelScales`' and the roundings' to weigh.
import SwiftletGraph
import SwiftletQuantizer
import SwiftletTraining

struct RangeClipping {
    /// Of the calibration set, from its shuffled front.
    static let pictures = 16
    /// What is left of a range, one step after the other.
    static let shares: [Float] = [0.7, 0.5, 0.35, 0.25]
    /// A family whose errors are a smaller share of all is not worth a search.
    private static let leastError = 0.02
    /// A narrower range must leave less than this of the family's error.
    private static let gain = 0.8

    /// What the choice of shares follows from, but for the network and its pictures.
    struct Key: Hashable, Sendable {
        var ranges: RangeMethod
        var hasChannelScales: Bool
    }

    private let graph: Graph
    private let families: [[ValueID]]
    /// How each value is rounded, channel by channel, in the value's order.
    private let quantizations: [ValueID: [AffineQuantization]]

    /// - Parameter calibration: in which nothing has 16 bits.
    init(_ graph: Graph, calibration: Calibration) throws {
        self.graph = graph
        let network = try Lowering.lower(graph)
        let own =
            calibration.equalizesChannels
            ? ChannelScales.choose(
                network, ranges: calibration.ranges, statistics: calibration.channels,
                weights: calibration.weightScales) : [:]
        var quantizations: [ValueID: [AffineQuantization]] = [:]
        for (index, operation) in network.operations.enumerated() {
            guard let range = calibration.ranges[operation.value] else { continue }
            let channels = operation.outputShape.channels
            let shared = AffineQuantization(range)
            var ordered = Array(repeating: shared, count: graph.shape(of: operation.value).channels)
            for channel in 0..<channels { ordered[operation.valueChannel(channel)] = own[index]?[channel] ?? shared }
            quantizations[operation.value] = ordered
        }
        self.quantizations = quantizations
        let shown = Set(network.outputs.flatMap(\.channels).map(\.producer))
        families = network.additionFamilies.filter { members in
            members.allSatisfy { index in
                !shown.contains(network.inputs.count + index)
                    && calibration.ranges[network.operations[index].value] != nil
            }
        }.map { $0.map { network.operations[$0].value } }
    }

    /// - Returns: of each value that is better off with less than its range, which share of it.
    /// - Throws: what the data set throws.
    func shares(on dataSet: any DataSet, indices: [Int], threads: Int) throws -> [ValueID: Float] {
        let batchSize = FloatExecutor.batchSize(for: graph, limit: max(indices.count, 1))
        let executor = try FloatExecutor(graph: graph, batchSize: batchSize, threads: threads)
        var chosen: [ValueID: Float] = [:]
        try PixelBatches(dataSet: dataSet, indices: Array(indices.prefix(batchSize)), batchSize: batchSize).forEach {
            pixels, batch in
            let float = try executor.run(pixels, count: batch.count)
            func error(_ family: [ValueID], share: Float) throws -> Double {
                let grids = family.reduce(into: [ValueID: Grid]()) { grids, value in
                    grids[value] = quantizations[value].map { Grid($0, share: share) }
                }
                let scores = try executor.runLayers(pixels, count: batch.count) { value, numbers in
                    grids[value]?.round(numbers)
                }
                return zip(float, scores).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
            }
            let whole = try families.map { try error($0, share: 1) }
            let limit = whole.reduce(0, +) * Self.leastError
            for (family, whole) in zip(families, whole) where whole > limit {
                var best = (error: whole, share: Float(1))
                for share in Self.shares {
                    let error = try error(family, share: share)
                    guard error < best.error else { break }
                    best = (error, share)
                }
                guard best.error < whole * Self.gain else { continue }
                for value in family { chosen[value] = best.share }
            }
        }
        return chosen
    }
}

/// The numbers that int8 has for each channel of a value, in steps that are a share of what they were.
private struct Grid {
    private let steps: [Float]
    private let lows: [Float]
    private let highs: [Float]

    init(_ channels: [AffineQuantization], share: Float) {
        steps = channels.map { $0.scale * share }
        lows = channels.map { Float(-128 - Int($0.zeroPoint)) }
        highs = channels.map { Float(127 - Int($0.zeroPoint)) }
    }

    /// - Parameter numbers: pixel by pixel.
    func round(_ numbers: UnsafeMutableBufferPointer<Float>) {
        for first in stride(from: 0, to: numbers.count, by: steps.count) {
            for channel in steps.indices {
                let rounded = (numbers[first + channel] / steps[channel]).rounded()
                numbers[first + channel] = max(lows[channel], min(highs[channel], rounded)) * steps[channel]
            }
        }
    }
}

extension ChannelStatistics {
    /// What each channel covers of a value's range; 0 is always in it.
    fileprivate func bounds(within range: ClosedRange<Float>) -> [ClosedRange<Float>] {
        zip(minima, maxima).map { least, most in
            min(0, max(least, range.lowerBound))...max(0, min(most, range.upperBound))
        }
    }
}

extension Calibration {
    /// Narrows the ranges of values and of their channels to shares of what they are.
    mutating func narrow(_ shares: [ValueID: Float]) {
        for (value, share) in shares {
            guard let range = ranges[value] else { continue }
            ranges[value] = range.lowerBound * share...range.upperBound * share
            guard let seen = channels[value] else { continue }
            let bounds = seen.bounds(within: range)
            channels[value]?.minima = bounds.map { $0.lowerBound * share }
            channels[value]?.maxima = bounds.map { $0.upperBound * share }
        }
    }
}
