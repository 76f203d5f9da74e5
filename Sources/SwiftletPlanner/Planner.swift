/// Sizes every ring, chooses the segments, lets rings share their slots and places everything in one arena.
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

    /// The same with inputs that stand whole before the first row is pushed, as a camera's frame buffer does, or that are streams.
    public func withInputs(areResident: Bool) -> Planner {
        var problem = problem
        for index in problem.sources.indices { problem.sources[index].isResident = areResident }
        return Planner(problem)
    }

    /// The plan of the smallest arena that the search finds.
    ///
    /// At a cut the tensors that cross it stand whole, but the rings before and after it share their memory. Between two cuts
    /// no more lives at once than the simulation of that segment alone tells, so the cuts whose worst segment is smallest are
    /// found by dynamic programming. Placing what lives may need more than that: so cuts are then added and removed one by one,
    /// from the best ones on and from none, and the better end is kept.
    ///
    /// - Throws: `PlanError.neverFinishes`.
    public func plan() throws -> Plan {
        var library = SegmentLibrary(simulation)
        let streamed = try segmentation([0], &library)
        let cut = try bestCuts(limit: streamed.arenaBytes).map { try segmentation($0, &library) }
            .min { $0.arenaBytes < $1.arenaBytes }!
        let ends = try [sweeping(cut, &library), sweeping(streamed, &library)]
        let best = ends.min { $0.arenaBytes < $1.arenaBytes }!
        return try sparingCaches(plan(segments: best.segments, rounds: 1000), &library)
    }

    /// Half of a second-level cache of 512 KiB.
    private static let cacheBytes = 256 << 10

    /// The same plan with more cuts, where they cost no byte and part operators whose weights no cache holds together: rows of a
    /// segment take turns, and all of its weights go through the cache with each of them; an operator that is alone in a segment
    /// may make several rows at once. (ResNet-18: 5 % of the time row by row, 30 % with matrix tiles.) The last come first, for
    /// late layers have the most weights and the least rows.
    private func sparingCaches(_ plan: Plan, _ library: inout SegmentLibrary) throws -> Plan {
        var best = try segmentation(plan.segments, &library)
        let limit = max(best.arenaBytes, plan.arenaBytes)
        for cut in cuts.reversed() where !best.segments.contains(cut) {
            let segments = (best.segments + [cut]).sorted()
            let place = segments.firstIndex(of: cut)!
            let parted = segments[place - 1]..<(place + 1 < segments.count ? segments[place + 1] : problem.steps.count)
            guard problem.steps[parted].reduce(0, { $0 + $1.parameterBytes }) > Self.cacheBytes else { continue }
            if let peak = library.livePeak(segments: segments), problem.stateBytes + peak > limit { continue }
            let candidate = try segmentation(segments, &library)
            // What a quick placement has no room for a longer search may have.
            if try candidate.arenaBytes <= limit || fits(segments, limit) {
                best = candidate
            }
        }
        guard best.segments != plan.segments else { return plan }
        let parted = try self.plan(segments: best.segments, rounds: 1000)
        return parted.arenaBytes <= plan.arenaBytes ? parted : plan
    }

    /// Whether the rings of these segments find room in so many bytes.
    private func fits(_ segments: [Int], _ limit: Int) throws -> Bool {
        let result = simulation.run(segments: segments)
        guard result.isComplete else { throw PlanError.neverFinishes }
        return arenaBytes(layout(lifetimes(result), rounds: 300, enough: limit)) <= limit
    }

    /// A plan that is found in a tenth of the time, of an arena that may be larger.
    ///
    /// - Throws: `PlanError.neverFinishes`.
    public func quickPlan() throws -> Plan {
        var library = SegmentLibrary(simulation)
        let streamed = try segmentation([0], &library)
        let found = try [streamed] + bestCuts(limit: streamed.arenaBytes).map { try segmentation($0, &library) }
        return try plan(segments: found.min { $0.arenaBytes < $1.arenaBytes }!.segments, rounds: 20)
    }

    /// The first step of each segment, and what a quick placement makes of it.
    private struct Segmentation {
        var segments: [Int]
        var arenaBytes: Int
    }

    private func segmentation(_ segments: [Int], _ library: inout SegmentLibrary) throws -> Segmentation {
        let result = library.run(segments: segments)
        guard result.isComplete else { throw PlanError.neverFinishes }
        return Segmentation(segments: segments, arenaBytes: arenaBytes(quickLayout(lifetimes(result))))
    }

    /// Where a segment may begin. Steps that fill the same rows together are not parted.
    private var cuts: [Int] {
        problem.steps.indices.dropFirst().filter { index in
            let (before, after) = (problem.steps[index - 1], problem.steps[index])
            return before.writes != after.writes || before.producers != after.producers
        }
    }

    /// Most positions for a cut that are looked at: the search takes as many simulations as there are pairs of them.
    private static let mostCuts = 70

    /// The cuts whose fullest segment is smallest; of several, those whose segments are smallest together. Two answers: by the
    /// rows that live, and by what rings take up.
    ///
    /// - Parameter limit: bytes that some plan needs: where more would have to stand whole, no cut is worth a thought.
    private func bestCuts(limit: Int) -> [[Int]] {
        let count = problem.steps.count
        let crossing = simulation.crossingBytes()
        let narrow = cuts.filter { crossing[$0] < limit }
            .sorted { (crossing[$0], $0) < (crossing[$1], $1) }.prefix(Self.mostCuts)
        let places = [0] + narrow.sorted() + [count]
        typealias Entry = (peak: Int, sum: Int, from: Int)
        var tables: [[Entry]] = [[(0, 0, 0)], [(0, 0, 0)]]
        for end in 1..<places.count {
            var found: [Entry] = [(Int.max, Int.max, 0), (Int.max, Int.max, 0)]
            for begin in 0..<end {
                // The tensors at both ends stand whole, at least for a moment.
                let isHopeless = [0, 1].allSatisfy {
                    max(crossing[places[begin]], tables[$0][begin].peak) > found[$0].peak
                }
                if isHopeless { continue }
                let result = simulation.run(segments: [places[begin]], to: places[end])
                guard result.isComplete else { continue }
                for (table, peak) in [simulation.livePeak(result).bytes, simulation.ringPeak(result)].enumerated() {
                    let before = tables[table][begin]
                    let candidate: Entry = (max(peak, before.peak), peak + before.sum, begin)
                    if (candidate.peak, candidate.sum) < (found[table].peak, found[table].sum) {
                        found[table] = candidate
                    }
                }
            }
            for table in tables.indices { tables[table].append(found[table]) }
        }
        return tables.map { table in
            var cuts: [Int] = []
            var place = places.count - 1
            while place > 0 {
                place = table[place].from
                cuts.append(places[place])
            }
            return cuts.reversed()
        }
    }

    /// Adds or removes one cut after the other wherever that helps, and removes those that do not matter, until a whole
    /// sweep changes nothing.
    private func sweeping(_ start: Segmentation, _ library: inout SegmentLibrary) throws -> Segmentation {
        var best = start
        var isChanged = true
        while isChanged {
            isChanged = false
            for cut in cuts {
                let isRemoval = best.segments.contains(cut)
                let segments = isRemoval ? best.segments.filter { $0 != cut } : (best.segments + [cut]).sorted()
                let limit = best.arenaBytes + (isRemoval ? 1 : 0)
                if let peak = library.livePeak(segments: segments), problem.stateBytes + peak >= limit { continue }
                let candidate = try segmentation(segments, &library)
                guard candidate.arenaBytes < limit else { continue }
                best = candidate
                isChanged = true
            }
        }
        return best
    }

    /// Bytes of the maps that stand whole where a segment begins, one for each step, and one for the end.
    public var crossingBytes: [Int] { simulation.crossingBytes() }

    /// The plan in which every operator runs to its end before the next begins: all tensors whole.
    public func layerwisePlan() throws -> Plan { try plan(segments: Array(problem.steps.indices)) }

    /// The plan for given segments.
    ///
    /// - Parameter segments: the first step of each, ascending, beginning with 0.
    public func plan(segments: [Int]) throws -> Plan { try plan(segments: segments, rounds: 300) }

    private func plan(segments: [Int], rounds: Int) throws -> Plan {
        let result = simulation.run(segments: segments)
        guard result.isComplete else { throw PlanError.neverFinishes }
        return plan(segments: segments, result, rounds: rounds)
    }

    private func plan(segments: [Int], _ result: Simulation.Result, rounds: Int) -> Plan {
        let lifetimes = lifetimes(result)
        let layout = layout(lifetimes, rounds: rounds)
        let peak = simulation.livePeak(result)
        let rings = problem.buffers.indices.map { index in
            Plan.Ring(
                offset: layout.rings[index].offset, rows: layout.rings[index].slots, phase: layout.rings[index].phase,
                byteCount: layout.rings[index].slots * problem.buffers[index].rowBytes,
                firstTick: result.firstTick[index], lastTick: result.lastTick[index],
                peakBytes: lifetimes[index].bytes(at: peak.tick))
        }
        return Plan(
            segments: segments, rings: rings, stateBytes: problem.stateBytes,
            arenaBytes: arenaBytes(layout),
            livePeakBytes: problem.stateBytes + peak.bytes, peakTick: peak.tick, layerwiseBytes: layerwiseBytes)
    }

    /// With all rings shared that can be, after few tries.
    private func quickLayout(_ lifetimes: [Lifetime]) -> RingLayout {
        layout(lifetimes, shared: sharedRings(lifetimes), rounds: 20)
    }

    /// The lowest layout found without shared rings, with all of them, and with some: a ring that is shared is there for as long
    /// as the first and the last of its members, which is not always worth it.
    ///
    /// - Parameter enough: the search ends with the first layout that is no higher.
    private func layout(_ lifetimes: [Lifetime], rounds: Int, enough: Int = 0) -> RingLayout {
        let all = sharedRings(lifetimes)
        var shared: [SharedRing] = []
        var best = layout(lifetimes, shared: [], rounds: rounds, enough: enough)
        func consider(_ candidate: [SharedRing]) {
            guard best.height > enough else { return }
            let layout = layout(lifetimes, shared: candidate, rounds: rounds, enough: enough)
            if layout.height < best.height { (best, shared) = (layout, candidate) }
        }
        if !all.isEmpty { consider(all) }
        for ring in all {
            consider(shared.contains(ring) ? shared.filter { $0 != ring } : shared + [ring])
        }
        return best
    }

    private func sharedRings(_ lifetimes: [Lifetime]) -> [SharedRing] {
        RingSharing.sharedRings(lifetimes, heights: problem.buffers.map(\.height))
    }

    private func layout(_ lifetimes: [Lifetime], shared: [SharedRing], rounds: Int, enough: Int = 0) -> RingLayout {
        RingLayout(
            lifetimes, shared: shared, base: problem.stateBytes, alignment: problem.alignment,
            search: .init(rounds: rounds, enough: enough))
    }

    private func arenaBytes(_ layout: RingLayout) -> Int { roundUp(max(problem.stateBytes, layout.height)) }

    /// What the placement is to find room for.
    private func lifetimes(_ result: Simulation.Result) -> [Lifetime] {
        problem.buffers.indices.map { index in
            let rows = simulation.rows(of: index)
            return Lifetime(
                rowBytes: problem.buffers[index].rowBytes, slots: result.rows[index],
                first: result.rowFirst[rows], last: result.rowLast[rows])
        }
    }

    private func roundUp(_ value: Int) -> Int {
        (value + problem.alignment - 1) / problem.alignment * problem.alignment
    }

    /// The largest sum of whole tensors that live while one operator runs, in the order of the steps.
    public var layerwiseBytes: Int {
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
