/// `swiftlet plan`: the arena of a model or of an architecture, without running it.
import ArgumentParser
import Foundation
import SwiftletConverter
import SwiftletHost
import SwiftletProfiler
import SwiftletZoo

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows how a network fills its arena.",
        discussion: """
            Examples:
              swiftlet plan mobilenet
              swiftlet plan mobilenet-v2:width=0.35,resolution=144,classes=10
              swiftlet plan mobilenet-v2:resolution=96 --run
            """)

    @Argument(help: "A model by name or path, or an architecture such as mobilenet-v2:resolution=96.")
    var network: String
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(
        name: .customLong("run"),
        help: "First run it in an arena of exactly that size, and with whole tensors too; outputs must agree.")
    var runs = false

    func run() throws {
        let file = try openOrMake()
        if runs { try check(file) }
        let report = try MemoryReport(file)
        if json { try Console.print(json: report) } else { try Console.print(report.text) }
    }

    /// - Throws: `ArenaCheck.Failure`, or `ProfileError.selfTestFailed` when whole tensors give another output.
    private func check(_ file: ModelFile) throws {
        let found = try ArenaCheck.run(file)
        var promised = file.model.reader.header.selfTestChecksum
        if let architecture = try architecture() {
            let whole = try ConversionPipeline.convertRandom(architecture, seed: 1) { try $0.layerwisePlan() }
            promised = try ArenaCheck.run(ModelFile(contents: whole.bytes, path: network))
        }
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

    private func openOrMake() throws -> ModelFile {
        guard let architecture = try architecture() else { return try ModelLookup.open(network) }
        let model = try ConversionPipeline.convertRandom(architecture, seed: 1)
        return try ModelFile(contents: model.bytes, path: network)
    }
}
