/// How much of the arena a simulated run fills at most.
///
/// What it does not do: place; no placement can need less, most need more.

extension Simulation {
    /// The most bytes of rows that live at one moment, and which.
    func livePeak(_ result: Result) -> (bytes: Int, tick: Int) {
        peak(result) { buffer, change in
            let rowBytes = problem.buffers[buffer].rowBytes
            for row in rows(of: buffer) where result.rowFirst[row] != Int.max {
                change[result.rowFirst[row]] += rowBytes
                change[result.rowLast[row] + 1] -= rowBytes
            }
        }
    }

    /// The same with rings that come round taken as wholes: their slots are free for a moment each, now here, now there, and
    /// little fits in.
    func ringPeak(_ result: Result) -> Int {
        peak(result) { buffer, change in
            let (rowBytes, slots) = (problem.buffers[buffer].rowBytes, result.rows[buffer])
            if slots > 1 && slots < problem.buffers[buffer].height {
                change[result.firstTick[buffer]] += rowBytes * slots
                change[result.lastTick[buffer] + 1] -= rowBytes * slots
                return
            }
            for row in rows(of: buffer) where result.rowFirst[row] != Int.max {
                change[result.rowFirst[row]] += rowBytes
                change[result.rowLast[row] + 1] -= rowBytes
            }
        }.bytes
    }

    /// - Parameter enter: adds to a moment's change what a buffer takes from then on.
    private func peak(_ result: Result, _ enter: (Int, inout [Int]) -> Void) -> (bytes: Int, tick: Int) {
        var change = [Int](repeating: 0, count: result.ticks + 2)
        for buffer in problem.buffers.indices where result.firstTick[buffer] != Int.max { enter(buffer, &change) }
        var live = 0
        var peak = (bytes: 0, tick: 0)
        for tick in 0...result.ticks {
            live += change[tick]
            if live > peak.bytes { peak = (live, tick) }
        }
        return peak
    }
}
