/// What a streamed plan costs or gains in time, against the same network with whole tensors.
///
/// What it does not do: prove that both give the same bytes; `ArenaCheck` and the self-test do.
import Dispatch
import SwiftletHost

/// Times of both plans, taken in turns in one run.
public struct StreamingSpeed: Sendable, Codable {
    /// Runs of each plan.
    public var runs: Int
    /// Medians.
    public var streamedMs: Double
    public var wholeTensorsMs: Double

    /// Time of the streamed plan over that of whole tensors.
    public var ratio: Double { streamedMs / wholeTensorsMs }

    /// - Parameter seconds: after which no further run begins.
    /// - Throws: `SessionError`.
    public static func measure(
        streamed: ModelFile, wholeTensors: ModelFile, runs: Int = 200, seconds: Double = 4
    ) throws -> StreamingSpeed {
        let runners = [try Runner(streamed), try Runner(wholeTensors)]
        let pixels = selfTestPixels(seed: streamed.model.reader.header.selfTestSeed, count: runners[0].inputBytes)
        var times: [[Double]] = [[], []]
        let begin = DispatchTime.now().uptimeNanoseconds
        // The first run of each brings its weights into the caches and does not count.
        for runner in runners { _ = try pixels.withUnsafeBytes { try runner.run($0) } }
        repeat {
            for (index, runner) in runners.enumerated() {
                let start = DispatchTime.now().uptimeNanoseconds
                _ = try pixels.withUnsafeBytes { try runner.run($0) }
                times[index].append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6)
            }
        } while times[0].count < runs && Double(DispatchTime.now().uptimeNanoseconds - begin) / 1e9 < seconds
        return StreamingSpeed(
            runs: times[0].count, streamedMs: times[0].sorted().percentile(50),
            wholeTensorsMs: times[1].sorted().percentile(50))
    }
}
