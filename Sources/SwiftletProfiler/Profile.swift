/// Time and memory of a model, operator by operator, over many runs.
///
/// What it does not do: run inside the runtime; it watches a session from outside and costs nothing when absent.
import Foundation
import SwiftletFormat
import SwiftletHost
import SwiftletKernels
import Swiftlet

/// One operator's share.
public struct OperatorProfile: Sendable, Codable {
    public var name: String
    public var kind: String
    /// "112x112x32".
    public var outputShape: String
    public var medianMicroseconds: Double
    public var macs: Int
    /// Weights, biases, multipliers.
    public var parameterBytes: Int
    /// 10^9 multiply-accumulates a second; 0 for operators without any.
    public var gmacsPerSecond: Double
}

public struct Profile: Sendable, Codable {
    public var model: String
    public var architecture: String
    public var runs: Int
    public var arenaBytes: Int
    public var weightBytes: Int
    public var fileBytes: Int
    public var macs: Int
    public var minMs: Double
    public var medianMs: Double
    public var p90Ms: Double
    public var memory: MemoryReport
    public var operators: [OperatorProfile]

    /// Runs the model on its self-test picture.
    ///
    /// - Parameters:
    ///   - runs: counted ones; a tenth as many go before to warm up.
    ///   - seconds: no further run begins after this much time.
    public init(_ file: ModelFile, runs: Int, seconds: Double = 10) throws {
        let runner = try Runner(file)
        let reader = file.model.reader
        let pixels = selfTestPixels(
            seed: reader.header.selfTestSeed, count: file.model.inputRowBytes * file.model.inputHeight)
        for _ in 0..<max(1, runs / 10) { _ = try pixels.withUnsafeBytes { try runner.run($0) } }
        var whole: [Double] = []
        var watch = StepClock(operators: reader.operatorCount)
        let begin = DispatchTime.now().uptimeNanoseconds
        repeat {
            // Whole runs and watched runs take turns: the clock's own cost stays out of the total.
            let start = DispatchTime.now().uptimeNanoseconds
            _ = try pixels.withUnsafeBytes { try runner.run($0) }
            whole.append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6)
            watch.beginRun()
            _ = try pixels.withUnsafeBytes { try runner.run($0, observer: &watch) }
        } while whole.count < runs && Double(DispatchTime.now().uptimeNanoseconds - begin) < seconds * 1e9

        let sorted = whole.sorted()
        model = file.path
        architecture = file.architecture
        self.runs = whole.count
        arenaBytes = reader.arenaBytes
        weightBytes = Int(reader.header.weightBytes)
        fileBytes = file.byteCount
        macs = Int(reader.header.multiplyAccumulates)
        minMs = sorted[0]
        medianMs = sorted[sorted.count / 2]
        p90Ms = sorted[min(sorted.count - 1, sorted.count * 9 / 10)]
        memory = try MemoryReport(file)
        operators = (0..<reader.operatorCount).map { index in
            let record = reader.operation(index)
            let micros = watch.median(index)
            let macs = record.multiplyAccumulates
            return OperatorProfile(
                name: file.operationName(index), kind: record.kindName,
                outputShape: "\(record.outputHeight)x\(record.outputWidth)x\(record.outputChannels)",
                medianMicroseconds: micros, macs: macs, parameterBytes: Int(record.parameterBytes),
                gmacsPerSecond: micros > 0 ? Double(macs) / micros / 1e3 : 0)
        }
    }

    /// The profile for a person.
    public var text: String {
        func pad(_ string: String, _ width: Int) -> String {
            string + String(repeating: " ", count: max(0, width - string.count))
        }
        let width = max(operators.map(\.name.count).max() ?? 0, 8)
        var lines = [
            "\(architecture)",
            "",
            pad("operator", width) + "  " + pad("kind", 12) + pad("output", 14)
                + "        us      MACs  GMAC/s  parameters B",
        ]
        for row in operators {
            lines.append(
                pad(row.name, width) + "  " + pad(row.kind, 12) + pad(row.outputShape, 14)
                    + String(
                        format: "%10.1f  %8d  %6.2f  %12d", row.medianMicroseconds, row.macs, row.gmacsPerSecond,
                        row.parameterBytes))
        }
        let sum = operators.reduce(0) { $0 + $1.medianMicroseconds }
        lines.append(
            pad("total", width) + "  " + pad("", 26)
                + String(
                    format: "%10.1f  %8d  %6.2f  %12d", sum, macs, sum > 0 ? Double(macs) / sum / 1e3 : 0, weightBytes))
        lines.append("")
        lines.append(
            String(format: "latency: median %.3f ms, min %.3f, p90 %.3f (%d runs)", medianMs, minMs, p90Ms, runs))
        lines.append(memory.text)
        return lines.joined(separator: "\n")
    }
}

