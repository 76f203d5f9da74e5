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
        var shares: Int
        var pieceColumns: Int
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
            bands: nil, blocks: candidates.map { $0.expansion == nil ? 1 : 2 }, shares: Self.mostShares, pieceColumns: 1)
        var smallest = try arenaBytes(choice)
        if smallest > limit {
            let banded = try bestBands(choice)
            choice.bands = banded.bands
            smallest = min(smallest, banded.arenaBytes)
        }
        guard smallest <= limit else {
            throw ConversionError.arenaTooSmall(limit: limit, smallest: try bestEffort(choice, plain))
        }
        choice = try takingBack(choice)
        let found = arranged(choice)!
        return Found(network: found, plan: try planner(found).plan())
    }

    private static let mostShares = 16
    private static let pieceWidths = [8, 4, 2]

    // MARK: What a choice comes to

    private func arranged(_ choice: Choice) -> AssembledNetwork? {
        let blocks = zip(candidates, choice.blocks).filter { $1 > 0 }.map { (candidate: $0, expands: $1 == 2) }
        let arranged = network.fusing(blocks, pieceColumns: choice.pieceColumns).sharingChannels(choice.shares)
        guard let (last, count) = choice.bands else { return arranged }
        guard let end = arranged.operations.firstIndex(where: { $0.name == last }) else { return nil }
        return arranged.banded(ColumnBands(end: end + 1, count: count))
    }

    private func planner(_ network: AssembledNetwork) -> Planner {
        Planner(network.planProblem).withInputs(areResident: inputIsResident)
    }

    /// What the planner's first guess needs: its search would take seconds for all choices together.
    private func arenaBytes(_ choice: Choice) throws -> Int {
        guard let network = arranged(choice) else { return Int.max }
        return try planner(network).quickPlan().arenaBytes
    }

    // MARK: Bands

    /// Of the bands that fit those with the fewest multiplications; where none fit, those of the smallest arena.
    private func bestBands(_ choice: Choice) throws -> (bands: (last: String, count: Int)?, arenaBytes: Int) {
        var best: (bands: (last: String, count: Int)?, arenaBytes: Int, macs: Int) = (nil, Int.max, Int.max)
        guard !inputIsResident else { return (nil, Int.max) }
        var whole = choice
        whole.bands = nil
        guard let arranged = arranged(whole) else { return (nil, Int.max) }
        let stateBytes = arranged.planProblem.stateBytes
        for end in arranged.operations.indices.dropFirst() {
            guard let width = arranged.widthOfCut(end) else { continue }
            var before = Int.max
            for count in 2...max(2, width) {
                let bands = ColumnBands(end: end, count: count)
                guard let front = try frontBytes(arranged, bands, stateBytes: stateBytes) else { break }
                // More bands have less and less of a point: their state grows, and the map behind them does not shrink.
                if front >= before { break }
                before = front
                guard front <= max(limit, best.arenaBytes), let network = arranged.banded(bands) else { continue }
                let macs = network.multiplyAccumulates
                if best.arenaBytes <= limit, macs >= best.macs { break }
                let bytes = try planner(network).quickPlan().arenaBytes
                let fits = bytes <= limit
                if fits ? best.arenaBytes > limit || macs < best.macs : bytes < best.arenaBytes {
                    best = ((arranged.operations[end - 1].name, count), bytes, macs)
                }
                if fits { break }
            }
        }
        return (best.bands, best.arenaBytes)
    }

    /// What the front alone needs, with the map behind it; nil where it cannot work in bands.
    private func frontBytes(_ network: AssembledNetwork, _ bands: ColumnBands, stateBytes: Int) throws -> Int? {
        guard let banded = network.banded(bands) else { return nil }
        var front = banded
        front.operations = Array(banded.operations[..<(bands.count * bands.end)])
        for buffer in Set(front.operations.map(\.output.buffer)) where banded.readers(of: buffer).contains(where: {
            $0 >= front.operations.count
        }) {
            front.buffers[buffer].isOutput = true
        }
        for index in front.buffers.indices where !front.operations.contains(where: { $0.output.buffer == index }) {
            front.buffers[index].isOutput = false
        }
        return try Planner(front.planProblem).plan(segments: [0]).arenaBytes
    }

    // MARK: Back again

    /// Undoes what is not needed, the most multiplications first.
    private func takingBack(_ start: Choice) throws -> Choice {
        var choice = start
        func macs(_ choice: Choice) -> Int { arranged(choice)?.multiplyAccumulates ?? Int.max }
        let most = macs(choice)
        let order = candidates.indices.map { index -> (index: Int, saved: Int) in
            var other = choice
            other.blocks[index] = 0
            return (index, most - macs(other))
        }
        for (index, _) in order.sorted(by: { ($0.saved, $1.index) > ($1.saved, $0.index) }) {
            for level in 0..<choice.blocks[index] {
                var other = choice
                other.blocks[index] = level
                if try arenaBytes(other) <= limit {
                    choice = other
                    break
                }
            }
        }
        for shares in [1, 2, 4, 8] {
            var other = choice
            other.shares = shares
            if try arenaBytes(other) <= limit {
                choice = other
                break
            }
        }
        for columns in Self.pieceWidths {
            var other = choice
            other.pieceColumns = columns
            if try arenaBytes(other) <= limit { return other }
        }
        return choice
    }

    /// The smallest arena of the whole search where the limit was not reached.
    private func bestEffort(_ choice: Choice, _ plain: Plan) throws -> Int {
        let plan = try arranged(choice).map { try planner($0).plan().arenaBytes }
        return min(plan ?? Int.max, plain.arenaBytes)
    }
}
