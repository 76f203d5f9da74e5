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
            """)

    @Argument(help: "A model by name or path, or an architecture such as mobilenet-v2:resolution=96.")
    var network: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let report = try MemoryReport(openOrMake())
        if json { try Console.print(json: report) } else { try Console.print(report.text) }
    }

    private func openOrMake() throws -> ModelFile {
        let name = network.prefix { $0 != ":" }
        let isFile = FileManager.default.fileExists(atPath: network)
        guard !isFile, network.contains(":") || Architecture.names.contains(String(name)) else {
            return try ModelLookup.open(network)
        }
        let model = try ConversionPipeline.convertRandom(Architecture(parsing: network), seed: 1)
        return try ModelFile(contents: model.bytes, path: network)
    }
}
