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
    var isEmpty: Bool { latest.last ?? -1 < 0 }

    /// Bytes of the rows that live at a moment.
    func bytes(at tick: Int) -> Int {
        first.indices.reduce(0) { $0 + (first[$1] <= tick && tick <= last[$1] ? rowBytes : 0) }
    }

    /// The lowest and the highest slot of rows that live at some moment of `begin...end`.
    private func slots(from begin: Int, to end: Int) -> (lowest: Int, highest: Int)? {
        let born = first.partitioningIndex { $0 > end }
        let lowest = latest.partitioningIndex { $0 >= begin }
        guard lowest < born else { return nil }
        var highest = born - 1
        while last[highest] < begin { highest -= 1 }
        // Rows that come round the ring's end lie at both of its ends.
        return lowest / slots == highest / slots ? (lowest % slots, highest % slots) : (0, slots - 1)
    }

    /// How far this must lie below `other` (its start before the other's start), and how far above, for no two rows that live
    /// at one moment to share a byte. Nil when they may lie anywhere.
    func distances(to other: Lifetime) -> (below: Int, above: Int)? {
        guard let begin = first.first, let otherBegin = other.first.first, let end = latest.last,
            let otherEnd = other.latest.last, begin <= otherEnd, otherBegin <= end
        else { return nil }
        var below = Int.min
        var above = Int.min
        for row in first.indices where last[row] >= first[row] {
            guard let (lowest, highest) = other.slots(from: first[row], to: last[row]) else { continue }
            let slot = row % slots
            below = max(below, (slot + 1) * rowBytes - lowest * other.rowBytes)
            above = max(above, (highest + 1) * other.rowBytes - slot * rowBytes)
        }
        return below == Int.min ? nil : (below, above)
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index whose element is in the second part, where elements of the first part come before all others.
    fileprivate func partitioningIndex(where isInSecondPart: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if isInSecondPart(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

struct Placement {
    let lifetimes: [Lifetime]
    let base: Int
    let alignment: Int
    /// Of each ring to each that lives with it.
    private let distances: [[(ring: Int, below: Int, above: Int)]]

    /// - Parameter base: where the first ring may begin.
    init(_ lifetimes: [Lifetime], base: Int, alignment: Int) {
        self.lifetimes = lifetimes
        self.base = base
        self.alignment = alignment
        func roundUp(_ value: Int) -> Int { Int((Double(value) / Double(alignment)).rounded(.up)) * alignment }
        var distances = [[(ring: Int, below: Int, above: Int)]](repeating: [], count: lifetimes.count)
        for ring in lifetimes.indices {
            for other in 0..<ring {
                guard let (below, above) = lifetimes[ring].distances(to: lifetimes[other]) else { continue }
                distances[ring].append((other, roundUp(below), roundUp(above)))
                distances[other].append((ring, roundUp(above), roundUp(below)))
            }
        }
        self.distances = distances
    }

    /// Offsets, largest first, each where all that are placed span least (greedy by size; Pisarchyk and Lee 2020, "Efficient
    /// memory management for deep neural net inference"). Then, `rounds` times, the ring that ends highest, or any other,
    /// comes to an earlier turn, and what does no harm is kept.
    func offsets(rounds: Int) -> [Int] {
        var order = lifetimes.indices.filter { !lifetimes[$0].isEmpty }.sorted {
            (lifetimes[$0].byteCount, $1) > (lifetimes[$1].byteCount, $0)
        }
        var best = offsets(order)
        // A sequence that is the same every time; constants of Knuth's MMIX.
        var state: UInt64 = 1
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        for round in 0..<(order.count > 1 ? rounds : 0) {
            let top = order.indices.max { end(order[$0], best) < end(order[$1], best) }!
            let position = max(1, round % 2 == 0 ? top : random(order.count))
            var candidate = order
            candidate.insert(candidate.remove(at: position), at: random(position))
            let offsets = offsets(candidate)
            guard height(offsets) <= height(best) else { continue }
            (order, best) = (candidate, offsets)
        }
        return best
    }

    private func end(_ ring: Int, _ offsets: [Int]) -> Int { offsets[ring] + lifetimes[ring].byteCount }

    func height(_ offsets: [Int]) -> Int { lifetimes.indices.map { end($0, offsets) }.max() ?? base }

    private func offsets(_ order: [Int]) -> [Int] {
        // Counted from where the first ring lies: an output that grows over its input lies below it, so there is no lowest
        // place until all are placed.
        var offsets = [Int](repeating: 0, count: lifetimes.count)
        var isPlaced = [Bool](repeating: false, count: lifetimes.count)
        var (lowest, highest) = (Int.max, Int.min)
        for ring in order where !lifetimes[ring].isEmpty {
            let size = lifetimes[ring].byteCount
            let forbidden = distances[ring].filter { isPlaced[$0.ring] }
                .map { (from: offsets[$0.ring] - $0.below, to: offsets[$0.ring] + $0.above) }
                .filter { $0.from < $0.to }
                .sorted { $0.from < $1.from }
            // The places next to a stretch where it may not be; of those, the one with which all rings span least.
            var candidates = lowest == Int.max ? [0] : [lowest]
            if let first = forbidden.first {
                if lowest > first.from { candidates = [first.from] }
                var end = first.to
                for range in forbidden {
                    if range.from >= end {
                        candidates += [end, range.from]
                        end = range.to
                    }
                    end = max(end, range.to)
                }
                candidates.append(end)
            }
            func span(_ offset: Int) -> Int { max(highest, offset + size) - min(lowest, offset) }
            let best = candidates.min { (span($0), $0) < (span($1), $1) }!
            offsets[ring] = best
            isPlaced[ring] = true
            lowest = min(lowest, best)
            highest = max(highest, best + size)
        }
        return lifetimes.indices.map { isPlaced[$0] ? offsets[$0] - lowest + base : base }
    }
}
