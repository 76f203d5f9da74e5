/// Runs the executor's order on row counters alone, and notes how many rows of each buffer live at once and when.
///
/// The order is the executor's: of the steps of the running segment that can make a row, the last goes first.
/// What it does not do: place rings or choose segments.

struct Simulation: Sendable {
    let problem: PlanProblem
    let table: StepTable
    /// Where the rows of each buffer begin among those of all.
    let rowBase: [Int]

    struct Result {
        /// The most rows of each buffer that live at once.
        var rows: [Int]
        var firstTick: [Int]
        var lastTick: [Int]
        /// The first and the last moment at which each row holds something; those of buffer b begin at `rowBase[b]`.
        var rowFirst: [Int]
        var rowLast: [Int]
        var ticks = 0
        /// The moment of the last step; rows that are pushed later are read by nobody.
        var lastStepTick = 0
        /// The moment after which each segment began.
        var segmentTicks: [Int] = []
        /// Whether every step made all of its rows.
        var isComplete = false

        /// Nothing has happened yet.
        init(_ simulation: Simulation) {
            let bufferCount = simulation.problem.buffers.count
            let rowCount = simulation.rowBase[bufferCount]
            rows = Array(repeating: 1, count: bufferCount)
            firstTick = Array(repeating: Int.max, count: bufferCount)
            lastTick = Array(repeating: 0, count: bufferCount)
            rowFirst = Array(repeating: Int.max, count: rowCount)
            rowLast = Array(repeating: 0, count: rowCount)
        }
    }

    init(_ problem: PlanProblem) {
        self.problem = problem
        table = StepTable(problem)
        var rowBase = [0]
        for buffer in problem.buffers { rowBase.append(rowBase.last! + buffer.height) }
        self.rowBase = rowBase
    }

    /// The rows of a buffer among those of all.
    func rows(of buffer: Int) -> Range<Int> { rowBase[buffer]..<rowBase[buffer + 1] }

    /// Whether a buffer is an output, or read from step `cut` on.
    func isNeeded(_ buffer: Int, from cut: Int) -> Bool {
        problem.buffers[buffer].isOutput || (table.readers(of: buffer).last ?? -1) >= cut
    }

    /// Bytes of the tensors that must stand whole at each cut: written before it, and still needed.
    func crossingBytes() -> [Int] {
        (0...problem.steps.count).map { cut in
            problem.buffers.indices.reduce(0) { sum, buffer in
                let isWritten = table.writers(of: buffer).contains { $0 < table.sourceCount + cut }
                let bytes = problem.buffers[buffer].rowBytes * problem.buffers[buffer].height
                return sum + (isWritten && isNeeded(buffer, from: cut) ? bytes : 0)
            }
        }
    }

    /// The whole run.
    ///
    /// - Parameter segments: the first step of each, ascending, beginning with 0.
    func run(segments: [Int]) -> Result { run(segments: segments, to: problem.steps.count) }

    /// Steps `segments[0]..<end` alone, as if all before them had been run: what crosses the start is there from the first
    /// moment, what crosses the end stays to the last.
    func run(segments: [Int], to end: Int) -> Result {
        var run = SimulatedRun(self, segments: segments, end: end)
        if segments[0] == 0 {
            run.enterResidentInputs()
            run.begin(segment: 0)
            run.pushSources()
        } else {
            run.enterRows(before: segments[0])
            run.begin(segment: 0)
            run.advance()
        }
        run.finish(before: end)
        return run.result
    }
}
