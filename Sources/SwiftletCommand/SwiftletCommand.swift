/// The command line `swiftlet`: one executable from training to the answer on a picture.
///
/// Answers go to standard output, progress and errors to standard error. An error is one line and a non-zero exit:
/// 1 when the work failed, 64 when the command line was wrong. What it does not do: any work; each subcommand is a
/// thin file over a module.
import ArgumentParser
import Foundation

struct SwiftletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swiftlet",
        abstract: "Trains, quantizes and runs small convolutional networks in int8.",
        subcommands: [
            TrainCommand.self, ConvertCommand.self, EvalCommand.self, InferCommand.self, ProfileCommand.self,
            PlanCommand.self, InspectCommand.self, DrawCommand.self,
        ])
}

@main
enum Main {
    static func main() {
        let command: ParsableCommand
        do {
            command = try SwiftletCommand.parseAsRoot()
        } catch {
            SwiftletCommand.exit(withError: error)
        }
        do {
            var command = command
            try command.run()
        } catch {
            // Help, and a command line that a command itself refuses, are the parser's to answer.
            guard SwiftletCommand.exitCode(for: error) == .failure else { SwiftletCommand.exit(withError: error) }
            Console.fail("\(error)")
        }
    }
}
