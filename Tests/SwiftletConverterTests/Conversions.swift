/// Networks made ready for conversion, and models run on pictures: what the converter's tests share.
import Foundation
import Swiftlet
import SwiftletFormat
import SwiftletGraph
import SwiftletHost
import SwiftletKernels
import SwiftletPlanner
import SwiftletQuantizer
import SwiftletTraining
import TestSupport

@testable import SwiftletConverter

/// A float network with the ranges that its values take on some pictures.
struct CalibratedNetwork {
    let graph: Graph
    let ranges: [ValueID: ClosedRange<Float>]
    let channels: [ValueID: ChannelStatistics]
    let pictures: [[UInt8]]

    /// Prepares `network` and calibrates it on `count` pictures of noise.
    ///
    /// - Parameter retouch: changes the pixels of each picture before anyone sees them.
    init(_ network: Graph, seed: UInt64, count: Int = 4, retouch: (inout [UInt8]) -> Void = { _ in }) throws {
        let channels = network.inputShape.channels
        graph = try network.preparedForQuantization(
            Preprocessing(
                resize: .stretch, colorOrder: .rgb, mean: Array(repeating: 120, count: channels),
                deviation: Array(repeating: 60, count: channels)))
        var generator = SeededGenerator(seed: seed)
        let elements = graph.inputShape.elementCount
        pictures = (0..<count).map { _ in
            var picture = (0..<elements).map { _ in UInt8.random(in: 0...255, using: &generator) }
            retouch(&picture)
            return picture
        }
        let executor = try FloatExecutor(graph: graph, batchSize: 1, threads: 1)
        var statistics: [ValueID: ValueStatistics] = [:]
        var seen: [ValueID: ChannelStatistics] = [:]
        let values = graph.values
        for picture in pictures {
            let floats = picture.map { Float($0) }
            _ = try floats.withUnsafeBufferPointer { buffer in
                try executor.run(buffer, count: 1) { value, numbers in
                    statistics[value, default: ValueStatistics(name: "\(value)")].add(numbers)
                    let channels = values[value].shape.channels
                    let share = Float(channels) / Float(numbers.count * count)
                    let zeros = [Float](repeating: 0, count: channels)
                    var sums =
                        seen[value] ?? ChannelStatistics(means: zeros, minima: zeros, maxima: zeros, powers: zeros)
                    for (index, number) in numbers.enumerated() {
                        let channel = index % channels
                        sums.means[channel] += number * share
                        sums.powers[channel] += number * number * share
                        sums.minima[channel] = min(sums.minima[channel], number)
                        sums.maxima[channel] = max(sums.maxima[channel], number)
                    }
                    seen[value] = sums
                }
            }
        }
        var ranges: [ValueID: ClosedRange<Float>] = [:]
        for value in try Converter.rangedValues(of: graph) { ranges[value] = try statistics[value]?.range(.minMax) }
        self.ranges = ranges
        self.channels = seen
    }

    func convert(
        correctsBiases: Bool = false, equalizesChannels: Bool = false,
        leastSplitChannels: Int = Converter.leastSplitChannels, keeping wideLayers: [String] = [],
        _ plan: @escaping (Planner) throws -> Plan = { try $0.plan() }
    ) throws -> ConvertedModel {
        try convert(
            correctsBiases: correctsBiases, equalizesChannels: equalizesChannels,
            leastSplitChannels: leastSplitChannels, keeping: wideLayers, arrangement: .planned(by: plan))
    }

    func convert(
        correctsBiases: Bool = false, equalizesChannels: Bool = false,
        leastSplitChannels: Int = Converter.leastSplitChannels, keeping wideLayers: [String] = [],
        arrangement: Arrangement
    ) throws -> ConvertedModel {
        try Converter.convert(
            graph,
            calibration: Calibration(
                ranges: ranges, channels: correctsBiases || equalizesChannels ? channels : [:],
                equalizesChannels: equalizesChannels, wideLayers: wideLayers),
            architecture: "test", classNames: [],
            preprocessing: Preprocessing(resize: .stretch, colorOrder: .rgb, mean: [], deviation: []),
            leastSplitChannels: leastSplitChannels, arrangement: arrangement)
    }

    /// How far the means of the int8 output's channels are from float's, over all pictures: the root of the mean square.
    func meanError(_ model: ConvertedModel) throws -> Double {
        let runner = try Runner(ModelFile(contents: model.bytes, path: "test"))
        let channels = graph.values[graph.output].shape.channels
        var errors = [Double](repeating: 0, count: channels)
        for picture in pictures {
            let expected = ReferenceInterpreter.run(graph, input: picture.map { Float($0) })
            let found = runner.dequantize(try picture.withUnsafeBytes { try runner.run($0) })
            for (index, (a, b)) in zip(expected, found).enumerated() {
                errors[index % channels] += Double(b - a) * Double(channels) / Double(expected.count * pictures.count)
            }
        }
        return (errors.reduce(0) { $0 + $1 * $1 } / Double(channels)).squareRoot()
    }

    /// Signal to noise of the int8 output against float over all pictures, in decibels.
    func outputSQNR(_ model: ConvertedModel) throws -> Double {
        let runner = try Runner(ModelFile(contents: model.bytes, path: "test"))
        var signal = 0.0
        var noise = 1e-30
        for picture in pictures {
            let expected = ReferenceInterpreter.run(graph, input: picture.map { Float($0) })
            let found = runner.dequantize(try picture.withUnsafeBytes { try runner.run($0) })
            for (a, b) in zip(expected, found) {
                signal += Double(a) * Double(a)
                noise += Double(a - b) * Double(a - b)
            }
        }
        return 10 * log10(signal / noise)
    }

