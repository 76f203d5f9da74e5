/// One run as a trace for chrome://tracing and ui.perfetto.dev: rows over time, and what fills the arena meanwhile.
///
/// The Trace Event Format (Duan and Bouma, "Trace Event Format", 2016): complete events "X", counters "C", metadata "M";
/// times in microseconds. What it does not do: measure; `Profile` has noted the run, `MemoryTimeline` knows the arena.
import Foundation
import SwiftletHost

public struct RunTrace: Encodable {
    public struct Event: Encodable {
        var name: String
        var ph: String
        var pid: Int
        var tid: Int
        var ts: Double?
        var dur: Double?
        var args: [String: Argument] = [:]
    }

    enum Argument: Encodable {
        case number(Int)
        case text(String)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .number(let number): try container.encode(number)
            case .text(let text): try container.encode(text)
            }
        }
    }

    public var traceEvents: [Event]
    public var displayTimeUnit = "ms"

    private static let timeProcess = 1
    private static let arenaProcess = 2

    /// - Parameter measurement: of the model that `timeline` tells of.
    public init(_ measurement: Profile.Measurement, _ timeline: MemoryTimeline) {
        let profile = measurement.profile
        let run = measurement.fastestRun
        traceEvents = [
            Self.name("process", profile.model, pid: Self.timeProcess),
            Self.name("thread", "rows", pid: Self.timeProcess),
            Self.name("process", "arena of \(profile.arenaBytes) B", pid: Self.arenaProcess),
        ]
        var rows = [Int](repeating: 0, count: profile.operators.count)
        var pushed = 0
        for (moment, event) in run.enumerated() {
            if let index = event.operation {
                let operation = profile.operators[index]
                traceEvents.append(
                    Event(
                        name: operation.name, ph: "X", pid: Self.timeProcess, tid: 0, ts: Self.time(event.start),
                        dur: Self.time(event.end - event.start),
                        args: [
                            "row": .number(rows[index]), "kind": .text(operation.kind),
                            "kernel": .text(operation.kernel),
                        ]))
                rows[index] += 1
            } else {
                traceEvents.append(
                    Event(
                        name: "push", ph: "X", pid: Self.timeProcess, tid: 0, ts: Self.time(event.start), dur: 0,
                        args: ["row": .number(pushed)]))
                pushed += 1
            }
            traceEvents.append(
                Event(
                    name: "in use", ph: "C", pid: Self.arenaProcess, tid: 0, ts: Self.time(event.start),
                    args: ["bytes": .number(timeline.liveBytes[moment + 1])]))
        }
        for ring in timeline.rings {
            let begin = run.start(ofMoment: ring.firstMoment)
            traceEvents.append(Self.name("thread", ring.ring.name, pid: Self.arenaProcess, tid: ring.index + 1))
            traceEvents.append(
                Event(
                    name: ring.ring.name, ph: "X", pid: Self.arenaProcess, tid: ring.index + 1, ts: Self.time(begin),
                    dur: Self.time(run.end(ofMoment: ring.lastMoment) - begin),
                    args: [
                        "offset": .number(ring.ring.offset), "bytes": .number(ring.ring.byteCount),
                        "rows": .text("\(ring.ring.rows) of \(ring.ring.height)"),
                    ]))
        }
    }

    private static func time(_ nanoseconds: Int) -> Double { Double(nanoseconds) / 1e3 }

    private static func name(_ what: String, _ name: String, pid: Int, tid: Int = 0) -> Event {
        Event(name: "\(what)_name", ph: "M", pid: pid, tid: tid, args: ["name": .text(name)])
    }
}

extension [RowEvent] {
    /// Nanoseconds at which a moment begins; moment 0 is before the first row.
    func start(ofMoment moment: Int) -> Int { moment == 0 || isEmpty ? 0 : self[Swift.min(moment, count) - 1].start }

    func end(ofMoment moment: Int) -> Int { moment == 0 || isEmpty ? 0 : self[Swift.min(moment, count) - 1].end }
}
