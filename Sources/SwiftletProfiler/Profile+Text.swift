/// A profile for a person.
import Foundation

extension Profile {
    public var text: String {
        let sum = operators.reduce(0) { $0 + $1.medianMicroseconds }
        let moved = operators.reduce(0) { $0 + $1.bytesMoved }
        func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
        // The machine's line names the instruction set for all.
        let prefix = machine.instructionSet + " "
        func kernel(_ name: String) -> String { name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name }
        var rows = operators.map {
            [
                $0.name, $0.kind, $0.outputShape, kernel($0.kernel), number($0.medianMicroseconds, 1),
                number($0.p90Microseconds, 1), number(sum > 0 ? $0.medianMicroseconds / sum * 100 : 0, 1), "\($0.macs)",
                $0.macs > 0 ? number($0.gmacsPerSecond, 1) : "", $0.macs > 0 ? number($0.percentOfPeak, 0) : "",
                "\($0.bytesMoved)",
            ]
        }
        rows.append([
            "total", "", "", "", number(sum, 1), "", "100.0", "\(macs)", number(gmacsPerSecond, 1),
            number(percentOfPeak, 0), "\(moved)",
        ])
        var lines = ["\(model): \(architecture)", ""]
        lines += table(
            [
                "operator", "kind", "output", "kernel", "us", "p90", "%", "MACs", "GMAC/s", "% of peak", "moved B",
            ], rows)
        lines += [
            "",
            String(
                format: "latency  median %.3f ms, min %.3f, p90 %.3f (%d runs, %d thread%@)", medianMs, minMs, p90Ms,
                runs,
                threads, threads == 1 ? "" : "s"),
            "machine  \(machine.text)",
            "file     \(fileBytes) B, of which parameters \(weightBytes)",
            memory.text,
        ]
        return lines.joined(separator: "\n")
    }
}

extension MemoryReport {
    /// The arena and what fills it at its peak.
    public var text: String {
        let ratio = String(format: "%.1f", Double(layerwiseBytes) / Double(max(arenaBytes, 1)))
        let rows = rings.filter { $0.peakBytes > 0 }
            .sorted { ($0.peakBytes, $1.offset) > ($1.peakBytes, $0.offset) }
            .map { ["\($0.peakBytes)", "\($0.offset)", "\($0.rows) of \($0.height)", $0.name] }
        let factor = String(format: "%.2f", macsFactor)
        let reads = passes == 1 ? "" : ", the picture is read \(passes) times"
        let isRecomputing = macsFactor > 1 || passes > 1
        return
            ([
                "arena    \(arenaBytes) B in \(segments) segment\(segments == 1 ? "" : "s"); "
                    + "with whole tensors it would be \(layerwiseBytes) B, \(ratio) times as much"
            ]
            + (speed.map { [$0.text] } ?? [])
            + (isRecomputing ? ["         \(factor) times the MACs of a run that recomputes nothing\(reads)"] : [])
            + [
                "         no order of these operators needs less than \(lowerBoundBytes) B",
                "         at its peak \(livePeakBytes) B are in use:", "",
            ]
            + table(["bytes", "at", "rows", "what"], [["\(stateBytes)", "0", "", "executor state"]] + rows))
            .joined(separator: "\n")
    }
}

extension StreamingSpeed {
    var text: String {
        String(
            format:
                "         a run takes %.3f ms, with whole tensors %.3f: %.2f of the time (medians of %d runs in turns)",
            streamedMs, wholeTensorsMs, ratio, runs)
    }
}
