/// `swiftlet profile`: memory and latency, to the byte and the microsecond.
import ArgumentParser
import SwiftletFiles
import SwiftletHost
import SwiftletProfiler

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Measures a model operator by operator.",
        discussion: """
            Runs the picture of the model's own self-test over and over: first to check that this build computes the \
            bytes that the converter computed, then for time. Operators are held against this machine's peak, a loop of \
            dot products that is measured by the way. With limits it is a gate: the exit code is 1 and one line says what \
            is exceeded.

            Examples:
              swiftlet profile --model mobilenet --runs 200
              swiftlet profile --model mobilenet --memory
              swiftlet profile --model mobilenet --html profile.html --trace profile.json
              swiftlet profile --model mobilenet --max-arena 32000 --max-latency 1.5
            """)

    @Option(help: "A model by name or path.")
    var model: String
    @Option(help: "Runs to measure.")
    var runs = 100
    @Option(help: "Threads that make each row together; a model too small to gain takes one.")
    var threads = 1
    @Flag(help: "Instead of time: the arena's peak, its segments, and what fills it when.")
    var memory = false
    @Option(
        help: ArgumentHelp(
            "Also write a page for a browser: the arena over time, operators, roofline.", valueName: "file"))
    var html: String?
    @Option(
        help: ArgumentHelp("Also write a trace of one run for Perfetto: time and memory.", valueName: "file"))
    var trace: String?
    @Option(help: ArgumentHelp("Fail if the arena is larger.", valueName: "bytes"))
    var maxArena: Int?
    @Option(help: ArgumentHelp("Fail if the median run takes longer.", valueName: "ms"))
    var maxLatency: Double?
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard runs > 0 else { throw ValidationError("--runs must be at least 1") }
        guard Console.threadNumbers.contains(threads) else { throw ValidationError(Console.wrongThreads) }
        guard (maxArena ?? 0) >= 0 else { throw ValidationError("--max-arena is a number of bytes, 0 or more") }
        guard (maxLatency ?? 1) > 0 else { throw ValidationError("--max-latency is a time in ms, more than 0") }
        guard !memory || (maxLatency == nil && html == nil && trace == nil) else {
            throw ValidationError("--memory measures no time; leave out --html, --trace and --max-latency")
        }
        guard html == nil || html != trace else { throw ValidationError("--html and --trace name the same file") }
    }

    func run() throws {
        let file = try ModelLookup.open(model)
        try requireWritable(html)
        try requireWritable(trace)
        let median = try memory ? showMemory(file) : showProfile(file)
        let limits = ProfileLimits(arenaBytes: maxArena, milliseconds: maxLatency)
        if let excess = limits.excess(model: file.path, arenaBytes: file.model.arenaBytes, median: median) {
            throw CommandFailure(excess)
        }
    }

    private func showMemory(_ file: ModelFile) throws -> Double? {
        let timeline = try MemoryTimeline(file)
        if json { try Console.print(json: timeline) } else { try Console.print(timeline.text) }
        return nil
    }

    /// - Returns: the median in milliseconds.
    private func showProfile(_ file: ModelFile) throws -> Double? {
        let measurement = try Profile.measure(file, runs: runs, threads: threads)
        let profile = measurement.profile
        if html != nil || trace != nil {
            let timeline = try MemoryTimeline(file)
            if let html { try AtomicFile.write(ProfilePage(file, measurement, timeline).html(), to: html) }
            if let trace { try AtomicFile.write(Console.jsonBytes(RunTrace(measurement, timeline)), to: trace) }
        }
        if json { try Console.print(json: profile) } else { try Console.print(profile.text) }
        return profile.medianMs
    }
}
