/// How much of the arena a simulated run fills at most.
///
/// What it does not do: place; no placement can need less, most need more.

extension Simulation {
    /// The most bytes of rows that live at one moment, and which.
    func livePeak(_ result: Result) -> (bytes: Int, tick: Int) { peak(of: liveBytes(result)) }

    /// Bytes of rows that live at each moment, from 0 on.
    func liveBytes(_ result: Result) -> [Int] {
        bytes(result) { buffer, change in enterRows(buffer, result, &change) }
    }

    /// The same with rings that come round taken as wholes: their slots are free for a moment each, now here, now there, and
    /// little fits in.
    func ringPeak(_ result: Result) -> Int {
        let ringBytes = bytes(result) { buffer, change in
            let (rowBytes, slots) = (problem.buffers[buffer].rowBytes, result.rows[buffer])
            if slots > 1 && slots < problem.buffers[buffer].height {
                change[result.firstTick[buffer]] += rowBytes * slots
                change[result.lastTick[buffer] + 1] -= rowBytes * slots
            } else {
                enterRows(buffer, result, &change)
            }
        }
        return peak(of: ringBytes).bytes
    }

    private func enterRows(_ buffer: Int, _ result: Result, _ change: inout [Int]) {
        let rowBytes = problem.buffers[buffer].rowBytes
        for row in rows(of: buffer) where result.rowFirst[row] != Int.max {
            change[result.rowFirst[row]] += rowBytes
            change[result.rowLast[row] + 1] -= rowBytes
        }
    }

    /// - Parameter enter: adds to a moment's change what a buffer takes from then on.
    private func bytes(_ result: Result, _ enter: (Int, inout [Int]) -> Void) -> [Int] {
        var bytes = [Int](repeating: 0, count: result.ticks + 2)
        for buffer in problem.buffers.indices where result.firstTick[buffer] != Int.max { enter(buffer, &bytes) }
        for tick in 1...(result.ticks + 1) { bytes[tick] += bytes[tick - 1] }
        bytes.removeLast()
        return bytes
    }

    private func peak(of bytes: [Int]) -> (bytes: Int, tick: Int) {
        var peak = (bytes: 0, tick: 0)
        for (tick, count) in bytes.enumerated() where count > peak.bytes { peak = (count, tick) }
        return peak
    }
}
