/// What `--json` promises to machines: the names and the meaning of its values.
import Foundation
import SwiftletImageIO
import Testing
import TestSupport

@Suite struct JSONTests {
    @Test func profileHasItsFigures() throws {
        let profile = try run("profile", "--model", "random.bin", "--runs", "5", "--json").json()
        let inspection = try run("inspect", "random.bin", "--json").json()
        for key in ["arenaBytes", "weightBytes", "macs", "fileBytes"] {
            let value = try #require(profile[key] as? Int)
            #expect(value > 0)
            #expect(inspection[key] as? Int == value)
        }
        let times = try ["minMs", "medianMs", "p90Ms"].map { try #require(profile[$0] as? Double) }
        #expect(times[0] > 0 && times == times.sorted())
        #expect(profile["runs"] as? Int == 5)
        let operators = try #require(profile["operators"] as? [[String: Any]])
        #expect(operators.count == (inspection["operators"] as? [Any])?.count)
        #expect(operators.reduce(0) { $0 + ($1["macs"] as? Int ?? 0) } == profile["macs"] as? Int)
        #expect(operators.allSatisfy { ($0["medianMicroseconds"] as? Double ?? 0) > 0 })
    }

    @Test func profilePrintsATable() throws {
        let text = try run("profile", "--model", "random.bin", "--runs", "3").output
        #expect(text.contains("total"))
        #expect(text.contains("latency  median "))
        #expect(text.contains("executor state"))
    }

    @Test func profileTellsWhatFillsTheArenaWhen() throws {
        let timeline = try run("profile", "--model", "random.bin", "--memory", "--json").json()
        let memory = try #require(timeline["memory"] as? [String: Any])
        let live = try #require(timeline["liveBytes"] as? [Int])
        let moments = try #require(timeline["moments"] as? Int)
        #expect(live.count == moments + 1)
        #expect(live.max() == memory["livePeakBytes"] as? Int)
        #expect(live[try #require(timeline["peakMoment"] as? Int)] == live.max())
        let segments = try #require(timeline["segments"] as? [[String: Any]])
        #expect(segments.count == memory["segments"] as? Int)
        #expect(segments.compactMap { $0["peakBytes"] as? Int }.max() == live.max())
        #expect(segments.last?["lastMoment"] as? Int == moments)
        let text = try run("profile", "--model", "random.bin", "--memory").output
        #expect(text.contains("executor state") && text.contains("tenths of the arena"))
    }

    /// A frame buffer stands whole: its bytes come on top of what a stream needs, less what can lie in it.
    @Test func aResidentInputStandsWhole() throws {
        let spec = "mobilenet-v2:width=0.35,resolution=96,classes=10"
        let streamed = try run("plan", spec, "--json").json()
        let resident = try run("plan", spec, "--resident-input", "--json").json()
        let arenas = try [streamed, resident].map { try #require($0["arenaBytes"] as? Int) }
        #expect(arenas[1] > arenas[0])
        let input = try #require((resident["rings"] as? [[String: Any]])?.first)
        #expect(input["name"] as? String == "input" && input["rows"] as? Int == 96)
        let folder = try TemporaryFolder()
        _ = try swiftlet.run(
            ["convert", "--architecture", spec, "--random-weights", "1", "--resident-input", "resident.bin"],
            in: folder.path)
        let kept = try swiftlet.run(["plan", "resident.bin", "--run", "--json"], in: folder.path).json()
        for key in ["arenaBytes", "livePeakBytes", "lowerBoundBytes", "segments"] {
            #expect(kept[key] as? Int == resident[key] as? Int, "\(key)")
        }
        let anew = try run("plan", "random.bin", "--resident-input", "--json").json()
        #expect(((anew["rings"] as? [[String: Any]])?.first)?["rows"] as? Int == 32)
    }

    /// The rings that live at the peak, and the executor's state, are the live peak.
    @Test func planAddsUp() throws {
        let plan = try run("plan", "random.bin", "--json").json()
        let rings = try #require(plan["rings"] as? [[String: Any]])
        let arena = try #require(plan["arenaBytes"] as? Int)
        for ring in rings {
            let end = try #require(ring["offset"] as? Int) + (try #require(ring["byteCount"] as? Int))
            #expect(end <= arena)
        }
        let live = try #require(plan["livePeakBytes"] as? Int)
        #expect(live <= arena)
        #expect(try #require(plan["lowerBoundBytes"] as? Int) <= live)
        #expect(try #require(plan["layerwiseBytes"] as? Int) >= arena)
        #expect(try #require(plan["segments"] as? Int) >= 1)
        #expect(plan["macsFactor"] as? Double == 1)
        let same = try run("plan", "mobilenet-v2:width=0.35,resolution=32,classes=10", "--json").json()
        #expect(same["arenaBytes"] as? Int == arena)
    }

    @Test func inspectTellsShapesAndRings() throws {
        let inspection = try run("inspect", "int8.bin", "--json").json()
        #expect(
            inspection["classes"] as? [String] == [
                "circle", "ring", "square", "triangle", "star", "cross", "crescent", "stripes", "checkerboard", "dots",
            ])
        let input = try #require((inspection["inputs"] as? [[String: Any]])?.first)
        #expect(input["shape"] as? [Int] == [32, 32, 3])
        #expect(inspection["colorOrder"] as? String == "rgb")
        let operators = try #require(inspection["operators"] as? [[String: Any]])
        #expect(operators.first?["kernel"] as? [Int] == [5, 5])
        #expect(operators.last?["output"] as? [Int] == [1, 1, 10])
        let rings = try #require(inspection["rings"] as? [[String: Any]])
        #expect(rings.allSatisfy { ($0["rows"] as? Int ?? 0) >= 1 })
        let text = try run("inspect", "int8.bin").output
        #expect(text.contains("input         32x32x3, pixels of 0...255, rgb, stretched to fit"))
    }

    @Test(arguments: ["int8.bin", "float.ckpt"])
    func evalGivesFractions(model: String) throws {
        let result = try run("eval", "--model", model, "--data", "shapes:500", "--json").json()
        #expect(result["images"] as? Int == 100)
        let top1 = try #require(result["top1"] as? Double)
        let top5 = try #require(result["top5"] as? Double)
        #expect((0...1).contains(top1) && (top1...1).contains(top5))
        #expect(result["arithmetic"] as? String == (model == "int8.bin" ? "int8" : "float"))
    }

    /// A log is no place for a line that replaces itself.
    @Test func progressIsPlainWhereNobodyWatches() throws {
        let result = try run("eval", "--model", "int8.bin", "--data", "shapes:500")
        #expect(result.errors == "int8 [##############################] 100/100\n")
        #expect(result.output.hasPrefix("int8.bin: top-1 ") && result.output.contains("of 100 images (int8, "))
    }

    @Test func evalDoesNotDependOnThreads() throws {
        let one = try run("eval", "--model", "int8.bin", "--data", "shapes:300", "--threads", "1", "--json").json()
        let three = try run("eval", "--model", "int8.bin", "--data", "shapes:300", "--threads", "3", "--json").json()
        #expect(one["top1"] as? Double == three["top1"] as? Double)
    }

    /// A model agrees with itself, and with its float network up to the pictures that are named.
    @Test func evalNamesThePicturesOnWhichModelsDiffer() throws {
        func against(_ other: String) throws -> [String: Any] {
            let result = try run(
                "eval", "--model", "int8.bin", "--data", "shapes:500", "--against", other, "--json"
            ).json()
            return try #require(result["against"] as? [String: Any])
        }
        let same = try against("int8.bin")
        #expect(same["agreement"] as? Double == 1 && (same["differences"] as? [Any])?.isEmpty == true)
        let float = try against("float.ckpt")
        #expect(float["arithmetic"] as? String == "float")
        let differences = try #require(float["differences"] as? [[String: Any]])
        let agreement = try #require(float["agreement"] as? Double)
        #expect(abs(agreement - (1 - Double(differences.count) / 100)) < 1e-9)
        #expect(differences.allSatisfy { $0["answer"] as? String != $0["other"] as? String })
    }

    @Test func theConfusionMatrixCountsEveryPicture() throws {
        let result = try run(
            "eval", "--model", "int8.bin", "--data", "shapes:500", "--confusions", "100", "--json"
        ).json()
        let matrix = try #require(result["confusionMatrix"] as? [[Int]])
        let right = matrix.indices.reduce(0) { $0 + matrix[$1][$1] }
        #expect(matrix.joined().reduce(0, +) == 100)
        #expect(Double(right) / 100 == result["top1"] as? Double)
        let confusions = try #require(result["confusions"] as? [[String: Any]])
        let counts = confusions.compactMap { $0["count"] as? Int }
        #expect(counts.reduce(0, +) == 100 - right && counts == counts.sorted(by: >))
    }

    @Test func convertKeepsTheBestOfWhatItTries() throws {
        let folder = try TemporaryFolder()
        let checkpoint = try Workbench.folder.get() + "/float.ckpt"
        let result = try swiftlet.run(
            [
                "convert", checkpoint, "out.bin", "--calibration", "shapes:50", "--evaluation", "shapes:250", "--auto",
                "--json",
            ], in: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        let report = try result.json()
        let trials = try #require(report["trials"] as? [[String: Any]])
        func accuracy(_ holder: [String: Any]?) -> [Double] {
            let accuracy = holder?["accuracy"] as? [String: Any]
            return ["int8", "agreement", "sqnr"].map { accuracy?[$0] as? Double ?? -1 }
        }
        let kept = trials.filter { $0["isKept"] as? Bool == true }
        #expect(trials.count > 3 && kept.count == 1)
        #expect(accuracy(report)[0] >= 0)
        #expect(accuracy(report) == accuracy(kept.first))
        let flags = trials.compactMap { $0["flags"] as? String }
        for tried in ["--empirical-biases", "--rounding nearest", "--ranges mse", "--keep"] {
            #expect(flags.contains { $0.contains(tried) }, "\(flags)")
        }
        // Of what trials share nothing is of another trial's making: alone, the choice makes the same file.
        let choice = try #require(kept.first?["flags"] as? String)
        let again = try swiftlet.run(
            ["convert", checkpoint, "again.bin", "--calibration", "shapes:50"]
                + choice.split(separator: " ").map(String.init), in: folder.path)
        #expect(again.status == 0, "\(choice): \(again.errors)")
        func contents(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: folder.file(name))) }
        let isSame = try contents("out.bin") == contents("again.bin")
        #expect(isSame, "\(choice)")
    }

