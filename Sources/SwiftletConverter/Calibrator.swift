/// Runs a prepared graph in float on real pictures and notes what each value does, and the means of its channels.
///
/// What it does not do: choose ranges; `ValueStatistics.range` does.
import SwiftletGraph
import SwiftletQuantizer
import SwiftletTraining

/// Pictures of a data set, a batch at a time, as the prepared graph takes them: pixels of 0 to 255.
struct PixelBatches {
    let dataSet: any DataSet
    let indices: [Int]
    let batchSize: Int

    /// Calls `body` with each batch: NHWC floats and the pictures' indices.
    func forEach(_ body: (UnsafeBufferPointer<Float>, ArraySlice<Int>) throws -> Void) throws {
        let count = dataSet.format.shape.elementCount
        var floats = [Float](repeating: 0, count: batchSize * count)
        var bytes = [UInt8](repeating: 0, count: count)
        var first = 0
        while first < indices.count {
            let batch = indices[first..<min(first + batchSize, indices.count)]
            for (position, index) in batch.enumerated() {
                try bytes.withUnsafeMutableBufferPointer { try dataSet.readPixels(at: index, into: $0) }
                for element in 0..<count { floats[position * count + element] = Float(bytes[element]) }
            }
            try floats.withUnsafeBufferPointer {
                try body(UnsafeBufferPointer(rebasing: $0[0..<(batch.count * count)]), batch)
            }
            first += batch.count
        }
    }
}

/// What calibration has learnt of a graph's values.
public struct Calibration {
    public var ranges: [ValueID: ClosedRange<Float>]
    /// With these biases give back what rounding takes from means; empty where that is not wanted.
    public var channels: [ValueID: ChannelStatistics]
    /// With these weights are rounded so that their errors cancel.
    var covariances: [ValueID: ConvolutionCovariances] = [:]
    var roundingMethod = RoundingMethod.nearest
    var weightScales = WeightScales.perChannel
    var memo: RoundingMemo?
    var threads = 1
    /// Whether channels have scales of their own where that costs nothing; needs `channels`.
    public var equalizesChannels: Bool
    /// Layers whose outputs have 16 bits, by name.
    public var wideLayers: [String]

    public init(
        ranges: [ValueID: ClosedRange<Float>], channels: [ValueID: ChannelStatistics] = [:],
        equalizesChannels: Bool = false, wideLayers: [String] = []
    ) {
        self.ranges = ranges
        self.channels = channels
        self.equalizesChannels = equalizesChannels
        self.wideLayers = wideLayers
    }
}

/// What float does on the calibration pictures: all that any choice of options may ask.
struct Observations {
    var statistics: [ValueID: ValueStatistics]
    var channels: [ValueID: ChannelStatistics]
    var covariances: [ValueID: ConvolutionCovariances]
    /// The means of channels over the first of the pictures, `EmpiricalBiasCorrection.pictures` of them: what int8 is then compared
    /// with.
    var firstMeans: [ValueID: [Float]]
    /// What was rounded by these before.
    let memo = RoundingMemo()
    /// By how much ranges were narrowed before.
    let shares = Memo<RangeClipping.Key, [ValueID: Float]>()

    /// - Throws: `CalibrationError` for NaN or infinity.
    func ranges(in graph: Graph, options: ConversionOptions) throws -> [ValueID: ClosedRange<Float>] {
        // Steps of 16 bits are fine enough to hold all that was seen.
        let wide = try Converter.values(of: options.wideLayers, in: graph)
        var ranges: [ValueID: ClosedRange<Float>] = [:]
        for (value, statistics) in statistics {
            ranges[value] = try statistics.range(wide.contains(value) ? .minMax : options.rangeMethod)
        }
        return ranges
    }

