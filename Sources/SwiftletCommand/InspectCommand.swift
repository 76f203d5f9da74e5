/// `swiftlet inspect`: what an `int8.bin` says, record by record.
import ArgumentParser
import SwiftletHost
import SwiftletProfiler

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Prints an int8.bin: header, input, classes, operators, arena.",
        discussion: """
            In the table of operators, b3 is ring 3, b3+16 its channels from 16 on, b3[64] 64 of its channels by a table; \
            JSON has the tables.

            Example:
              swiftlet inspect mobilenet
            """)

    @Argument(help: "A model by name or path.")
    var model: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let inspection = try Inspection(ModelLookup.open(model))
        if json { try Console.print(json: inspection) } else { try Console.print(inspection.text) }
    }
}
