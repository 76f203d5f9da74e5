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

enum Calibrator {
    static let batchSize = 32

    /// What calibration has learnt.
    struct Outcome {
        var ranges: [ValueID: ClosedRange<Float>]
        /// Of each channel.
        var means: [ValueID: [Float]]
    }

    /// The ranges of `values`, and the means of the channels of `averaged`, over the pictures of `dataSet`.
    ///
    /// - Throws: what the data set throws; `CalibrationError` for NaN or infinity.
    static func observe(
        _ values: [ValueID], averaged: [ValueID], in graph: Graph, dataSet: any DataSet, options: ConversionOptions
    ) throws -> Outcome {
        let executor = try FloatExecutor(graph: graph, batchSize: batchSize, threads: options.threads)
        var statistics = Dictionary(
            uniqueKeysWithValues: values.map { ($0, ValueStatistics(name: graph.values[$0].name)) })
        var sums = Dictionary(
            averaged.map { ($0, [Double](repeating: 0, count: graph.values[$0].shape.channels)) },
            uniquingKeysWith: { first, _ in first })
        var counts: [ValueID: Int] = [:]
        let indices = sample(dataSet.count, options: options)
        try PixelBatches(dataSet: dataSet, indices: indices, batchSize: batchSize).forEach { pixels, batch in
            _ = try executor.run(pixels, count: batch.count) { value, floats in
                statistics[value]?.add(floats)
                guard var sum = sums.removeValue(forKey: value) else { return }
                for pixel in stride(from: 0, to: floats.count, by: sum.count) {
                    for channel in sum.indices { sum[channel] += Double(floats[pixel + channel]) }
                }
                counts[value, default: 0] += floats.count / sum.count
                sums[value] = sum
            }
        }
        var ranges: [ValueID: ClosedRange<Float>] = [:]
        for (value, statistics) in statistics { ranges[value] = try statistics.range(options.rangeMethod) }
        let means = sums.reduce(into: [ValueID: [Float]]()) { means, entry in
            guard let count = counts[entry.key] else { return }
            means[entry.key] = entry.value.map { Float($0 / Double(count)) }
        }
        return Outcome(ranges: ranges, means: means)
    }

    /// Indices of the pictures that calibration looks at: the front of a seeded shuffle.
    static func sample(_ count: Int, options: ConversionOptions) -> [Int] {
        var generator = SeededGenerator(seed: options.seed)
        return Array((0..<count).shuffled(using: &generator).prefix(options.calibrationCount))
    }
}
