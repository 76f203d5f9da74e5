/// `profile` as an instrument: its figures, its page, its trace, and as a gate.
import Foundation
import Testing
import TestSupport

@Suite struct ProfileTests {
    private func profile(_ arguments: String..., environment: [String: String] = [:]) throws -> [String: Any] {
        try swiftlet.run(
            ["profile", "--model", "random.bin", "--runs", "3", "--json"] + arguments, in: Workbench.folder.get(),
            environment: environment
        ).json()
    }

    private func operators(_ profile: [String: Any]) throws -> [[String: Any]] {
        try #require(profile["operators"] as? [[String: Any]])
    }

    @Test func operatorsAreHeldAgainstThisMachinesPeak() throws {
        let profile = try profile()
        let machine = try #require(profile["machine"] as? [String: Any])
        let peak = try #require(machine["peakGmacsPerSecond"] as? Double)
        let bandwidths = try #require(machine["bandwidths"] as? [[String: Any]])
        #expect(peak > 0 && bandwidths.count == 3)
        for operation in try operators(profile) {
            let median = try #require(operation["medianMicroseconds"] as? Double)
            let macs = try #require(operation["macs"] as? Int)
            let speed = try #require(operation["gmacsPerSecond"] as? Double)
            let percent = try #require(operation["percentOfPeak"] as? Double)
            #expect(try #require(operation["p90Microseconds"] as? Double) >= median, "\(operation)")
            #expect(abs(speed - Double(macs) / median / 1e3) <= 1e-6 * speed, "\(operation)")
            #expect(abs(percent - speed / peak * 100) <= 1e-6 * percent, "\(operation)")
        }
    }

    /// An operator's rows read at least its input once and its parameters once a row, and write its output once.
    @Test func bytesMovedAreThoseOfAllRows() throws {
        let shapes = try #require(run("inspect", "random.bin", "--json").json()["operators"] as? [[String: Any]])
        for (operation, shape) in zip(try operators(profile()), shapes) {
            let moved = try #require(operation["bytesMoved"] as? Int)
            let (input, output) = (
                try #require(shape["input"] as? [Int]), try #require(shape["output"] as? [Int])
            )
            let parameters = try #require(shape["parameterBytes"] as? Int)
            let stride = try #require(shape["stride"] as? [Int])
            let written = output.reduce(1, *) + output[0] * parameters
            if (shape["kernel"] as? [Int])?[0] == 1, stride[0] == 1, shape["operatorKind"] as? String == "convolution" {
                #expect(moved == input.reduce(1, *) + written, "\(shape)")
            } else {
                #expect(moved > written, "\(shape)")
            }
        }
    }

    @Test func theKernelOfEachOperatorIsNamed() throws {
        let profile = try profile()
        let chosen = try #require((profile["machine"] as? [String: Any])?["instructionSet"] as? String)
        let named = try operators(profile).map { try #require($0["kernel"] as? String) }
        #expect(named.allSatisfy { $0 == "portable" || $0.hasPrefix(chosen + " ") }, "\(named)")
        let portable = try operators(self.profile(environment: ["SWIFTLET_ISA": "portable"]))
        #expect(portable.allSatisfy { $0["kernel"] as? String == "portable" }, "\(portable)")
        if ["amx", "avx512vnni"].contains(chosen) {
            #expect(Set(named).isSuperset(of: ["\(chosen) pointwise", "\(chosen) depthwise3x3"]), "\(named)")
        }
    }

    /// What is measured is printed all the same.
    @Test func aLimitThatIsExceededFailsWithTheShortfall() throws {
        let inspection = try run("inspect", "random.bin", "--json").json()
        let arena = try #require(inspection["arenaBytes"] as? Int)
        let both = try run(
            "profile", "--model", "random.bin", "--runs", "2", "--json", "--max-arena", "\(arena - 1)", "--max-latency",
            "0.000001")
        let printed = try both.json()["arenaBytes"] as? Int
        #expect(both.status == 1 && printed == arena)
        let line = try #require(both.errors.split(separator: "\n").last)
        #expect(
            line.hasPrefix(
                "swiftlet: error: random.bin: an arena of \(arena) B is 1 B over the limit of \(arena - 1) B; a median of "
            ),
            "\(line)")
        #expect(line.hasSuffix(" ms over the limit of 1e-06 ms"), "\(line)")
        let memory = try run("profile", "--model", "random.bin", "--memory", "--max-arena", "\(arena - 5)")
        #expect(memory.status == 1 && memory.output.contains("tenths of the arena"))
        #expect(memory.errors.hasSuffix("B is 5 B over the limit of \(arena - 5) B\n"), "\(memory.errors)")
        let kept = try run(
            "profile", "--model", "random.bin", "--runs", "2", "--max-arena", "\(arena)", "--max-latency", "1e9")
        #expect(kept.status == 0 && kept.errors == "", "\(kept.errors)")
    }

