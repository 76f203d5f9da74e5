/// Rings that turn in step share one ring of slots.
///
/// A ring under a 3x3 window holds three rows only while the window is over them; between two windows it holds two. Rings of
/// one height and one row size, one behind the other in a stream, are at their fullest in turn: so N of them need 2N + 1 slots
/// in place of 3N. Row r of a ring lies in slot `(r + phase) mod slots` of what they share; a ring's phase keeps its rows from
/// those of the others for the whole run. What it does not do: rings that turn at different speeds, or rows of different sizes.

struct SharedRing: Equatable {
    var members: [Int]
    /// One a member.
    var phases: [Int]
    var slots: Int
}

/// The rings of one height and one row size.
struct RingSharing {
    private let rings: [Int]
    private let slots: [Int]
    /// Of each ring's rows to those of each before it; see `Lifetime.rowDifferences`.
    private let differences: [[[Int]?]]

    /// - Parameter heights: rows of each whole map; what stands whole shares with nobody.
    static func sharedRings(_ lifetimes: [Lifetime], heights: [Int]) -> [SharedRing] {
        struct Shape: Hashable { var rowBytes: Int, height: Int }
        var groups: [Shape: [Int]] = [:]
        for index in lifetimes.indices {
            let ring = lifetimes[index]
            guard ring.slots > 1, ring.slots < heights[index], !ring.isEmpty else { continue }
            groups[Shape(rowBytes: ring.rowBytes, height: heights[index]), default: []].append(index)
        }
        return groups.values.filter { $0.count > 1 }.flatMap { RingSharing($0, lifetimes).sharedRings() }
            .sorted { $0.members[0] < $1.members[0] }
    }

    private init(_ rings: [Int], _ lifetimes: [Lifetime]) {
        self.rings = rings
        slots = rings.map { lifetimes[$0].slots }
        differences = rings.indices.map { index in
            rings[..<index].map { lifetimes[rings[index]].rowDifferences(to: lifetimes[$0]) }
        }
    }

    /// From the first ring on, each next one joins when that saves a slot.
    private func sharedRings() -> [SharedRing] {
        var shared: [SharedRing] = []
        var rest = Array(rings.indices)
        while let first = rest.first {
            var ring = SharedRing(members: [first], phases: [0], slots: slots[first])
            var left: [Int] = []
            for candidate in rest.dropFirst() {
                if let grown = fit(ring, candidate) { ring = grown } else { left.append(candidate) }
            }
            rest = left
            ring.members = ring.members.map { rings[$0] }
            if ring.members.count > 1 { shared.append(ring) }
        }
        return shared
    }

    /// The ring with one more member in as few slots as are found; nil when none is saved.
    private func fit(_ ring: SharedRing, _ candidate: Int) -> SharedRing? {
        let members = ring.members + [candidate]
        var known: [[[Int]]] = []
        for (index, member) in members.enumerated() {
            var list: [[Int]] = []
            for other in members[..<index] {
                guard let found = differences[member][other] else { return nil }
                list.append(found)
            }
            known.append(list)
        }
        // Rings that never live together share by placement alone.
        guard known[members.count - 1].contains(where: { !$0.isEmpty }) else { return nil }
        for count in max(ring.slots, slots[candidate])..<(ring.slots + slots[candidate]) {
            if let phases = phases(known, slots: count) {
                return SharedRing(members: members, phases: phases, slots: count)
            }
        }
        return nil
    }

    /// Places tried for one ring of slots before it is given up.
    private static let mostTries = 200

    /// A phase for each member with which no two rows that live at one moment meet in one slot, found by going back and forth.
    ///
    /// - Parameter differences: of each member's rows to those of the ones before it.
    private func phases(_ differences: [[[Int]]], slots: Int) -> [Int]? {
        var phases = [0]
        // How far behind the member before it each one is; a ring that is filled behind another goes best right behind it.
        var steps = [0, 1]
        for _ in 0..<Self.mostTries {
            let index = phases.count
            guard index < differences.count else { return phases }
            guard steps[index] <= slots else {
                // The first member's phase is 0: what counts is how phases differ.
                guard index > 1 else { return nil }
                steps.removeLast()
                phases.removeLast()
                steps[index - 1] += 1
                continue
            }
            let phase = (phases[index - 1] - steps[index] + slots) % slots
            let isFree = phases.indices.allSatisfy { other in
                // Rows whose numbers differ by d meet when the phases differ by as much the other way.
                !differences[index][other].contains { ($0 + phases[other] - phase) % slots == 0 }
            }
            if isFree {
                phases.append(phase)
                steps.append(1)
            } else {
                steps[index] += 1
            }
        }
        return nil
    }
}

extension Lifetime {
    /// All `q - r` of rows r of this and q of the other that live at one moment; nil when there are too many for the rings to be
    /// in step.
    func rowDifferences(to other: Lifetime) -> [Int]? {
        var found: [Int] = []
        forEachOverlap(with: other) { row, others in
            for position in others where other.last[position] >= first[row] {
                if !found.contains(position - row) { found.append(position - row) }
                if found.count > slots + other.slots { return false }
            }
            return true
        }
        return found.count > slots + other.slots ? nil : found
    }
}

/// Every ring's place, with some of them shared.
struct RingLayout {
    struct Ring {
        var offset: Int
        var slots: Int
        var phase: Int
    }

    private(set) var rings: [Ring]
    /// Where the highest ring ends.
    let height: Int

    init(_ lifetimes: [Lifetime], shared: [SharedRing], base: Int, alignment: Int, search: Placement.Search) {
        var placed = lifetimes
        for ring in shared {
            let members = ring.members.map { lifetimes[$0] }
            for member in ring.members { placed[member] = .never }
            placed[ring.members[0]] = Lifetime(whole: members, slots: ring.slots)
        }
        let placement = Placement(placed, base: base, alignment: alignment)
        let offsets = placement.offsets(search)
        height = placement.height(offsets)
        rings = lifetimes.indices.map { Ring(offset: offsets[$0], slots: lifetimes[$0].slots, phase: 0) }
        for ring in shared {
            for (member, phase) in zip(ring.members, ring.phases) {
                rings[member] = Ring(offset: offsets[ring.members[0]], slots: ring.slots, phase: phase)
            }
        }
    }
}

extension Lifetime {
    /// Of a buffer that needs no place.
    fileprivate static let never = Lifetime(rowBytes: 0, slots: 0, first: [], last: [])

    /// All slots of rings of one row size, from the first row of any to the last.
    fileprivate init(whole members: [Lifetime], slots: Int) {
        self.init(
            rowBytes: members[0].rowBytes * slots, slots: 1, first: [members.map(\.begin).min()!],
            last: [members.map(\.end).max()!])
    }
}
