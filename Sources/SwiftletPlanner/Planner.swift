/// Sizes every ring, chooses the segments and places everything in one arena.
///
/// Deterministic: the same problem gives the same plan. What it does not do: recompute rows; every row is made once.

public enum PlanError: Error, Equatable, CustomStringConvertible {
    /// Some step never gets the rows it waits for.
    case neverFinishes

    public var description: String {
        switch self {
        case .neverFinishes: "the network's operators wait for rows that nobody makes; its graph is broken"
        }
    }
}

public struct Planner: Sendable {
    public let problem: PlanProblem
    private let simulation: Simulation

    public init(_ problem: PlanProblem) {
        self.problem = problem
        simulation = Simulation(problem)
    }

    /// The plan of the smallest arena that the search finds.
    ///
    /// At a cut the tensors that cross it stand whole, but the rings before and after it share their memory. The search
    /// begins twice, with all of the network as one stream and with every operator by itself, and keeps the better end.
    ///
    /// - Throws: `PlanError.neverFinishes`.
    public func plan() throws -> Plan {
        let streamed = try sweeping(addingCuts(to: plan(segments: [0])))
        let layerwise = try sweeping(layerwisePlan())
        return layerwise.arenaBytes < streamed.arenaBytes ? layerwise : streamed
    }

    /// Adds the cut that helps most until none helps.
    private func addingCuts(to start: Plan) throws -> Plan {
        var best = start
        while true {
            var improved: Plan?
            for cut in problem.steps.indices.dropFirst() where !best.segments.contains(cut) {
                let candidate = try plan(segments: (best.segments + [cut]).sorted())
                if candidate.arenaBytes < (improved ?? best).arenaBytes { improved = candidate }
            }
            guard let improved else { return best }
            best = improved
        }
    }

    /// Adds or removes one cut after the other wherever that helps, and removes those that do not matter, until a whole
    /// sweep changes nothing.
    private func sweeping(_ start: Plan) throws -> Plan {
        var best = start
        var isChanged = true
        while isChanged {
            isChanged = false
            for cut in problem.steps.indices.dropFirst() {
                let isRemoval = best.segments.contains(cut)
                let segments = isRemoval ? best.segments.filter { $0 != cut } : (best.segments + [cut]).sorted()
                let candidate = try plan(segments: segments)
                guard candidate.arenaBytes < best.arenaBytes || isRemoval && candidate.arenaBytes == best.arenaBytes
                else { continue }
                best = candidate
                isChanged = true
            }
        }
        return best
    }

    /// The plan in which every operator runs to its end before the next begins: all tensors whole.
    public func layerwisePlan() throws -> Plan { try plan(segments: Array(problem.steps.indices)) }

    /// The plan for given segments.
    ///
    /// - Parameter segments: the first step of each, ascending, beginning with 0.
    public func plan(segments: [Int]) throws -> Plan {
        let result = simulation.run(segments: segments)
        guard result.isComplete else { throw PlanError.neverFinishes }
        let sizes = problem.buffers.indices.map { index in
            roundUp(min(result.rows[index], problem.buffers[index].height) * problem.buffers[index].rowBytes)
        }
        let offsets = place(sizes, first: result.firstTick, last: result.lastTick)
        let rings = problem.buffers.indices.map { index in
            Plan.Ring(
                offset: offsets[index], rows: min(result.rows[index], problem.buffers[index].height),
                byteCount: sizes[index], firstTick: result.firstTick[index], lastTick: result.lastTick[index])
        }
        let (peak, tick) = livePeak(rings, ticks: result.ticks)
        return Plan(
            segments: segments, rings: rings, stateBytes: problem.stateBytes,
            arenaBytes: max(problem.stateBytes, rings.map { $0.offset + $0.byteCount }.max() ?? 0),
            livePeakBytes: problem.stateBytes + peak, peakTick: tick, layerwiseBytes: layerwiseBytes())
    }

    private func roundUp(_ value: Int) -> Int {
        (value + problem.alignment - 1) / problem.alignment * problem.alignment
    }

    /// Offsets such that rings which live at the same time do not overlap: largest first, each in the tightest gap that it
    /// fits into (greedy by size; Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference").
    private func place(_ sizes: [Int], first: [Int], last: [Int]) -> [Int] {
        let order = sizes.indices.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
        var offsets = [Int](repeating: problem.stateBytes, count: sizes.count)
        var placed: [Int] = []
        for index in order where first[index] != Int.max {
            let neighbours =
                placed
                .filter { first[$0] <= last[index] && first[index] <= last[$0] }
                .sorted { offsets[$0] < offsets[$1] }
            var bestOffset = -1
            var bestGap = Int.max
            var end = problem.stateBytes
            for neighbour in neighbours {
                let gap = offsets[neighbour] - end
                if gap >= sizes[index], gap < bestGap {
                    bestGap = gap
                    bestOffset = end
                }
                end = max(end, offsets[neighbour] + sizes[neighbour])
            }
            offsets[index] = bestOffset < 0 ? end : bestOffset
            placed.append(index)
        }
        return offsets
    }

    private func livePeak(_ rings: [Plan.Ring], ticks: Int) -> (bytes: Int, tick: Int) {
        var change = [Int](repeating: 0, count: ticks + 2)
        for ring in rings where ring.firstTick != Int.max {
            change[ring.firstTick] += ring.byteCount
            change[ring.lastTick + 1] -= ring.byteCount
        }
        var live = 0
        var peak = (bytes: 0, tick: 0)
        for tick in 0...ticks {
            live += change[tick]
            if live > peak.bytes { peak = (live, tick) }
        }
        return peak
    }

    /// The largest sum of whole tensors that live while one operator runs, in the order of the steps.
    private func layerwiseBytes() -> Int {
        let last = problem.steps.count
        var firstUse = [Int](repeating: Int.max, count: problem.buffers.count)
        var lastUse = [Int](repeating: -1, count: problem.buffers.count)
        for source in problem.sources { firstUse[source.buffer] = 0 }
        for (index, step) in problem.steps.enumerated() {
            for buffer in step.reads + [step.writes] {
                firstUse[buffer] = min(firstUse[buffer], index)
                lastUse[buffer] = index
            }
        }
        for buffer in problem.buffers.indices where problem.buffers[buffer].isOutput { lastUse[buffer] = last }
        return problem.steps.indices.map { step in
            problem.buffers.indices
                .filter { firstUse[$0] <= step && step <= lastUse[$0] }
                .reduce(0) { $0 + problem.buffers[$1].rowBytes * problem.buffers[$1].height }
        }.max() ?? 0
    }
}
