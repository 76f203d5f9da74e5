/// Time and memory of a model, operator by operator, over many runs.
///
/// What it does not do: run inside the runtime; it watches a session from outside and costs nothing when absent.
import Foundation
import Swiftlet
import SwiftletFormat
import SwiftletHost
import SwiftletKernels

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
    /// Of all rows that it makes in a run.
    public var outputBytes: Int
    /// 10^9 multiply-accumulates a second; 0 for operators without any.
    public var gmacsPerSecond: Double
}

/// Why a model cannot be profiled.
public enum ProfileError: Error, Equatable, CustomStringConvertible {
    /// This machine computes other bytes than the one that converted the model.
    case selfTestFailed(path: String, found: UInt32, promised: UInt32)

    public var description: String {
        switch self {
        case .selfTestFailed(let path, let found, let promised):
            "\(path): the self-test fails: its output has checksum 0x\(String(found, radix: 16)), the file promises "
                + "0x\(String(promised, radix: 16)); convert it again with this build"
        }
    }
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
    /// - Throws: `ProfileError.selfTestFailed`, `PlanError`.
    public init(_ file: ModelFile, runs: Int, seconds: Double = 10) throws {
        let runner = try Runner(file)
        let reader = file.model.reader
        let pixels = selfTestPixels(seed: reader.header.selfTestSeed, count: runner.inputBytes)
        let begin = Self.now
        var isWarm = 0
        repeat {
            let output = try pixels.withUnsafeBytes { try runner.run($0) }
            let checksum = output.withUnsafeBytes { Checksum.of($0) }
            guard checksum == reader.header.selfTestChecksum else {
                throw ProfileError.selfTestFailed(
                    path: file.path, found: checksum, promised: reader.header.selfTestChecksum)
            }
            isWarm += 1
        } while isWarm < runs / 10 && Self.now - begin < seconds / 10

        var whole: [Double] = []
        var clock = StepClock(operators: reader.operatorCount)
        repeat {
            // Whole runs and watched runs take turns: the clock's own cost stays out of the total.
            let start = Self.now
            _ = try pixels.withUnsafeBytes { try runner.run($0) }
            whole.append((Self.now - start) * 1e3)
            _ = try pixels.withUnsafeBytes { try runner.run($0, observer: &clock) }
            clock.endRun()
        } while whole.count < runs && Self.now - begin < seconds

        whole.sort()
        model = file.path
        architecture = file.architecture
        self.runs = whole.count
        arenaBytes = reader.arenaBytes
        weightBytes = Int(reader.header.weightBytes)
        fileBytes = file.byteCount
        macs = Int(clamping: reader.header.multiplyAccumulates)
        minMs = whole[0]
        medianMs = whole[whole.count / 2]
        p90Ms = whole[min(whole.count - 1, whole.count * 9 / 10)]
        memory = try MemoryReport(file)
        operators = (0..<reader.operatorCount).map { index in
            let record = reader.operation(index)
            let micros = clock.medianMicroseconds(index)
            let macs = file.multiplyAccumulates(index)
            return OperatorProfile(
                name: file.operationName(index), kind: record.kindName,
                outputShape: "\(record.outputHeight)x\(record.outputWidth)x\(record.outputChannels)",
                medianMicroseconds: micros, macs: macs, parameterBytes: Int(record.parameterBytes),
                outputBytes: Int(record.outputHeight) * Int(record.outputWidth) * Int(record.outputChannels),
                gmacsPerSecond: micros > 0 ? Double(macs) / micros / 1e3 : 0)
        }
    }

    /// Seconds of a clock that is never set back.
    private static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

    /// The profile for a person.
    public var text: String {
        let sum = operators.reduce(0) { $0 + $1.medianMicroseconds }
        func row(_ name: String, _ kind: String, _ shape: String, _ micros: Double, _ sizes: [Int]) -> [String] {
            [
                name, kind, shape, String(format: "%.1f", micros),
                String(format: "%.1f", sum > 0 ? micros / sum * 100 : 0), "\(sizes[0])",
                String(format: "%.2f", micros > 0 ? Double(sizes[0]) / micros / 1e3 : 0), "\(sizes[1])", "\(sizes[2])",
            ]
        }
        var rows = operators.map {
            row($0.name, $0.kind, $0.outputShape, $0.medianMicroseconds, [$0.macs, $0.parameterBytes, $0.outputBytes])
        }
        rows.append(
            row("total", "", "", sum, [macs, weightBytes, operators.reduce(0) { $0 + $1.outputBytes }]))
        var lines = ["\(model): \(architecture)", ""]
        lines += table(
            ["operator", "kind", "output", "us", "%", "MACs", "GMAC/s", "parameters B", "output B"], rows)
        lines += [
            "",
            String(format: "latency  median %.3f ms, min %.3f, p90 %.3f (%d runs)", medianMs, minMs, p90Ms, runs),
            "file     \(fileBytes) B, of which parameters \(weightBytes)",
            memory.text,
        ]
        return lines.joined(separator: "\n")
    }
}

extension MemoryReport {
    /// The arena and what fills it at its peak.
    public var text: String {
        let ratio = String(format: "%.1f", Double(layerwiseBytes) / Double(max(arenaBytes, 1)))
        let rows = rings.filter { $0.peakBytes > 0 }
            .sorted { ($0.peakBytes, $1.offset) > ($1.peakBytes, $0.offset) }
            .map { ["\($0.peakBytes)", "\($0.offset)", "\($0.rows) of \($0.height)", $0.name] }
        let factor = String(format: "%.2f", macsFactor)
        let reads = passes == 1 ? "" : ", the picture is read \(passes) times"
        let isRecomputing = macsFactor > 1 || passes > 1
        return
            ([
                "arena    \(arenaBytes) B in \(segments) segment\(segments == 1 ? "" : "s"); "
                    + "with whole tensors it would be \(layerwiseBytes) B, \(ratio) times as much"
            ]
            + (isRecomputing ? ["         \(factor) times the MACs of a run that recomputes nothing\(reads)"] : [])
            + ["         at its peak \(lowerBoundBytes) B are in use:", ""]
            + table(["bytes", "at", "rows", "what"], [["\(stateBytes)", "0", "", "executor state"]] + rows))
            .joined(separator: "\n")
    }
}

/// Adds up the time of each operator's steps in a run.
private struct StepClock: StepObserver {
    private var current: [UInt64]
    private var runs: [[UInt64]] = []
    private var start: UInt64 = 0

    init(operators: Int) { current = Array(repeating: 0, count: operators) }

    mutating func endRun() {
        runs.append(current)
        for index in current.indices { current[index] = 0 }
    }

    mutating func willStep(operation: Int) { start = DispatchTime.now().uptimeNanoseconds }

    mutating func didStep(operation: Int, row: Int?, output: OutputRow) {
        current[operation] += DispatchTime.now().uptimeNanoseconds - start
    }

    func medianMicroseconds(_ operation: Int) -> Double {
        let sorted = runs.map { $0[operation] }.sorted()
        return Double(sorted[sorted.count / 2]) / 1e3
    }
}
