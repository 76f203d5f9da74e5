/// What fills a model's arena when: every ring over the run, every segment and its peak.
///
/// Time is counted in rows, pushed or made: the same on every machine. What it does not do: measure.
import SwiftletFormat
import SwiftletHost
import SwiftletPlanner

public struct MemoryTimeline: Sendable, Codable {
    /// A ring and the rows of the run during which it holds something.
    public struct Ring: Sendable, Codable {
        /// Its number in the file.
        public var index: Int
        public var ring: RingReport
        public var firstMoment: Int
        public var lastMoment: Int
        /// Bytes of a row, and the slot that the first one lies in; row r lies in slot (r + phase) mod rows.
        public var rowBytes: Int
        public var phase: Int
        /// For each row of the map, two moments: the first and the last at which it lies there; empty for one that nobody makes.
        public var rowMoments: [[Int]]
    }

    /// Operators that run together; rings of different segments take turns in the arena.
    public struct Segment: Sendable, Codable {
        public var firstOperator: String
        public var lastOperator: String
        public var firstMoment: Int
        public var lastMoment: Int
        /// The most bytes that hold something at one moment of it, executor state included.
        public var peakBytes: Int
    }

    public var model: String
    public var architecture: String
    public var memory: MemoryReport
    /// The moment at which most bytes are in use, and how many moments the run has.
    public var peakMoment: Int
    public var moments: Int
    public var segments: [Segment]
    public var rings: [Ring]
    /// Bytes in use at each moment, from the one before the first row on.
    public var liveBytes: [Int]

    /// - Throws: `PlanError.neverFinishes` for a model whose operators wait for each other.
    public init(_ file: ModelFile) throws {
        let reader = file.model.reader
        let planner = Planner(try PlanProblem(ofPlanned: file))
        let starts = file.segments
        let timeline = try planner.timeline(segments: starts)
        let plan = try planner.plan(segments: starts)
        model = file.path
        architecture = file.architecture
        memory = try MemoryReport(file)
        peakMoment = plan.peakTick
        moments = timeline.liveBytes.count - 1
        liveBytes = timeline.liveBytes
        rings = zip(memory.rings, plan.rings).enumerated().filter { $1.1.firstTick != Int.max }.map { index, both in
            let buffer = reader.buffer(index)
            return Ring(
                index: index, ring: both.0, firstMoment: both.1.firstTick, lastMoment: both.1.lastTick,
                rowBytes: Int(buffer.rowBytes), phase: Int(buffer.phase),
                rowMoments: timeline.rows[index].map { $0.map { [$0.lowerBound, $0.upperBound] } ?? [] })
        }
        let ends = timeline.segmentTicks.dropFirst() + [moments]
        segments = zip(timeline.segmentTicks, ends).enumerated().map { index, ticks in
            let last = index + 1 < starts.count ? starts[index + 1] : reader.operatorCount
            return Segment(
                firstOperator: file.operationName(starts[index]), lastOperator: file.operationName(last - 1),
                firstMoment: ticks.0 + 1, lastMoment: ticks.1,
                peakBytes: timeline.liveBytes[ticks.0...ticks.1].max() ?? 0)
        }
    }
}

extension MemoryTimeline {
    /// Columns of the map of the arena over time.
    private static let columns = 48

    /// The timeline for a person: rings from the arena's start on, a mark in each column in which they hold something.
    public var text: String {
        let ratio = Double(memory.layerwiseBytes) / Double(max(memory.arenaBytes, 1))
        var lines = [
            "\(model): \(architecture)", "",
            "arena    \(memory.arenaBytes) B; \(memory.livePeakBytes) B are in use at the peak, row \(peakMoment) of "
                + "\(moments) made",
            "         no order of these operators needs less than \(memory.lowerBoundBytes) B",
            "         with whole tensors it would be \(memory.layerwiseBytes) B, \((ratio * 10).rounded() / 10) times as much",
            "",
        ]
        lines += table(
            ["segment", "from", "to", "rows", "peak B"],
            segments.enumerated().map { index, segment in
                [
                    "\(index + 1)", segment.firstOperator, segment.lastOperator,
                    "\(segment.firstMoment)...\(segment.lastMoment)", "\(segment.peakBytes)",
                ]
            })
        lines.append("")
        let all = String(repeating: "#", count: Self.columns)
        lines += table(
            ["at", "bytes", "rows", "ring", mark(peakMoment...peakMoment, "v") + " peak"],
            [["0", "\(memory.stateBytes)", "", "executor state", all]]
                + rings.sorted { ($0.ring.offset, $0.firstMoment) < ($1.ring.offset, $1.firstMoment) }.map {
                    [
                        "\($0.ring.offset)", "\($0.ring.byteCount)", "\($0.ring.rows) of \($0.ring.height)",
                        $0.ring.name, mark($0.firstMoment...$0.lastMoment, "#"),
                    ]
                } + [["", "", "", "in use, tenths of the arena", tenths]])
        return lines.joined(separator: "\n")
    }

    private func column(of moment: Int) -> Int { min(moment * Self.columns / max(moments, 1), Self.columns - 1) }

    private func mark(_ span: ClosedRange<Int>, _ sign: Character) -> String {
        let marked = column(of: span.lowerBound)...column(of: span.upperBound)
        return String((0..<Self.columns).map { marked.contains($0) ? sign : "." })
    }

    /// For each column the most of the arena that is in use, 9 for nine tenths and more.
    private var tenths: String {
        var most = [Int](repeating: 0, count: Self.columns)
        for (moment, bytes) in liveBytes.enumerated() {
            most[column(of: moment)] = max(most[column(of: moment)], bytes)
        }
        return most.map { "\(min($0 * 10 / max(memory.arenaBytes, 1), 9))" }.joined()
    }
}
