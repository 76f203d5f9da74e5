/// Finds a place in the arena for every ring.
///
/// What lives is rows, not rings: a row begins when it is made and ends when it has been read for the last time. So an output
/// may grow over the rows of its input that nobody reads any more, if it begins far enough before it; a ring may begin its
/// life where the top of a tensor has died; and rows that are eaten as soon as they are made take turns in one place.
/// What it does not do: choose what lives when; `Simulation` tells.

/// When the rows of one ring live. Row r lies in slot r modulo the ring's rows.
struct Lifetime {
    let rowBytes: Int
    let slots: Int
    /// The first and the last moment of each row, in ticks. `first` ascends; a row that nobody makes ends before it begins.
    let first: [Int]
    let last: [Int]
    /// `latest[r]` is the last moment of the rows up to r.
    private let latest: [Int]

    init(rowBytes: Int, slots: Int, first: ArraySlice<Int>, last: ArraySlice<Int>) {
        self.rowBytes = rowBytes
        self.slots = slots
        var begin = 0
        self.first = first.map {
            begin = $0 == Int.max ? begin : $0
            return begin
        }
        self.last = zip(first, last).map { $0 == Int.max ? -1 : $1 }
        var most = -1
        latest = self.last.map {
            most = max(most, $0)
            return most
        }
    }

    var byteCount: Int { rowBytes * slots }
    /// Whether no row is ever made.
    var isEmpty: Bool { end < 0 }
    /// The first and the last moment of all.
    var begin: Int { first.first ?? 0 }
    var end: Int { latest.last ?? -1 }

    /// Bytes of the rows that live at a moment.
    func bytes(at tick: Int) -> Int {
        first.indices.reduce(0) { $0 + (first[$1] <= tick && tick <= last[$1] ? rowBytes : 0) }
    }

    /// Gives each row of this, and the rows of the other from the first that has not died to the last that has been born while
    /// it lives; of those some may have died nevertheless.
    func forEachOverlap(with other: Lifetime, _ body: (_ row: Int, _ others: Range<Int>) -> Bool) {
        guard begin <= other.end, other.begin <= end else { return }
        // Both ends go up with the row, the second one with few steps back.
        var lowest = 0
        var born = 0
        for row in first.indices where last[row] >= first[row] {
            while lowest < other.latest.count, other.latest[lowest] < first[row] { lowest += 1 }
            while born < other.first.count, other.first[born] <= last[row] { born += 1 }
            while born > 0, other.first[born - 1] > last[row] { born -= 1 }
            if lowest < born, !body(row, lowest..<born) { return }
        }
    }

    /// How far this must lie below `other` (its start before the other's start), and how far above, for no two rows that live
    /// at one moment to share a byte. Nil when they may lie anywhere.
    func distances(to other: Lifetime) -> (below: Int, above: Int)? {
        var below = Int.min
        var above = Int.min
        forEachOverlap(with: other) { row, others in
            var highest = others.upperBound - 1
            while other.last[highest] < first[row] { highest -= 1 }
            // Rows that come round the ring's end lie at both of its ends.
            let comesRound = others.lowerBound / other.slots != highest / other.slots
            let slot = row % slots
            let lowestSlot = comesRound ? 0 : others.lowerBound % other.slots
            let highestSlot = comesRound ? other.slots - 1 : highest % other.slots
            below = max(below, (slot + 1) * rowBytes - lowestSlot * other.rowBytes)
            above = max(above, (highestSlot + 1) * other.rowBytes - slot * rowBytes)
            return true
        }
        return below == Int.min ? nil : (below, above)
    }
}

struct Placement {
    let lifetimes: [Lifetime]
    let base: Int
    let alignment: Int
    private let sizes: [Int]
    /// The rings that live with each ring, and how far below and above them it must lie.
    private let neighbours: [[Neighbour]]

    private struct Neighbour {
        var ring: Int
        var below: Int
        var above: Int
    }

