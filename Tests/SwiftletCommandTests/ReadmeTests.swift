/// The README's commands work, and what it shows is what they print.
///
/// Blocks marked `console` are run, in order, in an empty folder, and must print what stands below each command. Commands in
/// blocks marked `sh` are only parsed: they take long, or need data.
import Foundation
import Testing
import TestSupport

@testable import SwiftletCommand

@Suite struct ReadmeTests {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The contents of the blocks of a kind, in all the pages that users read.
    private static func blocks(_ kind: String, in page: String) throws -> [[String]] {
        var blocks: [[String]] = []
        var isInside = false
        for line in try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
        {
            if line == "```\(kind)" {
                isInside = true
                blocks.append([])
            } else if line == "```" {
                isInside = false
            } else if isInside {
                blocks[blocks.count - 1].append(String(line))
            }
        }
        return blocks
    }

    private static var pages: [String] {
        let models =
            (try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("models").path)) ?? []
        return ["README.md"] + models.filter { $0.hasSuffix(".md") }.sorted().map { "models/\($0)" }
    }

    @Test func shownOutputIsReal() throws {
        let shell = Program(url: URL(fileURLWithPath: "/bin/bash"))
        let path =
            swiftlet.url.deletingLastPathComponent().path + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "")
        var commands = 0
        for block in try Self.blocks("console", in: "README.md") {
            let folder = try TemporaryFolder()
            var shown: [(command: String, output: [String])] = []
            for line in block {
                if line.hasPrefix("$ ") {
                    shown.append((String(line.dropFirst(2)), []))
                } else {
                    shown[shown.count - 1].output.append(line)
                }
            }
            for (command, output) in shown {
                let run = try shell.run(["-c", command + " 2>&1"], in: folder.path, environment: ["PATH": path])
                #expect(run.output == output.joined(separator: "\n") + "\n", "$ \(command)")
                commands += 1
            }
        }
        #expect(commands >= 4)
    }

    @Test func everyCommandParses() throws {
        var commands = 0
        for page in Self.pages {
            for block in try Self.blocks("sh", in: page) {
                let text = block.joined(separator: "\n").replacingOccurrences(of: "\\\n", with: " ")
                for line in text.split(separator: "\n") where line.hasPrefix("swiftlet ") {
                    let arguments = line.split(separator: " ").dropFirst().map(String.init)
                    #expect(throws: Never.self, "\(page): \(line)") { try SwiftletCommand.parseAsRoot(arguments) }
                    commands += 1
                }
            }
        }
        #expect(commands >= 7)
    }

    /// Every tool that a page names is there and can be run.
    @Test func namedToolsExist() throws {
        for page in Self.pages {
            for block in try Self.blocks("sh", in: page) {
                for line in block where line.hasPrefix("tools/") {
                    let tool = Self.root.appendingPathComponent(String(line.prefix { $0 != " " })).path
                    #expect(FileManager.default.isExecutableFile(atPath: tool), "\(page): \(line)")
                }
            }
        }
    }

    /// A model has a card, a card a model, and the card's figures are the file's.
    @Test func cardsAreTrue() throws {
        let folder = Self.root.appendingPathComponent("models")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let models = names.filter { $0.hasSuffix(".bin") }.map { $0.dropLast(4) }
        let cards = names.filter { $0.hasSuffix(".md") && $0 != "README.md" }.map { $0.dropLast(3) }
        #expect(Set(models) == Set(cards))
        for name in models {
            let card = try String(contentsOf: folder.appendingPathComponent("\(name).md"), encoding: .utf8)
            let inspection = try swiftlet.run(["inspect", "models/\(name).bin", "--json"], in: Self.root.path).json()
            for (row, key) in [("arena", "arenaBytes"), ("file", "fileBytes"), ("MACs", "macs")] {
                let value = try #require(inspection[key] as? Int)
                let line = try #require(card.split(separator: "\n").first { $0.hasPrefix("| \(row) |") })
                let figure = line.dropFirst("| \(row) | ".count).prefix { $0 == "," || $0.isNumber }
                #expect(figure.filter(\.isNumber) == "\(value)", "\(name), \(row)")
            }
            let architecture = try #require(inspection["architecture"] as? String)
            #expect(card.contains("`\(architecture)`"))
            for page in ["README.md", "models/README.md"] {
                let text = try String(contentsOf: Self.root.appendingPathComponent(page), encoding: .utf8)
                #expect(text.contains("| [\(name)]("), "\(page) has no row for \(name); run tools/make-card --tables")
            }
        }
    }
}
