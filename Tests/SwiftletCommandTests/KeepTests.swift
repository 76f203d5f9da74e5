/// `convert --explain` and `--keep`, and what other commands make of a model with maps of 16 bits.
import Foundation
import TestSupport
import Testing

@Suite struct KeepTests {
    private func convert(_ arguments: String..., in folder: TemporaryFolder) throws -> Program.Run {
        let checkpoint = try Workbench.folder.get() + "/float.ckpt"
        return try swiftlet.run(
            ["convert", checkpoint, "out.bin", "--calibration", "shapes:50"] + arguments, in: folder.path)
    }

    @Test func explainSplitsErrorsAndNamesTheWorstLayers() throws {
        let folder = try TemporaryFolder()
        let result = try convert("--explain", in: folder)
        #expect(result.status == 0, "\(result.errors)")
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines[0].contains("own") && lines[0].contains("inherited") && lines[0].contains("scores"))
        // The first layer has exact pixels to work on.
        #expect(lines[1].contains(" 120.0 "), "\(lines[1])")
        let first = try #require(lines.firstIndex { $0.hasPrefix("the layers whose own errors") })
        #expect(lines[first + 1].contains(" dB, "), "\(result.output)")
    }

    /// What `--explain` says can be typed, and is heard.
    @Test func keptLayersAreInTheFileAndAnswersComeOutOfIt() throws {
        let folder = try TemporaryFolder()
        let plain = try convert("--json", in: folder).json()
        let layers = try #require(plain["layers"] as? [[String: Any]])
        let last = try #require(layers.last?["name"] as? String)
        let result = try convert("--keep", "\(last)=int16", "--json", in: folder)
        #expect(result.status == 0, "\(result.errors)")
        let kept = try #require(try result.json()["layers"] as? [[String: Any]])
        func own(_ layers: [[String: Any]]) -> Double { layers.last?["own"] as? Double ?? -1 }
        #expect(own(kept) > own(layers), "\(own(layers)) dB, kept \(own(kept)) dB")

        let model = try swiftlet.run(["inspect", "out.bin", "--json"], in: folder.path).json()
        #expect(model["version"] as? Int == 5)
        let operators = try #require(model["operators"] as? [[String: Any]])
        let writes = try #require(operators.last?["writes"] as? [String: Any])
        #expect(writes["bits"] as? Int == 16)
        #expect(try swiftlet.run(["inspect", "out.bin"], in: folder.path).output.contains(":int16"))

        let picture = try Workbench.folder.get() + "/star.png"
        let answer = try swiftlet.run(["infer", "--model", "out.bin", picture, "--json"], in: folder.path)
        #expect(answer.status == 0, "\(answer.errors)")
        let evaluated = try swiftlet.run(
            [
                "eval", "--model", "out.bin", "--data", "shapes:100", "--against",
                Workbench.folder.get() + "/float.ckpt", "--json",
            ],
            in: folder.path)
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        let profile = try swiftlet.run(["profile", "--model", "out.bin", "--runs", "3"], in: folder.path)
        #expect(profile.status == 0 && profile.output.contains("int16"), "\(profile.errors)")
    }

    @Test func whatCannotBeKeptIsSaidInALine() throws {
        let folder = try TemporaryFolder()
        let checkpoint = try Workbench.folder.get() + "/float.ckpt"
        let message = try failure(
            ["convert", checkpoint, "out.bin", "--calibration", "shapes:50", "--keep", "nothing=int16"], in: folder.path
        )
        #expect(message.hasPrefix("no layer of the network is named 'nothing'; it has "), "\(message)")
        #expect(folder.names.isEmpty)
    }
}