    /// The page asks for nothing: no address, no file beside it; what a model says of itself cannot end its data.
    @Test func thePageIsOneFileThatNeedsNothing() throws {
        let folder = try TemporaryFolder()
        let model = try Workbench.folder.get() + "/random.bin"
        let result = try swiftlet.run(
            ["profile", "--model", model, "--runs", "2", "--html", "page.html"], in: folder.path)
        #expect(result.status == 0 && folder.names == ["page.html"], "\(result.errors)")
        let page = try String(contentsOfFile: folder.file("page.html"), encoding: .utf8)
        let links = page.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "")
        for word in ["http:", "https:", "src=", "href=", "@import", "url(", "fetch("] {
            #expect(!links.contains(word), "\(word)")
        }
        #expect(page.components(separatedBy: "</script>").count == 3)
        let start = try #require(page.range(of: "id=\"data\">")?.upperBound)
        let end = try #require(page.range(of: "</script>", range: start..<page.endIndex)?.lowerBound)
        let data = try #require(
            JSONSerialization.jsonObject(with: Data(page[start..<end].utf8)) as? [String: Any])
        let moments = try #require((data["timeline"] as? [String: Any])?["moments"] as? Int)
        #expect((data["order"] as? [Any])?.count == moments)
        let times = try #require(data["times"] as? [Double])
        #expect(times.count == moments + 2 && times == times.sorted())
    }

    /// Rows that share bytes of the arena are there at different times: else the page would show what the runtime refutes.
    @Test func noTwoRowsLieInTheSameBytesAtOnce() throws {
        let timeline = try run("profile", "--model", "random.bin", "--memory", "--json").json()
        struct Row {
            var bytes: Range<Int>
            var moments: ClosedRange<Int>
            var name: String
        }
        var rows: [Row] = []
        for ring in try #require(timeline["rings"] as? [[String: Any]]) {
            let report = try #require(ring["ring"] as? [String: Any])
            let (offset, slots) = (try #require(report["offset"] as? Int), try #require(report["rows"] as? Int))
            let (size, phase) = (try #require(ring["rowBytes"] as? Int), try #require(ring["phase"] as? Int))
            for (row, span) in try #require(ring["rowMoments"] as? [[Int]]).enumerated() where !span.isEmpty {
                let start = offset + (row + phase) % slots * size
                rows.append(
                    Row(bytes: start..<(start + size), moments: span[0]...span[1], name: "\(report["name"]!) \(row)"))
            }
        }
        #expect(rows.count > 100)
        // What is written at the very moment at which something else is read for the last time may take its place.
        for (index, row) in rows.enumerated() {
            for other in rows[..<index] where row.bytes.overlaps(other.bytes) {
                let both = row.moments.clamped(to: other.moments)
                #expect(
                    !row.moments.overlaps(other.moments) || both.count == 1,
                    "\(row.name) and \(other.name) at \(both)")
            }
        }
    }

    @Test func theTraceHasEveryRowAndTheBytesInUse() throws {
        let folder = try TemporaryFolder()
        let model = try Workbench.folder.get() + "/random.bin"
        let result = try swiftlet.run(
            ["profile", "--model", model, "--runs", "2", "--trace", "trace.json"], in: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        let trace = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: folder.file("trace.json"))))
                as? [String: Any])
        let events = try #require(trace["traceEvents"] as? [[String: Any]])
        let timeline = try run("profile", "--model", "random.bin", "--memory", "--json").json()
        let used = events.filter { $0["ph"] as? String == "C" }
            .compactMap { ($0["args"] as? [String: Any])?["bytes"] as? Int }
        #expect(used == Array(try #require(timeline["liveBytes"] as? [Int]).dropFirst()))
        let rows = events.filter { $0["ph"] as? String == "X" && $0["pid"] as? Int == 1 }
        #expect(rows.count == used.count)
        #expect(rows.allSatisfy { ($0["ts"] as? Double ?? -1) >= 0 && ($0["dur"] as? Double ?? -1) >= 0 })
        let starts = rows.compactMap { $0["ts"] as? Double }
        #expect(starts == starts.sorted())
    }

    @Test func aPageThatCannotBeWrittenIsToldBeforeAnythingIsMeasured() throws {
        let folder = try TemporaryFolder()
        let model = try Workbench.folder.get() + "/random.bin"
        for option in ["--html", "--trace"] {
            let line = try failure(["profile", "--model", model, option, "none/page"], in: folder.path)
            #expect(line == "cannot write none/page: there is no folder none; make it first")
        }
    }
}
