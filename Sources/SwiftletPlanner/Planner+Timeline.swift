/// What fills the arena when: the run of a plan, moment by moment.
///
/// A moment is a row: one that is pushed, or one that a step makes or takes in. What it does not do: know how long a row takes.

/// A plan's run.
public struct PlanTimeline: Equatable, Sendable {
    /// State and the bytes of rows that live at each moment; moment 0 is before the first row.
    public var liveBytes: [Int]
    /// The moment after which each segment begins.
    public var segmentTicks: [Int]
    /// Of each buffer, then of each row of its map: the moments at which it holds something; nil for rows that nobody makes.
    public var rows: [[ClosedRange<Int>?]]
}

extension Planner {
    /// The run of given segments.
    ///
    /// - Throws: `PlanError.neverFinishes`.
    public func timeline(segments: [Int]) throws -> PlanTimeline {
        let simulation = Simulation(problem)
        let result = simulation.run(segments: segments)
        guard result.isComplete else { throw PlanError.neverFinishes }
        return PlanTimeline(
            liveBytes: simulation.liveBytes(result).map { $0 + problem.stateBytes }, segmentTicks: result.segmentTicks,
            rows: problem.buffers.indices.map { buffer in
                simulation.rows(of: buffer).map { row in
                    result.rowFirst[row] == Int.max ? nil : result.rowFirst[row]...result.rowLast[row]
                }
            })
    }
}