    /// - Parameter base: where the first ring may begin.
    init(_ lifetimes: [Lifetime], base: Int, alignment: Int) {
        self.lifetimes = lifetimes
        self.base = base
        self.alignment = alignment
        func roundUp(_ value: Int) -> Int { Int((Double(value) / Double(alignment)).rounded(.up)) * alignment }
        var neighbours = [[Neighbour]](repeating: [], count: lifetimes.count)
        for ring in lifetimes.indices {
            for other in 0..<ring {
                guard let (below, above) = lifetimes[ring].distances(to: lifetimes[other]) else { continue }
                let (down, up) = (roundUp(below), roundUp(above))
                neighbours[ring].append(Neighbour(ring: other, below: down, above: up))
                neighbours[other].append(Neighbour(ring: ring, below: up, above: down))
            }
        }
        self.neighbours = neighbours
        sizes = lifetimes.map(\.byteCount)
    }

    /// When to be content with a placement.
    struct Search {
        /// Orders that are tried.
        var rounds: Int
        /// The first placement that ends no higher is taken.
        var enough = 0
    }

    /// Offsets, largest first, each where all that are placed span least (greedy by size; Pisarchyk and Lee 2020, "Efficient
    /// memory management for deep neural net inference"). Then, round by round, the ring that ends highest, or any other,
    /// comes to an earlier turn, and what does no harm is kept.
    func offsets(_ search: Search) -> [Int] {
        var order = lifetimes.indices.filter { !lifetimes[$0].isEmpty }.sorted {
            (lifetimes[$0].byteCount, $1) > (lifetimes[$1].byteCount, $0)
        }
        var best = offsets(order, limit: Int.max)!
        // A sequence that is the same every time; constants of Knuth's MMIX.
        var state: UInt64 = 1
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        for round in 0..<(order.count > 1 ? search.rounds : 0) {
            let highest = height(best)
            guard highest > search.enough else { break }
            let top = order.indices.max { best[order[$0]] + sizes[order[$0]] < best[order[$1]] + sizes[order[$1]] }!
            let position = max(1, round % 2 == 0 ? top : random(order.count))
            var candidate = order
            candidate.insert(candidate.remove(at: position), at: random(position))
            guard let offsets = offsets(candidate, limit: highest - base) else { continue }
            (order, best) = (candidate, offsets)
        }
        return best
    }

    func height(_ offsets: [Int]) -> Int { lifetimes.indices.map { offsets[$0] + sizes[$0] }.max() ?? base }

    /// - Parameter limit: more than this must the rings not span; nil when they would.
    private func offsets(_ order: [Int], limit: Int) -> [Int]? {
        // Counted from where the first ring lies: an output that grows over its input lies below it, so there is no lowest
        // place until all are placed.
        var offsets = [Int](repeating: Self.notPlaced, count: lifetimes.count)
        var forbidden: [(from: Int, to: Int)] = []
        var (lowest, highest) = (0, 0)
        for (turn, ring) in order.enumerated() {
            let size = sizes[ring]
            forbidden.removeAll(keepingCapacity: true)
            for neighbour in neighbours[ring] where offsets[neighbour.ring] != Self.notPlaced {
                let from = offsets[neighbour.ring] - neighbour.below
                let to = offsets[neighbour.ring] + neighbour.above
                if from < to { forbidden.append((from, to)) }
            }
            forbidden.sort { $0.from < $1.from }
            // The places next to a stretch where it may not be; of those, the one with which all rings span least.
            var best = (offset: 0, span: Int.max)
            func consider(_ offset: Int) {
                let span = turn == 0 ? size : max(highest, offset + size) - min(lowest, offset)
                if (span, offset) < (best.span, best.offset) { best = (offset, span) }
            }
            if let first = forbidden.first {
                consider(min(lowest, first.from))
                var end = first.to
                for range in forbidden {
                    if range.from >= end {
                        consider(end)
                        consider(range.from)
                    }
                    end = max(end, range.to)
                }
                consider(end)
            } else {
                consider(lowest)
            }
            guard best.span <= limit else { return nil }
            offsets[ring] = best.offset
            lowest = turn == 0 ? best.offset : min(lowest, best.offset)
            highest = turn == 0 ? best.offset + size : max(highest, best.offset + size)
        }
        return offsets.map { $0 == Self.notPlaced ? base : $0 - lowest + base }
    }

    private static let notPlaced = Int.max
}
