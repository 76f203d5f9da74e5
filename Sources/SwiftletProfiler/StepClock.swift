/// Notes when each row of a run is made, and how.
///
/// Room for a whole run is taken before it begins: a note costs two readings of the clock and no allocation. What it does
/// not do: note rows of several threads; it watches the one that calls.
import Foundation
import Swiftlet
import SwiftletKernels

/// A row that was pushed, or that an operator has made or taken in.
public struct RowEvent: Sendable {
    /// Nil for a row that was pushed.
    public var operation: Int?
    /// Nanoseconds since the run began.
    public var start: Int
    public var end: Int
}

struct StepClock: StepObserver {
    /// The events of the fastest run: the one that was disturbed least.
    private(set) var fastest: [RowEvent] = []
    private var events: [RowEvent] = []
    private var runStart: UInt64 = 0
    private var start: UInt64 = 0
    /// Of each run, then of each operator, in nanoseconds.
    private var runs: [[Int]] = []
    private let operators: Int
    /// Rows by the way they were made, of each operator.
    private var paths: [[KernelPath: Int]]

    init(operators: Int) {
        self.operators = operators
        paths = Array(repeating: [:], count: operators)
    }

    mutating func beginRun() {
        events.removeAll(keepingCapacity: true)
        runStart = DispatchTime.now().uptimeNanoseconds
    }

    mutating func endRun() {
        var times = [Int](repeating: 0, count: operators)
        for event in events { if let operation = event.operation { times[operation] += event.end - event.start } }
        runs.append(times)
        let whole = events.last?.end ?? 0
        if fastest.isEmpty || whole < fastest.last!.end { swap(&fastest, &events) }
        if events.capacity < fastest.count { events.reserveCapacity(fastest.count) }
    }

    mutating func didTakeRow(input: Int) {
        let now = Int(DispatchTime.now().uptimeNanoseconds - runStart)
        events.append(RowEvent(operation: nil, start: now, end: now))
    }

    mutating func willStep(operation: Int) { start = DispatchTime.now().uptimeNanoseconds }

    mutating func didChoose(_ path: KernelPath, operation: Int) {
        // After the first run, all is known.
        if runs.isEmpty { paths[operation][path, default: 0] += 1 }
    }

    mutating func didStep(operation: Int, row: Int?, output: OutputRow) {
        let now = DispatchTime.now().uptimeNanoseconds
        events.append(
            RowEvent(operation: operation, start: Int(start - runStart), end: Int(now - runStart)))
    }

    /// Median and 90th percentile over the runs.
    func microseconds(_ operation: Int) -> (median: Double, p90: Double) {
        let sorted = runs.map { Double($0[operation]) / 1e3 }.sorted()
        return (sorted.percentile(50), sorted.percentile(90))
    }

    /// The way in which most of an operator's rows were made.
    func path(of operation: Int) -> KernelPath {
        paths[operation].max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key ?? .reference
    }
}

extension Array where Element == Double {
    /// The value below which `percent` of the sorted values lie. Traps when there is none.
    func percentile(_ percent: Int) -> Double { self[Swift.min(count - 1, count * percent / 100)] }
}
