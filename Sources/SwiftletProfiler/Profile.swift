/// Time and memory of a model, operator by operator, over many runs.
///
/// What it does not do: run inside the runtime; it watches a session from outside and costs nothing when absent.
import Foundation
import Swiftlet
import SwiftletFormat
import SwiftletHost
import SwiftletKernels

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
    /// That made each row together: 1 where the model is too small to gain from more.
    public var threads: Int
    public var arenaBytes: Int
    public var weightBytes: Int
    public var fileBytes: Int
    public var macs: Int
    public var minMs: Double
    public var medianMs: Double
    public var p90Ms: Double
    /// 10^9 multiply-accumulates a second, over the median.
    public var gmacsPerSecond: Double
    public var percentOfPeak: Double
    public var machine: Machine
    public var memory: MemoryReport
    public var operators: [OperatorProfile]

    /// A profile and what it was made from.
    public struct Measurement: Sendable {
        public var profile: Profile
        /// Every row of the fastest run that was watched, in order.
        public var fastestRun: [RowEvent]
    }

    /// Runs the model on its self-test picture.
    ///
    /// - Parameters:
    ///   - runs: counted ones; a tenth as many go before to warm up.
    ///   - threads: at most.
    ///   - seconds: no further run begins after this much time.
    /// - Throws: `ProfileError.selfTestFailed`, `PlanError`.
    public static func measure(
        _ file: ModelFile, runs: Int, threads: Int = 1, seconds: Double = 10
    ) throws -> Measurement {
        let machine = Machine.measure()
        let runner = try Runner(file, threads: threads)
        let reader = file.model.reader
        let pixels = selfTestPixels(seed: reader.header.selfTestSeed, count: runner.inputBytes)
        let begin = now
        var isWarm = 0
        repeat {
            let output = try pixels.withUnsafeBytes { try runner.run($0) }
            let checksum = output.withUnsafeBytes { Checksum.of($0) }
            guard checksum == reader.header.selfTestChecksum else {
                throw ProfileError.selfTestFailed(
                    path: file.path, found: checksum, promised: reader.header.selfTestChecksum)
            }
            isWarm += 1
        } while isWarm < runs / 10 && now - begin < seconds / 10

        var whole: [Double] = []
        var clock = StepClock(operators: reader.operatorCount)
        repeat {
            // Whole runs and watched runs take turns: the clock's own cost stays out of the total.
            let start = now
            _ = try pixels.withUnsafeBytes { try runner.run($0) }
            whole.append((now - start) * 1e3)
            clock.beginRun()
            _ = try pixels.withUnsafeBytes { try runner.run($0, observer: &clock) }
            clock.endRun()
        } while whole.count < runs && now - begin < seconds
        return try Measurement(
            profile: Profile(file, milliseconds: whole.sorted(), clock, machine, threads: runner.threads),
            fastestRun: clock.fastest)
    }

    private init(
        _ file: ModelFile, milliseconds: [Double], _ clock: StepClock, _ machine: Machine, threads: Int
    ) throws {
        let reader = file.model.reader
        model = file.path
        architecture = file.architecture
        runs = milliseconds.count
        self.threads = threads
        arenaBytes = reader.arenaBytes
        weightBytes = Int(reader.header.weightBytes)
        fileBytes = file.byteCount
        macs = Int(clamping: reader.header.multiplyAccumulates)
        minMs = milliseconds[0]
        medianMs = milliseconds.percentile(50)
        p90Ms = milliseconds.percentile(90)
        gmacsPerSecond = medianMs > 0 ? Double(macs) / medianMs / 1e6 : 0
        let peak = machine.peakGmacsPerSecond * Double(threads)
        percentOfPeak = peak > 0 ? gmacsPerSecond / peak * 100 : 0
        self.machine = machine
        memory = try MemoryReport(file)
        operators = (0..<reader.operatorCount).map {
            OperatorProfile(file, operation: $0, clock, instructionSet: machine.instructionSet, peak: peak)
        }
    }

    /// Seconds of a clock that is never set back.
    private static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
}
