/// One run of `Simulation`: the row counters and what has been noted.
///
/// What it does not do: choose anything; the segments are given, the order is the executor's.

struct SimulatedRun {
    private(set) var result: Simulation.Result
    private let simulation: Simulation
    private let table: StepTable
    private let segments: [Int]
    private let end: Int
    /// Rows made by each producer; for an unfinished reduction the rows it has taken are in `taken`.
    private var made: [Int]
    private var taken: [Int]
    private var ready: [Bool]
    /// The producer that each step was last found to wait for: until that makes a row, others change nothing. -1 for none.
    private var blocker: [ProducerID]
    private var tick = 0
    private var segment = 0
    private var members = 0..<0
    private var highest = -1
    private var unfinished = 0

    /// - Parameters:
    ///   - segments: the first step of each, ascending.
    ///   - end: where the last of them ends.
    init(_ simulation: Simulation, segments: [Int], end: Int) {
        self.simulation = simulation
        table = simulation.table
        self.segments = segments
        self.end = end
        result = Simulation.Result(simulation)
        made = Array(repeating: 0, count: table.heights.count)
        taken = Array(repeating: 0, count: table.steps.count)
        ready = Array(repeating: false, count: table.steps.count)
        blocker = Array(repeating: -1, count: table.steps.count)
    }

    // MARK: Whole tensors at both ends

    /// Lets inputs that are resident stand whole before the first row is pushed.
    mutating func enterResidentInputs() {
        for source in simulation.problem.sources where source.isResident { enter(source.buffer) }
    }

    private mutating func enter(_ buffer: Int) {
        result.rows[buffer] = simulation.problem.buffers[buffer].height
        result.firstTick[buffer] = 0
        for row in simulation.rows(of: buffer) { result.rowFirst[row] = 0 }
    }

    /// Lets all steps before `start` have been run: what is still needed of theirs stands whole.
    mutating func enterRows(before start: Int) {
        for producer in 0..<(table.sourceCount + start) { made[producer] = table.heights[producer] }
        for index in 0..<start where table.steps[index].isReduction { taken[index] = table.steps[index].inputHeight }
        for buffer in simulation.problem.buffers.indices where simulation.isNeeded(buffer, from: start) {
            if table.writers(of: buffer).contains(where: { made[$0] > 0 }) { enter(buffer) }
        }
    }

    /// Ends the run; what steps from `stop` on need stands whole to the last moment.
    mutating func finish(before stop: Int) {
        for buffer in simulation.problem.buffers.indices where result.firstTick[buffer] != Int.max {
            guard simulation.isNeeded(buffer, from: stop) else { continue }
            result.rows[buffer] = simulation.problem.buffers[buffer].height
            result.lastTick[buffer] = tick
            for row in simulation.rows(of: buffer) { result.rowLast[row] = tick }
        }
        result.ticks = tick
        result.isComplete = unfinished == 0 && segment == segments.count - 1
    }

    // MARK: Order

    mutating func begin(segment index: Int) {
        segment = index
        result.segmentTicks.append(tick)
        members = segments[index]..<(index + 1 < segments.count ? segments[index + 1] : end)
        unfinished = members.count
        for step in members { ready[step] = true }
        highest = members.upperBound - 1
    }

    /// Inputs take turns, a row each, as a caller of several inputs would push them; passes follow each other.
    mutating func pushSources() {
        let sources = simulation.problem.sources
        if simulation.problem.sourcesArePasses {
            for index in sources.indices {
                for row in 0..<sources[index].height { push(row, of: index) }
            }
            return
        }
        for row in 0..<(sources.map(\.height).max() ?? 0) {
            for index in sources.indices where row < sources[index].height { push(row, of: index) }
        }
    }

    private mutating func push(_ row: Int, of index: Int) {
        tick += 1
        noteWrite(simulation.problem.sources[index].buffer, row: row)
        made[index] += 1
        markConsumers(of: index)
        advance()
    }

    /// Makes rows until no step can go on.
    mutating func advance() {
        while true {
            while highest >= members.lowerBound, !ready[highest] { highest -= 1 }
            if highest < members.lowerBound {
                guard unfinished == 0, segment + 1 < segments.count else { return }
                begin(segment: segment + 1)
                continue
            }
            if canStep(highest) { perform(highest) } else { ready[highest] = false }
        }
    }

    private mutating func canStep(_ index: Int) -> Bool {
        let step = table.steps[index]
        let done = made[table.sourceCount + index]
        guard done < step.outputHeight else { return false }
        let next = step.isReduction ? taken[index] : done
        for position in step.producers {
            let producer = table.lists[position]
            let last = table.lastRow(index, of: step.hasTables ? table.buffer(of: producer) : -1, done: next)
            if made[producer] <= last {
                blocker[index] = producer
                return false
            }
        }
        blocker[index] = -1
        return true
    }

    private mutating func markConsumers(of producer: ProducerID) {
        for position in table.consumers[producer] {
            let step = table.lists[position]
            guard members.contains(step), blocker[step] < 0 || blocker[step] == producer else { continue }
            ready[step] = true
            highest = max(highest, step)
        }
    }

    private mutating func perform(_ index: Int) {
        let step = table.steps[index]
        tick += 1
        let done = step.isReduction ? taken[index] : made[table.sourceCount + index]
        for position in step.reads {
            let buffer = table.lists[position]
            let first = table.firstNeeded(index, of: buffer, done: done)
            let last = table.lastRow(index, of: buffer, done: done)
            result.lastTick[buffer] = max(result.lastTick[buffer], tick)
            let base = simulation.rowBase[buffer]
            if first <= last { for row in first...last { result.rowLast[base + row] = tick } }
        }
        if step.scratch >= 0 { note(step.scratch, row: step.isReduction ? 0 : done) }
        result.lastStepTick = tick
        if step.isReduction {
            taken[index] += 1
            guard taken[index] == step.inputHeight else { return }
        }
        let producer = table.sourceCount + index
        noteWrite(step.writes, row: made[producer])
        made[producer] += 1
        markConsumers(of: producer)
        if made[producer] == step.outputHeight { unfinished -= 1 }
    }

    // MARK: Notes

    private mutating func note(_ buffer: Int, row: Int) {
        let index = simulation.rowBase[buffer] + row
        result.firstTick[buffer] = min(result.firstTick[buffer], tick)
        result.lastTick[buffer] = max(result.lastTick[buffer], tick)
        result.rowFirst[index] = min(result.rowFirst[index], tick)
        result.rowLast[index] = tick
    }

    private mutating func noteWrite(_ buffer: Int, row: Int) {
        let first = simulation.problem.buffers[buffer].isOutput ? 0 : min(firstNeeded(buffer), row)
        result.rows[buffer] = max(result.rows[buffer], row - first + 1)
        note(buffer, row: row)
    }

    private func firstNeeded(_ buffer: Int) -> Int {
        var first = Int.max
        for position in table.readers[buffer] {
            let reader = table.lists[position]
            let step = table.steps[reader]
            let done = step.isReduction ? taken[reader] : made[table.sourceCount + reader]
            first = min(first, table.firstNeeded(reader, of: buffer, done: done))
        }
        // A row that one writer has begun stays until the last writer has written it.
        for position in table.writers[buffer] {
            let writer = table.lists[position]
            if made[writer] < table.heights[writer] { first = min(first, made[writer]) }
        }
        return first
    }
}
