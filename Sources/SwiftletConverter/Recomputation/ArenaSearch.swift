/// Less memory for more multiplications: the cheapest way into a given arena that a search finds.
///
/// Three things can be done to a network, none of which changes a byte of its output: its front can work in bands of columns
/// (`ColumnBands`), a separable block can be one operator (`BlockFusion`), and what only a mean reads can be made in shares of its
/// channels (`ChannelShares`). The search first does as much as it can, with as few bands as will do, and then takes back
/// what it can, the most expensive first. What it does not do: look at every combination.
import SwiftletPlanner

struct ArenaSearch {
    /// What is done to a network.
    struct Choice {
        /// The last operator of the front by its name, which fusing does not change, and how many bands it works in.
        var bands: (last: String, count: Int)?
        /// For each candidate of the network: 0 nothing, 1 depthwise convolution and projection as one, 2 the expansion too.
        var blocks: [Int]
        /// For each candidate, how many columns it makes at a time if it is one operator.
        var pieceColumns: [Int]
        var shares: Int
    }

    struct Found {
        var network: AssembledNetwork
        var plan: Plan
    }

    private let network: AssembledNetwork
    private let candidates: [BlockCandidate]
    private let limit: Int
    private let inputIsResident: Bool

    /// - Parameters:
    ///   - limit: bytes that the arena may have.
    ///   - inputIsResident: whether the picture stands in the arena; then there are no bands, which would not make it smaller.
    init(_ network: AssembledNetwork, limit: Int, inputIsResident: Bool) {
        self.network = network
        self.limit = limit
        self.inputIsResident = inputIsResident
        candidates = network.blockCandidates
    }

    /// - Throws: `ConversionError.arenaTooSmall` with the smallest arena that was found; `PlanError`.
    func find() throws -> Found {
        let plain = try Planner(network.planProblem).withInputs(areResident: inputIsResident).plan()
        if plain.arenaBytes <= limit { return Found(network: network, plan: plain) }
        var choice = Choice(
            bands: nil, blocks: candidates.map { $0.expansion == nil ? 1 : 2 },
            pieceColumns: candidates.map { _ in 1 }, shares: Self.mostShares)
        var most = try found(choice)!
        if most.plan.arenaBytes > limit, let banded = try bestBands(choice) {
            if banded.found.plan.arenaBytes < most.plan.arenaBytes { (choice.bands, most) = banded }
        }
        guard most.plan.arenaBytes <= limit else {
            throw ConversionError.arenaTooSmall(
                limit: limit, smallest: min(most.plan.arenaBytes, plain.arenaBytes))
        }
        return try takingBack(choice, most)
    }

    private static let mostShares = 16
    private static let pieceWidths = [8, 4, 2]

    // MARK: What a choice comes to

    private func arranged(_ choice: Choice) -> AssembledNetwork? {
        let blocks = candidates.indices.filter { choice.blocks[$0] > 0 }.map { index in
            FusedBlock(
                candidate: candidates[index], expands: choice.blocks[index] == 2,
                pieceColumns: choice.pieceColumns[index])
        }
        let arranged = network.fusing(blocks).sharingChannels(choice.shares).withoutUnusedBuffers
        guard let (last, count) = choice.bands else { return arranged }
        guard let end = arranged.operations.firstIndex(where: { $0.name == last }) else { return nil }
        return arranged.banded(ColumnBands(end: end + 1, count: count))
    }

    private func planner(_ network: AssembledNetwork) -> Planner {
        Planner(network.planProblem).withInputs(areResident: inputIsResident)
    }

    private func found(_ choice: Choice) throws -> Found? {
        try arranged(choice).map { Found(network: $0, plan: try planner($0).plan()) }
    }

    // MARK: Bands

