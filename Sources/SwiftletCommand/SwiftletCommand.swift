/// The command line `swiftlet`: one executable from training to the answer on a picture.
///
/// Answers go to standard output, progress and errors to standard error. An error is one line and a non-zero exit:
/// 1 when the work failed, 64 when the command line was wrong. What it does not do: any work; each subcommand is a
/// thin file over a module.
import ArgumentParser
import Foundation
import SwiftletKernels
import SwiftletZoo

struct SwiftletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swiftlet",
        abstract: "Trains, quantizes and runs small convolutional networks in int8.",
        discussion: """
            train makes a float.ckpt, convert an int8.bin of it; infer, eval, profile, plan and inspect take int8 models by \
            name (a file in models/) or path. Data sets are named KIND:PATH.
            """,
        subcommands: [
            TrainCommand.self, ConvertCommand.self, EvalCommand.self, InferCommand.self, ProfileCommand.self,
            PlanCommand.self, InspectCommand.self, DrawCommand.self,
        ])

    static var subcommandNames: [String] { configuration.subcommands.compactMap { $0.configuration.commandName } }
}

@main
enum Main {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            var command = try SwiftletCommand.parseAsRoot(arguments)
            if let wrong = wrongInstructionSet(ProcessInfo.processInfo.environment["SWIFTLET_ISA"] ?? "") {
                Console.complain(wrong)
                exit(ExitCode.validationFailure.rawValue)
            }
            try command.run()
        } catch {
            finish(error, arguments: arguments)
        }
    }

    /// What is wrong with a name of kernels; nil when nothing is.
    static func wrongInstructionSet(_ name: String) -> String? {
        let known = VectorKernels.names + ["portable"]
        guard !name.isEmpty, !known.contains(name) else { return nil }
        return "SWIFTLET_ISA is '\(name)', but this processor's kernels are \(known.joined(separator: ", "))"
    }

    /// Answers what stopped a command, help included, and exits.
    private static func finish(_ error: any Error, arguments: [String]) -> Never {
        let code = SwiftletCommand.exitCode(for: error)
        switch code {
        case .success:
            SwiftletCommand.exit(withError: error)
        case .validationFailure:
            Console.complain(usageMessage(error, arguments: arguments))
        case .failure where !(error is ExitCode):
            Console.complain("\(error)")
        default:
            // The command has said why.
            break
        }
        exit(code.rawValue)
    }

    /// What is wrong with the command line, and where help is.
    static func usageMessage(_ error: any Error, arguments: [String]) -> String {
        let names = SwiftletCommand.subcommandNames
        guard let first = arguments.first, !first.hasPrefix("-"), !names.contains(first), first != "help" else {
            let help = arguments.first.map { names.contains($0) ? "swiftlet \($0) --help" : "swiftlet --help" }
            let message = SwiftletCommand.message(for: error)
            let tail = message.hasSuffix("?") || message.hasSuffix(".") ? " See" : "; see"
            return message.prefix(1).lowercased() + message.dropFirst() + "\(tail) \(help ?? "swiftlet --help")"
        }
        let suggestion = nearestName(to: first, among: names).map { "; did you mean \($0)?" } ?? ";"
        return "there is no command '\(first)'\(suggestion) known are \(names.joined(separator: ", "))"
    }
}
