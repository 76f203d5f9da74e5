/// Runs a prepared graph in float on real pictures and notes what each value does.
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

    /// The ranges of `values`, by `method`, over the pictures of `dataSet`.
    ///
    /// - Throws: what the data set throws; `CalibrationError` for NaN or infinity.
    static func ranges(
        of values: [ValueID], in graph: Graph, dataSet: any DataSet, options: ConversionOptions
    ) throws -> [ValueID: ClosedRange<Float>] {
        let executor = try FloatExecutor(graph: graph, batchSize: batchSize, threads: options.threads)
        var statistics = Dictionary(
            uniqueKeysWithValues: values.map { ($0, ValueStatistics(name: graph.values[$0].name)) })
        let indices = sample(dataSet.count, options: options)
        try PixelBatches(dataSet: dataSet, indices: indices, batchSize: batchSize).forEach { pixels, batch in
            _ = try executor.run(pixels, count: batch.count) { value, floats in statistics[value]?.add(floats) }
        }
        var ranges: [ValueID: ClosedRange<Float>] = [:]
        for (value, statistics) in statistics { ranges[value] = try statistics.range(options.rangeMethod) }
        return ranges
    }

    /// Indices of the pictures that calibration looks at: the front of a seeded shuffle.
    static func sample(_ count: Int, options: ConversionOptions) -> [Int] {
        var generator = SeededGenerator(seed: options.seed)
        return Array((0..<count).shuffled(using: &generator).prefix(options.calibrationCount))
    }
}
