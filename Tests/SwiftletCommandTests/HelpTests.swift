/// Help texts and complaints about the command line are an interface: recorded word for word.
import Foundation
import Testing
import TestSupport

@testable import SwiftletCommand

@Suite struct HelpTests {
    @Test(arguments: [""] + SwiftletCommand.subcommandNames)
    func helpIsAsRecorded(command: String) throws {
        let folder = try TemporaryFolder()
        let run = try swiftlet.run(command.isEmpty ? ["--help"] : [command, "--help"], in: folder.path)
        #expect(run.status == 0 && run.errors == "")
        try snapshots.check(run.output, named: command.isEmpty ? "help" : "help-\(command)")
    }

    @Test func everyCommandHasAnAbstractAndAnExample() {
        for command in SwiftletCommand.configuration.subcommands {
            #expect(command.configuration.abstract.hasSuffix("."))
            let discussion = command.configuration.discussion
            #expect(discussion.contains("Example"), "\(command)")
            // An example that wraps cannot be copied.
            for line in discussion.split(separator: "\n") where line.hasPrefix("  ") { #expect(line.count <= 80) }
        }
    }

    @Test func noCommandMeansHelp() throws {
        let folder = try TemporaryFolder()
        let run = try swiftlet.run([], in: folder.path)
        #expect(run.status == 0)
        #expect(run.output.contains("SUBCOMMANDS"))
    }

    static let wrongLines = [
        "infr", "nonsense", "--foo", "infer", "infer x.png", "infer --model", "infer --model x",
        "infer --modle x y.png", "infer --model x --top 0 y.png", "infer --model x --arena=-1 y.png",
        "infer --model x --arena lots y.png", "infer --model x - -", "infer --model x --rows z a.png b.png",
        "eval --model x",
        "eval --model x --data y --threads 0", "eval --model x --data y --confusions=-1",
        "profile", "profile --model x --runs 0", "profile --model x --runs many", "profile --model x --max-arena=-1",
        "profile --model x --max-latency 0",
        "profile --model x --memory --max-latency 1", "profile --model x --html a --trace a",
        "profile --model x --threads 0", "infer --model x --threads 65 y.png", "inspect", "plan",
        "draw", "draw elephant x.png", "draw star x.png --size 4", "train", "train lenet5",
        "train lenet5 --data shapes --epochs 0", "train lenet5 --data shapes --optimizer adam",
        "train lenet5 --data shapes --learning-rate 0", "train --data shapes", "train lenet5 --data shapes --quantize",
        "train --from a --output a --data shapes", "train lenet5 --data shapes --teacher a --temperature 0", "convert",
        "convert a", "convert a b c", "convert a a",
        "convert --architecture lenet5 x", "convert --random-weights 1 x", "convert --ranges widest a b",
        "convert --architecture lenet5 --random-weights 1 x --evaluation shapes",
        "convert --architecture lenet5 --random-weights 1 x --ranges mse --keep stem=int16 --no-empirical-biases",
        "convert --calibration-count 0 a b",
        "convert --auto a b", "convert --rounding up a b", "convert --weights per-row a b", "convert --keep stem a b",
        "convert --keep stem=int8 a b",
        "convert --architecture lenet5 --random-weights 1 x --mean 1",
    ]

    @Test func usageErrorsAreAsRecorded() throws {
        let folder = try TemporaryFolder()
        var text = ""
        for line in Self.wrongLines {
            let arguments = line.split(separator: " ").map(String.init)
            text += "$ swiftlet \(line)\n" + (try failure(arguments, in: folder.path, status: 64)) + "\n"
        }
        #expect(folder.names.isEmpty)
        try snapshots.check(text, named: "usage-errors")
    }
}