    /// Of the bands that fit those with the fewest multiplications; where none fit, those of the smallest arena. Nil where the
    /// network cannot work in bands.
    private func bestBands(_ choice: Choice) throws -> (bands: (last: String, count: Int), found: Found)? {
        guard !inputIsResident, let arranged = arranged(choice) else { return nil }
        var best: (bands: (last: String, count: Int), found: Found)?
        var smallest: (bands: (last: String, count: Int), network: AssembledNetwork, bytes: Int)?
        for end in arranged.operations.indices.dropFirst() {
            guard let width = arranged.widthOfCut(end) else { continue }
            var least = Int.max
            var setbacks = 0
            for count in 2...max(2, width) {
                let bands = ColumnBands(end: end, count: count)
                guard let network = arranged.banded(bands), setbacks < 2 else { break }
                if let best, network.multiplyAccumulates >= best.found.network.multiplyAccumulates { break }
                let front = try frontBytes(network, bands)
                // More bands have less and less of a point: their state grows, and the map behind them does not shrink.
                setbacks = front < least ? 0 : setbacks + 1
                least = min(least, front)
                if best == nil, front < (smallest?.bytes ?? Int.max) {
                    smallest = ((arranged.operations[end - 1].name, count), network, front)
                }
                guard front <= limit else { continue }
                let plan = try planner(network).plan()
                guard plan.arenaBytes <= limit else { continue }
                best = ((arranged.operations[end - 1].name, count), Found(network: network, plan: plan))
                break
            }
        }
        if let best { return best }
        return try smallest.map { ($0.bands, Found(network: $0.network, plan: try planner($0.network).plan())) }
    }

    /// What the front alone needs, with the map behind it.
    private func frontBytes(_ network: AssembledNetwork, _ bands: ColumnBands) throws -> Int {
        var front = network
        front.operations = Array(network.operations[..<(bands.count * bands.end)])
        let made = Set(front.operations.map(\.output.buffer))
        for buffer in front.buffers.indices {
            front.buffers[buffer].isOutput =
                made.contains(buffer) && network.readers(of: buffer).contains { $0 >= front.operations.count }
        }
        return try Planner(front.planProblem).plan(segments: [0]).arenaBytes
    }

    // MARK: Back again

    /// Undoes what is not needed, the most multiplications first.
    private func takingBack(_ start: Choice, _ most: Found) throws -> Found {
        var (choice, best) = (start, most)
        func consider(_ other: Choice) throws -> Bool {
            guard let network = arranged(other) else { return false }
            let plan = try plan(network, like: best)
            guard plan.arenaBytes <= limit else { return false }
            (choice, best) = (other, Found(network: network, plan: plan))
            return true
        }
        let saved = candidates.indices.map { index in
            var other = choice
            other.blocks[index] = 0
            return most.network.multiplyAccumulates - (arranged(other)?.multiplyAccumulates ?? 0)
        }
        for index in candidates.indices.sorted(by: { (saved[$0], $1) > (saved[$1], $0) }) {
            for level in 0..<choice.blocks[index] {
                var other = choice
                other.blocks[index] = level
                if try consider(other) { break }
            }
        }
        for shares in [1, 2, 4, 8] {
            var other = choice
            other.shares = shares
            if try consider(other) { break }
        }
        // Wide pieces take less time, not fewer multiplications.
        for index in candidates.indices where choice.blocks[index] > 0 {
            for columns in Self.pieceWidths {
                var other = choice
                other.pieceColumns[index] = columns
                if try consider(other) { break }
            }
        }
        return best
    }

    /// A plan that is found soon: the first guess, or the segments of a network that is almost the same.
    private func plan(_ network: AssembledNetwork, like known: Found) throws -> Plan {
        let planner = planner(network)
        let quick = try planner.quickPlan()
        guard quick.arenaBytes > limit else { return quick }
        let lasts = Set(known.plan.segments.dropFirst().map { known.network.operations[$0 - 1].name })
        let cuts = network.operations.indices.dropFirst().filter { lasts.contains(network.operations[$0 - 1].name) }
        return try planner.plan(segments: [0] + cuts)
    }
}
