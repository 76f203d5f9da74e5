/// `swiftlet profile`: memory and latency, to the byte and the microsecond.
import ArgumentParser
import SwiftletHost
import SwiftletProfiler

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Measures a model operator by operator.",
        discussion: """
            Runs the picture of the model's own self-test over and over: first to check that this build computes the \
            bytes that the converter computed, then for time.

            Examples:
              swiftlet profile --model mobilenet --runs 200
              swiftlet profile --model mobilenet --memory
            """)

    @Option(help: "A model by name or path.")
    var model: String
    @Option(help: "Runs to measure.")
    var runs = 100
    @Flag(help: "Instead of time: the arena's peak, its segments, and what fills it when.")
    var memory = false
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard runs > 0 else { throw ValidationError("--runs must be at least 1") }
    }

    func run() throws {
        if memory {
            let timeline = try MemoryTimeline(ModelLookup.open(model))
            if json { try Console.print(json: timeline) } else { try Console.print(timeline.text) }
            return
        }
        let profile = try Profile(ModelLookup.open(model), runs: runs)
        if json { try Console.print(json: profile) } else { try Console.print(profile.text) }
    }
}