    @Test func convertReportsAccuracy() throws {
        let folder = try TemporaryFolder()
        let checkpoint = try Workbench.folder.get() + "/float.ckpt"
        let result = try swiftlet.run(
            [
                "convert", checkpoint, "out.bin", "--calibration", "shapes:50", "--evaluation", "shapes:250",
                "--report",
                "report.json", "--json",
            ], in: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        let report = try result.json()
        #expect(report["calibrationImages"] as? Int == 50)
        #expect((report["accuracy"] as? [String: Any])?["images"] as? Int == 50)
        #expect((report["layers"] as? [Any])?.isEmpty == false)
        #expect(folder.names == ["out.bin", "report.json"])
        let file = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: folder.file("report.json"))))
        #expect((file as? [String: Any])?["arenaBytes"] as? Int == report["arenaBytes"] as? Int)
    }

    @Test func trainingKeepsRecords() throws {
        let folder = try TemporaryFolder()
        let result = try swiftlet.run(
            [
                "train", "lenet5", "--data", "shapes:100", "--epochs", "2", "--batch", "25", "--json", "--metrics",
                "m.csv",
                "--curve", "c.png",
            ], in: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        let outcome = try result.json()
        #expect((outcome["epochs"] as? [[String: Any]])?.count == 2)
        #expect(outcome["architecture"] as? String == "lenet5:resolution=32,channels=3,classes=10")
        let rows = try String(contentsOfFile: folder.file("m.csv"), encoding: .utf8).split(separator: "\n")
        #expect(rows.count == 3 && rows[0].hasPrefix("epoch,"))
        #expect(try PNGReader(path: folder.file("c.png")).width > 100)
        #expect(folder.names == ["c.png", "float.ckpt", "m.csv"])
    }

    /// A run that is killed after its first checkpoint ends with the numbers of one that was not.
    @Test func killedTrainingResumes() throws {
        let folder = try TemporaryFolder()
        let options = [
            "train", "lenet5", "--data", "shapes:1000", "--epochs", "5", "--batch", "25", "--threads", "1", "--json",
        ]
        let whole = try swiftlet.run(options + ["-o", "whole.ckpt"], in: folder.path).json()
        let shell = Program(url: URL(fileURLWithPath: "/bin/bash"))
        let script = """
            "$0" "$@" & while [ ! -e killed.ckpt ]; do sleep 0.02; done; kill -9 $!; wait $!
            """
        let killed = try shell.run(
            ["-c", script, swiftlet.url.path] + options + ["-o", "killed.ckpt"], in: folder.path)
        #expect(killed.status == 128 + 9, "the run was over before it was killed")
        let resumed = try swiftlet.run(options + ["-o", "killed.ckpt", "--resume"], in: folder.path).json()
        func losses(_ outcome: [String: Any]) throws -> [Double] {
            try #require(outcome["epochs"] as? [[String: Any]]).compactMap { $0["validationLoss"] as? Double }
        }
        #expect(try losses(whole).count == 5)
        #expect(try losses(whole) == losses(resumed))

        let again = try failure(options + ["-o", "whole.ckpt", "--resume"], in: folder.path)
        #expect(again == "the run is finished: 5 of 5 epochs")
        let other = try failure(options + ["-o", "whole.ckpt", "--resume", "--seed", "2"], in: folder.path)
        #expect(other.hasPrefix("the checkpoint's run was another one: seed 1, now 2; "))
    }
}
