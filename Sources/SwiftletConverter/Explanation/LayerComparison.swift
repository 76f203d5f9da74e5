/// How far each operator's int8 output is from the float network's on real pictures: what it adds, and what it inherits.
///
/// The int8 side is the model itself, run by the executor that users run, watched row by row. Float runs twice: as the
/// network, and layer by layer on the very inputs that int8 had, so that
///
///     int8 - float  =  (int8 - float on int8's inputs)  +  (float on int8's inputs - float)
///      total                      own                              inherited
///
/// A small error of an early layer may grow on its way, so what is its own is also put into the float network, alone, to see
/// what becomes of it in the scores.
/// What it does not do: find reasons; `LayerExplanation` does.
import Foundation
import SwiftletGraph
import SwiftletHost
import SwiftletKernels
import SwiftletQuantizer
import Swiftlet
import SwiftletTraining

/// One operator's agreement with float. Ratios of signal to noise are in decibels, 10 log10(sum of squares of float / sum of
/// squared differences), and at most 120.
public struct LayerReport: Sendable, Codable {
    public var name: String
    /// Of all that is between it and the float network.
    public var sqnr: Double
    /// Of what it adds itself.
    public var own: Double
    /// Of what the layers before it have left.
    public var inherited: Double
    /// Of the scores, when what it adds is all that differs from float; nil where nobody asked.
    public var scores: Double?
    /// The real range that its bits cover.
    public var low: Float
    public var high: Float
    /// The fraction of outputs at either end of that range, the activation's own bounds not counted.
    public var saturation: Double
    /// What most of its own error comes from; nil where it adds none.
    public var explanation: LayerExplanation?
}

enum LayerComparison {
    static let pictures = 16
    /// Of those, whose errors are followed to the scores: that takes a run of the network a layer.
    static let followedPictures = 4

    /// - Returns: a row for each operator, in the file's order.
    static func measure(
        _ converted: ConvertedModel, graph: Graph, dataSet: any DataSet, options: ConversionOptions
    ) throws -> [LayerReport] {
        let indices = Calibrator.sample(dataSet.count, options: options).prefix(pictures)
        let errors = try measure(
            converted, graph: graph,
            pictures: PixelBatches(dataSet: dataSet, indices: Array(indices), batchSize: 1),
            followed: options.explains ? followedPictures : 0)
        let weights = try FeltWeights(graph)
        return zip(converted.operations, errors).map { operation, errors in
            errors.report(operation, weights: weights, options: options)
        }
    }

    /// The errors of each operator over `pictures`, one at a time, and on the first `followed` of them what they do to the scores.
    static func measure(
        _ converted: ConvertedModel, graph: Graph, pictures: PixelBatches, followed: Int = 0
    ) throws -> [LayerErrors] {
        let runner = try Runner(ModelFile(contents: converted.bytes, path: "the converted model"))
        let executor = try FloatExecutor(graph: graph, batchSize: 1, threads: 1)
        let nodes = Set(graph.nodes.map(\.name))
        let network = try Lowering.lower(graph)
        let kept = Set(network.operations.map(\.name).filter { (try? network.keepingWide([$0])) != nil })
        var errors = converted.operations.map { operation in
            // A share of a node has a number behind its name.
            let whole = operation.name.split(separator: ".").dropLast().joined(separator: ".")
            let layer = nodes.contains(operation.name) ? operation.name : whole
            return LayerErrors(operation, layer: layer, canBeKept: kept.contains(layer))
        }
        let made = Set(converted.operations.map(\.value))
        var left = followed
        try pictures.forEach { floats, _ in
            var reference: [ValueID: [Float]] = [:]
            let scores = try executor.run(floats, count: 1) { value, values in
                if made.contains(value) { reference[value] = Array(values) }
            }
            var recorder = MapRecorder(converted.operations)
            _ = try floats.map { UInt8($0) }.withUnsafeBytes { try runner.run($0, observer: &recorder) }
            var local: [ValueID: [Float]] = [:]
            try executor.runLayers(floats, count: 1) { value, values in
                guard let map = recorder.maps[value], map.count == values.count else { return }
                local[value] = Array(values)
                for index in map.indices { values[index] = map[index] }
            }
            for index in errors.indices {
                let value = converted.operations[index].value
                guard let reference = reference[value], let local = local[value], let map = recorder.maps[value]
                else { continue }
                errors[index].add(reference: reference, local: local, int8: map)
                errors[index].saturated += recorder.saturated[index]
                guard left > 0 else { continue }
                let changed = try executor.runLayers(floats, count: 1) { made, values in
                    if made == value { errors[index].addOwn(from: local, to: map, in: values) }
                }
                errors[index].scores.add(scores, changed)
            }
            left -= 1
        }
        return errors
    }
}

/// Keeps every map of one run as real numbers, channels in the graph's order.
struct MapRecorder: StepObserver {
    let operations: [ConvertedOperation]
    private(set) var maps: [ValueID: [Float]] = [:]
    /// Of each operator, how many outputs lie at either end of its range, other than where a ReLU clamps by design.
    private(set) var saturated: [Int]

    init(_ operations: [ConvertedOperation]) {
        self.operations = operations
        saturated = Array(repeating: 0, count: operations.count)
    }

    mutating func willStep(operation: Int) {}

    mutating func didStep(operation index: Int, row: Int?, output: OutputRow) {
        guard let row else { return }
        let operation = operations[index]
        let rowCount = output.width * operation.valueChannels
        // Several operators may make a value, each some of its channels.
        var map = maps.removeValue(forKey: operation.value) ?? []
        map += Array(repeating: 0, count: max(0, (row + 1) * rowCount - map.count))
        for (position, channel) in operation.channelOrder.enumerated() {
            let (ends, zeroPoint) = (operation.ends, Int(operation.quantization[position].zeroPoint))
            for x in 0..<output.width {
                let stored = operation.stored(output, x: x, position: position)
                map[row * rowCount + x * operation.valueChannels + channel] = operation.real(stored, position: position)
                if (stored == ends.lowerBound || stored == ends.upperBound) && stored != zeroPoint {
                    saturated[index] += 1
                }
            }
        }
        maps[operation.value] = map
    }
}