    /// How close an operator's output is to float.
    struct LayerError {
        var name: String
        /// Signal to noise, in decibels.
        var signalToNoise: Double
        /// The calibrated range to noise, in decibels: what counts where a picture stays far inside of the range.
        var rangeToNoise: Double
    }

    /// The error of every operator's output on the first picture; rows are taken as they are made, and every channel by the
    /// order and the scale that the converter says.
    ///
    /// - Parameter areLocal: compares each operator with float arithmetic on the int8 inputs that it had, so that errors do
    ///   not add up; otherwise with the float network.
    func layerErrors(_ model: ConvertedModel, areLocal: Bool) throws -> [LayerError] {
        let runner = try Runner(ModelFile(contents: model.bytes, path: "test"))
        var recorder = MapRecorder(model.operations)
        _ = try pictures[0].withUnsafeBytes { try runner.run($0, observer: &recorder) }
        let found = recorder.maps
        var expected: [ValueID: FeatureMap] = [:]
        _ = ReferenceInterpreter.runAll(graph, input: pictures[0].map { Float($0) }) { value, map in
            expected[value] = map
            guard areLocal, let values = found[value], values.count == map.values.count else { return map }
            return FeatureMap(map.shape, values: values)
        }
        return try model.operations.map { operation in
            guard let map = expected[operation.value], let values = found[operation.value],
                values.count == map.values.count
            else { throw MissingRows(operation: operation.name) }
            // What lies beyond the calibrated range saturates, as it should.
            let (low, high) = operation.quantization.indices.reduce(into: (Float(0), Float(0))) { reach, position in
                reach.0 = min(reach.0, operation.real(operation.ends.lowerBound, position: position))
                reach.1 = max(reach.1, operation.real(operation.ends.upperBound, position: position))
            }
            let real = areLocal ? map.values.map { max(low, min(high, $0)) } : map.values
            let signal = real.reduce(1e-30) { $0 + Double($1) * Double($1) }
            let noise = zip(real, values).reduce(1e-30) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
            // A layer that was dead in calibration has next to no range.
            let range = max(Double(high - low), 1e-4)
            return LayerError(
                name: operation.name, signalToNoise: 10 * log10(signal / noise),
                rangeToNoise: 10 * log10(range * range * Double(values.count) / noise))
        }
    }

    /// Sums of squares over all pictures, of what each operator of the file makes.
    struct LayerDifferences {
        var signal = 0.0
        var total = 0.0
        var own = 0.0
        var inherited = 0.0
    }

    /// What is between int8 and float, what each operator adds to it, and what it inherits, by plain loops.
    func layerDifferences(_ model: ConvertedModel) throws -> [LayerDifferences] {
        let runner = try Runner(ModelFile(contents: model.bytes, path: "test"))
        var sums = model.operations.map { _ in LayerDifferences() }
        for picture in pictures {
            var recorder = MapRecorder(model.operations)
            _ = try picture.withUnsafeBytes { try runner.run($0, observer: &recorder) }
            let pixels = picture.map { Float($0) }
            let float = ReferenceInterpreter.runAll(graph, input: pixels)
            var local: [ValueID: FeatureMap] = [:]
            _ = ReferenceInterpreter.runAll(graph, input: pixels) { value, map in
                local[value] = map
                return recorder.maps[value].map { FeatureMap(map.shape, values: $0) } ?? map
            }
            for (index, operation) in model.operations.enumerated() {
                let (a, b) = (float[operation.value]!.values, local[operation.value]!.values)
                let c = recorder.maps[operation.value]!
                for pixel in stride(from: 0, to: a.count, by: operation.valueChannels) {
                    for element in operation.channelOrder.map({ pixel + $0 }) {
                        sums[index].signal += Double(a[element]) * Double(a[element])
                        sums[index].total += pow(Double(c[element] - a[element]), 2)
                        sums[index].own += pow(Double(c[element] - b[element]), 2)
                        sums[index].inherited += pow(Double(b[element] - a[element]), 2)
                    }
                }
            }
        }
        return sums
    }

    /// The int8 outputs of all pictures.
    func outputs(_ model: ConvertedModel) throws -> [[Int8]] {
        let runner = try Runner(ModelFile(contents: model.bytes, path: "test"))
        let values = try pictures.map { picture in try picture.withUnsafeBytes { try runner.run($0) } }
        guard runner.arena.guardsAreIntact else { throw GuardsBroken() }
        return values
    }
}

struct GuardsBroken: Error {}

struct MissingRows: Error { var operation: String }

/// Pictures that are there.
struct GivenPictures: DataSet {
    let name = "given"
    let format: InputFormat
    let classNames: [String] = []
    let pictures: [[UInt8]]
    var count: Int { pictures.count }

    func label(at index: Int) -> Int { 0 }

    func readPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        _ = pixels.initialize(from: pictures[index])
    }
}

extension CalibratedNetwork {
    /// The calibration pictures, one at a time.
    var batches: PixelBatches {
        let format = InputFormat(
            shape: graph.inputShape,
            preprocessing: Preprocessing(resize: .stretch, colorOrder: .rgb, mean: [], deviation: []))
        return PixelBatches(
            dataSet: GivenPictures(format: format, pictures: pictures), indices: Array(pictures.indices), batchSize: 1)
    }
}

/// A network that takes pixels as they are.
struct PixelNetwork: TrainedNetwork {
    let graph: Graph
    var classNames: [String] { (0..<graph.outputShape.elementCount).map { "class \($0)" } }
    var preprocessing: Preprocessing {
        let channels = graph.inputShape.channels
        return Preprocessing(
            resize: .stretch, colorOrder: .rgb, mean: Array(repeating: 0, count: channels),
            deviation: Array(repeating: 1, count: channels))
    }
    var architectureText: String { graph.name }
    var trainingData: String? { nil }
}
