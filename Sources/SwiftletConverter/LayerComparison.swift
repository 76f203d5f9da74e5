/// How far each operator's int8 output is from the float network's, on real pictures.
///
/// The int8 side is the model itself, run by the executor that users run, watched row by row.
/// What it does not do: tell an operator's own error from what it inherits.
import Foundation
import SwiftletGraph
import SwiftletHost
import SwiftletKernels
import SwiftletQuantizer
import Swiftlet
import SwiftletTraining

/// One operator's agreement with float.
public struct LayerReport: Sendable, Codable {
    public var name: String
    /// Signal to quantization noise ratio, decibels: 10 log10(sum of squares / sum of squared differences).
    public var sqnr: Double
    /// The real range that int8 covers.
    public var low: Float
    public var high: Float
    /// The fraction of outputs at either end of int8, the activation's own bounds not counted.
    public var saturation: Double
}

enum LayerComparison {
    static let pictures = 16

    /// - Returns: a row for each operator, in the file's order.
    static func measure(
        _ converted: ConvertedModel, graph: Graph, dataSet: any DataSet, options: ConversionOptions
    ) throws -> [LayerReport] {
        let runner = try Runner(ModelFile(contents: converted.bytes, path: "the converted model"))
        let executor = try FloatExecutor(graph: graph, batchSize: 1, threads: 1)
        let indices = Calibrator.sample(dataSet.count, options: options).prefix(pictures)
        var watcher = LayerWatcher(converted.operations)
        try PixelBatches(dataSet: dataSet, indices: Array(indices), batchSize: 1).forEach { floats, _ in
            watcher.reference.removeAll()
            _ = try executor.run(floats, count: 1) { value, values in watcher.reference[value] = Array(values) }
            let pixels = floats.map { UInt8($0) }
            _ = try pixels.withUnsafeBytes { try runner.run($0, observer: &watcher) }
        }
        return watcher.reports
    }
}

/// Compares rows as they are made.
private struct LayerWatcher: StepObserver {
    let operations: [ConvertedOperation]
    var reference: [ValueID: [Float]] = [:]
    private var signal: [Double]
    private var noise: [Double]
    private var saturated: [Int]
    private var count: [Int]

    init(_ operations: [ConvertedOperation]) {
        self.operations = operations
        signal = Array(repeating: 0, count: operations.count)
        noise = signal
        saturated = Array(repeating: 0, count: operations.count)
        count = saturated
    }

    mutating func willStep(operation: Int) {}

    mutating func didStep(operation index: Int, row: Int?, output: OutputRow) {
        let operation = operations[index]
        guard let row, let values = reference[operation.value] else { return }
        let channels = operation.channelOrder.count
        for x in 0..<output.width {
            for position in 0..<channels {
                let quantization = operation.quantization[position]
                let stored = output.load(x: x, channel: position)
                let real = Double(quantization.dequantize(stored))
                let float = Double(
                    values[(row * output.width + x) * operation.valueChannels + operation.channelOrder[position]])
                signal[index] += float * float
                noise[index] += (real - float) * (real - float)
                // At the zero point a ReLU clamps by design.
                if (stored == 127 || stored == -128) && stored != quantization.zeroPoint { saturated[index] += 1 }
            }
        }
        count[index] += output.width * channels
    }

    var reports: [LayerReport] {
        operations.indices.map { index in
            // The widest, where channels have scales of their own.
            let quantization = operations[index].quantization.max { $0.scale < $1.scale }!
            let ratio = noise[index] > 0 ? signal[index] / noise[index] : .infinity
            return LayerReport(
                name: operations[index].name, sqnr: min(10 * log10(max(ratio, 1e-12)), 120),
                low: quantization.dequantize(-128), high: quantization.dequantize(127),
                saturation: Double(saturated[index]) / Double(max(count[index], 1)))
        }
    }
}