    /// - Throws: `CalibrationError` for NaN or infinity.
    func calibration(of graph: Graph, options: ConversionOptions) throws -> Calibration {
        var calibration = Calibration(
            ranges: try ranges(in: graph, options: options), channels: channels,
            equalizesChannels: options.equalizesChannels, wideLayers: options.wideLayers)
        calibration.covariances = options.roundingMethod == .nearest ? [:] : covariances
        calibration.roundingMethod = options.roundingMethod
        calibration.weightScales = options.weightScales
        (calibration.memo, calibration.threads) = (memo, options.threads)
        return calibration
    }
}

enum Calibrator {
    /// Pictures that go through the float network together.
    static func batchSize(for graph: Graph) -> Int { FloatExecutor.batchSize(for: graph, limit: 32) }

    /// What `values` are, what the channels of `averaged` are, and how the inputs of the `convolutions` go together, over the pictures
    /// of `dataSet`.
    ///
    /// - Parameter convolutions: for each convolution's node, the value that its operation is known by.
    /// - Throws: what the data set throws.
    static func observe(
        _ values: [ValueID], averaged: [ValueID] = [], convolutions: [String: ValueID] = [:], in graph: Graph,
        dataSet: any DataSet, options: ConversionOptions
    ) throws -> Observations {
        let batchSize = batchSize(for: graph)
        let executor = try FloatExecutor(graph: graph, batchSize: batchSize, threads: options.threads)
        var statistics = Dictionary(
            uniqueKeysWithValues: values.map { ($0, ValueStatistics(name: graph.values[$0].name)) })
        var channels = Dictionary(
            averaged.map { ($0, ChannelSums(count: graph.values[$0].shape.channels)) },
            uniquingKeysWith: { first, _ in first })
        var inputs = InputCovariances(graph, outputs: convolutions)
        var firstMeans: [ValueID: [Float]] = [:]
        let indices = sample(dataSet.count, options: options)
        try PixelBatches(dataSet: dataSet, indices: indices, batchSize: batchSize).forEach { pixels, batch in
            _ = try executor.run(pixels, count: batch.count) { value, floats in
                statistics[value]?.add(floats)
                channels[value]?.add(floats)
                inputs.add(value, floats)
            }
            if batch.startIndex < EmpiricalBiasCorrection.pictures {
                firstMeans = channels.compactMapValues { $0.statistics?.means }
            }
        }
        return Observations(
            statistics: statistics, channels: channels.compactMapValues(\.statistics), covariances: inputs.covariances,
            firstMeans: firstMeans)
    }

    /// Indices of the pictures that calibration looks at: the front of a seeded shuffle.
    static func sample(_ count: Int, options: ConversionOptions) -> [Int] {
        var generator = SeededGenerator(seed: options.seed)
        return Array((0..<count).shuffled(using: &generator).prefix(options.calibrationCount))
    }
}

/// Adds up what is kept of each channel.
private struct ChannelSums {
    private var sums: [Double]
    private var squares: [Double]
    private var minima: [Float]
    private var maxima: [Float]
    private var pixels = 0

    init(count: Int) {
        sums = Array(repeating: 0, count: count)
        squares = sums
        minima = Array(repeating: .greatestFiniteMagnitude, count: count)
        maxima = Array(repeating: -.greatestFiniteMagnitude, count: count)
    }

    mutating func add(_ floats: UnsafeBufferPointer<Float>) {
        for pixel in stride(from: 0, to: floats.count, by: sums.count) {
            for channel in sums.indices {
                let value = floats[pixel + channel]
                sums[channel] += Double(value)
                squares[channel] += Double(value) * Double(value)
                minima[channel] = min(minima[channel], value)
                maxima[channel] = max(maxima[channel], value)
            }
        }
        pixels += floats.count / sums.count
    }

    /// Nil when nothing has been seen.
    var statistics: ChannelStatistics? {
        guard pixels > 0 else { return nil }
        return ChannelStatistics(
            means: sums.map { Float($0 / Double(pixels)) }, minima: minima, maxima: maxima,
            powers: squares.map { Float($0 / Double(pixels)) })
    }
}
