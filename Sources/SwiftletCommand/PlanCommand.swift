/// `swiftlet plan`: the arena of a model or of an architecture, without running it.
import ArgumentParser
import Foundation
import SwiftletConverter
import SwiftletHost
import SwiftletPlanner
import SwiftletProfiler
import SwiftletZoo

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows how a network fills its arena.",
        discussion: """
            An architecture is planned without weights, which memory does not depend on. With --run it gets random ones.

            Examples:
              swiftlet plan mobilenet
              swiftlet plan mobilenet-v2:width=0.35,resolution=144,classes=10
              swiftlet plan mobilenet-v2:resolution=96 --run
              swiftlet plan mobilenet-v2:resolution=96 --resident-input
              swiftlet plan mobilenet-v2:width=0.35,resolution=144 --max-arena 8500
            """)

    @Argument(help: "A model by name or path, or an architecture such as mobilenet-v2:resolution=96.")
    var network: String
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(
        name: .customLong("run"),
        help: ArgumentHelp(
            "First run it in an arena of exactly that size; an architecture with whole tensors too, whose output must be the "
                + "same, and for the time that each takes."))
    var runs = false

    @Flag(help: "Plan anew for a picture that stands whole in the arena, as in a camera's frame buffer.")
    var residentInput = false

    @Option(
        help: ArgumentHelp(
            "Plan for an arena of at most so many bytes, if need be with rows and columns computed more than once.",
            valueName: "bytes"))
    var maxArena: Int?

    func validate() throws {
        guard maxArena.map({ $0 > 0 }) ?? true else {
            throw ValidationError("--max-arena is a number of bytes, 1 or more")
        }
    }

    func run() throws {
        let report = try report()
        if json { try Console.print(json: report) } else { try Console.print(report.text) }
    }

    private func report() throws -> MemoryReport {
        guard let architecture = try architecture() else {
            let file = try ModelLookup.open(network)
            guard maxArena == nil else {
                throw CommandFailure(
                    "\(network) is planned already; give --max-arena to swiftlet convert, or plan an architecture")
            }
            if residentInput {
                guard !runs else {
                    throw CommandFailure(
                        "--run runs the plan in \(network), --resident-input makes another; leave out one of them")
                }
                let planner = Planner(PlanProblem(file)).withInputs(areResident: true)
                return try MemoryReport(planner.problem, planner.plan(), macsFactor: 1)
            }
            if runs { try check(file, promised: file.model.reader.header.selfTestChecksum) }
            return try MemoryReport(file)
        }
        let arrangement = Arrangement(inputIsResident: residentInput, maxArena: maxArena)
        guard runs else {
            let planned = try ConversionPipeline.plan(architecture, arrangement: arrangement)
            return try MemoryReport(planned.problem, planned.plan, macsFactor: planned.macsFactor)
        }
        let model = try ConversionPipeline.convertRandom(architecture, seed: 1, arrangement: arrangement)
        let file = try ModelFile(contents: model.bytes, path: network)
        let whole = try ConversionPipeline.convertRandom(
            architecture, seed: 1, arrangement: .planned(by: { try $0.layerwisePlan() }))
        let wholeFile = try ModelFile(contents: whole.bytes, path: network)
        try check(file, promised: ArenaCheck.run(wholeFile))
        var report = try MemoryReport(file)
        report.speed = try StreamingSpeed.measure(streamed: file, wholeTensors: wholeFile)
        return report
    }

    /// - Throws: `ArenaCheck.Failure`, or `ProfileError.selfTestFailed` when the output is not what was promised.
    private func check(_ file: ModelFile, promised: UInt32) throws {
        let found = try ArenaCheck.run(file)
        guard found == promised else {
            throw ProfileError.selfTestFailed(path: network, found: found, promised: promised)
        }
    }

    /// The architecture that `network` names; nil when it names a model.
    private func architecture() throws -> Architecture? {
        let name = network.prefix { $0 != ":" }
        let isFile = FileManager.default.fileExists(atPath: network)
        guard !isFile, network.contains(":") || Architecture.names.contains(String(name)) else {
            return nil
        }
        return try Architecture(parsing: network)
    }
}