extension MemoryReport {
    /// The arena and what fills it at its peak.
    public var text: String {
        var lines = [
            "arena:   \(arenaBytes) B in \(segments) segment\(segments == 1 ? "" : "s"); layer by layer it would be "
                + "\(layerwiseBytes) B (\(String(format: "%.1f", Double(layerwiseBytes) / Double(max(arenaBytes, 1))))x)",
            "at its peak \(livePeakBytes) B are live:",
            String(format: "  %8d B  executor state", stateBytes),
        ]
        for ring in rings.filter(\.isLiveAtPeak).sorted(by: { ($0.byteCount, $1.offset) > ($1.byteCount, $0.offset) }) {
            lines.append(
                String(
                    format: "  %8d B  at %8d  %d of %d rows  %@", ring.byteCount, ring.offset, ring.rows, ring.height,
                    ring.name))
        }
        return lines.joined(separator: "\n")
    }
}

extension OperatorRecord {
    /// Multiply-accumulates of a convolution; 0 for other operators.
    public var multiplyAccumulates: Int {
        let outputs = Int(outputHeight) * Int(outputWidth) * Int(outputChannels)
        let taps = Int(kernelHeight) * Int(kernelWidth)
        switch OperatorKind(rawValue: kind) {
        case .convolution: return outputs * taps * Int(inputChannels) / Int(groups)
        case .depthwiseConvolution: return outputs * taps
        default: return 0
        }
    }

    /// The kind in words: "conv 3x3/2", "depthwise 3x3", "add".
    public var kindName: String {
        let window =
            " \(kernelHeight)x\(kernelWidth)" + (strideHeight > 1 || strideWidth > 1 ? "/\(strideHeight)" : "")
        switch OperatorKind(rawValue: kind) {
        case .convolution: return (groups > 1 ? "conv g\(groups)" : "conv") + window
        case .depthwiseConvolution: return "dw" + window
        case .maxPool: return "max" + window
        case .averagePool: return "avg" + window
        case .globalAveragePool: return "mean"
        case .add: return "add"
        case nil: return "?"
        }
    }
}

/// Adds up the time of each operator's steps in a run.
private struct StepClock: StepObserver {
    private var current: [UInt64]
    private var runs: [[UInt64]] = []
    private var start: UInt64 = 0

    init(operators: Int) { current = Array(repeating: 0, count: operators) }

    mutating func beginRun() {
        runs.append(current)
        current = Array(repeating: 0, count: current.count)
    }

    mutating func willStep(operation: Int) { start = DispatchTime.now().uptimeNanoseconds }

    mutating func didStep(operation: Int, row: Int?, output: OutputRow) {
        current[operation] += DispatchTime.now().uptimeNanoseconds - start
    }

    /// Microseconds of an operator in a run.
    func median(_ operation: Int) -> Double {
        let sorted = (runs.dropFirst() + [current]).map { $0[operation] }.sorted()
        return Double(sorted[sorted.count / 2]) / 1e3
    }
}
