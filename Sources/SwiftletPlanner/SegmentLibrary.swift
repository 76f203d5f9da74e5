/// Simulations of single segments, each made once, and whole runs put together from them.
///
/// A segment begins when all before it is done, so what happens in it does not depend on where the others begin and end. What
/// crosses its ends is taken to stand whole while it runs, which it does. What it does not do: choose segments.

struct SegmentLibrary {
    /// What one segment does with the buffers that it touches.
    struct Part {
        struct Ring {
            var buffer: Int
            var rows: Int
            var firstTick: Int
            var lastTick: Int
        }

        var rings: [Ring] = []
        /// The rows of all rings, ring after ring.
        var rowFirst: [Int] = []
        var rowLast: [Int] = []
        var ticks: Int
        /// The most bytes of rows that live at one moment.
        var livePeak: Int
        var isComplete: Bool
        /// Whether its last step is the last that happens in it.
        var standsAlone: Bool
    }

    private let simulation: Simulation
    private var parts: [Range<Int>: Part] = [:]

    init(_ simulation: Simulation) { self.simulation = simulation }

    /// The most bytes of rows that live at one moment; nil when the segments have to be simulated together.
    mutating func livePeak(segments: [Int]) -> Int? {
        var most = 0
        for range in ranges(segments) {
            guard let part = part(range) else { return nil }
            most = max(most, part.livePeak)
        }
        return most
    }

    /// The whole run, as `Simulation.run` gives it but for rows that nobody reads: those may live on to their segment's end.
    mutating func run(segments: [Int]) -> Simulation.Result {
        var result = Simulation.Result(simulation)
        result.isComplete = true
        for range in ranges(segments) {
            guard let part = part(range) else { return simulation.run(segments: segments) }
            var position = 0
            for ring in part.rings {
                result.rows[ring.buffer] = max(result.rows[ring.buffer], ring.rows)
                result.firstTick[ring.buffer] = min(result.firstTick[ring.buffer], result.ticks + ring.firstTick)
                result.lastTick[ring.buffer] = max(result.lastTick[ring.buffer], result.ticks + ring.lastTick)
                for row in simulation.rows(of: ring.buffer) {
                    if part.rowFirst[position] != Int.max {
                        result.rowFirst[row] = min(result.rowFirst[row], result.ticks + part.rowFirst[position])
                        result.rowLast[row] = max(result.rowLast[row], result.ticks + part.rowLast[position])
                    }
                    position += 1
                }
            }
            result.ticks += part.ticks
            result.isComplete = result.isComplete && part.isComplete
        }
        return result
    }

    private func ranges(_ segments: [Int]) -> [Range<Int>] {
        zip(segments, segments.dropFirst() + [simulation.problem.steps.count]).map { $0..<$1 }
    }

    /// Nil when the segment does not stand alone: rows are pushed after its last step, when the next one is running already.
    private mutating func part(_ range: Range<Int>) -> Part? {
        if let known = parts[range] { return known.standsAlone ? known : nil }
        let result = simulation.run(segments: [range.lowerBound], to: range.upperBound)
        var part = Part(
            ticks: result.ticks, livePeak: simulation.livePeak(result).bytes, isComplete: result.isComplete,
            standsAlone: result.lastStepTick == result.ticks || range.upperBound == simulation.problem.steps.count)
        for buffer in simulation.problem.buffers.indices where result.firstTick[buffer] != Int.max {
            part.rings.append(
                .init(
                    buffer: buffer, rows: result.rows[buffer], firstTick: result.firstTick[buffer],
                    lastTick: result.lastTick[buffer]))
            part.rowFirst += result.rowFirst[simulation.rows(of: buffer)]
            part.rowLast += result.rowLast[simulation.rows(of: buffer)]
        }
        parts[range] = part
        return part.standsAlone ? part : nil
    }
}
