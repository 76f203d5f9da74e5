/// Runs the executor's order on row counters alone, and notes how many rows of each buffer live at once and when.
///
/// The order is the executor's: of the steps of the running segment that can make a row, the last goes first.
/// What it does not do: place rings or choose segments.

struct Simulation {
    let problem: PlanProblem
    /// Consumers of each producer, ascending.
    let consumers: [[Int]]
    /// Steps that read or write each buffer, and the source that fills it.
    let readers: [[Int]]
    let writers: [[ProducerID]]
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
        var ticks: Int
        /// Whether every step made all of its rows.
        var isComplete: Bool
    }

    init(_ problem: PlanProblem) {
        self.problem = problem
        let sourceCount = problem.sources.count
        var consumers = [[Int]](repeating: [], count: sourceCount + problem.steps.count)
        var readers = [[Int]](repeating: [], count: problem.buffers.count)
        var writers = [[ProducerID]](repeating: [], count: problem.buffers.count)
        for (index, source) in problem.sources.enumerated() { writers[source.buffer].append(index) }
        for (index, step) in problem.steps.enumerated() {
            for producer in step.producers where consumers[producer].last != index { consumers[producer].append(index) }
            for buffer in Set(step.reads).sorted() { readers[buffer].append(index) }
            writers[step.writes].append(sourceCount + index)
        }
        self.consumers = consumers
        self.readers = readers
        self.writers = writers
        var rowBase = [0]
        for buffer in problem.buffers { rowBase.append(rowBase.last! + buffer.height) }
        self.rowBase = rowBase
    }

    /// Bytes of the tensors that must stand whole at each cut: written before it, still to be read, or an output.
    func crossingBytes() -> [Int] {
        let sources = problem.sources.count
        return (0...problem.steps.count).map { cut in
            problem.buffers.indices.reduce(0) { sum, buffer in
                let isWritten = writers[buffer].contains { $0 < sources + cut }
                let isNeeded = problem.buffers[buffer].isOutput || readers[buffer].contains { $0 >= cut }
                let bytes = problem.buffers[buffer].rowBytes * problem.buffers[buffer].height
                return sum + (isWritten && isNeeded ? bytes : 0)
            }
        }
    }

    /// The whole run.
    ///
    /// - Parameter segments: the first step of each, ascending, beginning with 0.
    func run(segments: [Int]) -> Result { run(segments: segments, from: 0, to: problem.steps.count) }

    /// Steps `start..<end` alone, as if all before them had been run: what crosses `start` is there from the first moment,
    /// what crosses `end` stays to the last.
    func run(segments: [Int], from start: Int, to stop: Int) -> Result {
        let sourceCount = problem.sources.count
        let steps = problem.steps
        let buffers = problem.buffers.indices
        // Rows made by each producer; for an unfinished reduction the rows it has taken are in `taken`.
        var made = [Int](repeating: 0, count: sourceCount + steps.count)
        var taken = [Int](repeating: 0, count: steps.count)
        var result = Result(
            rows: buffers.map { _ in 1 }, firstTick: buffers.map { _ in Int.max }, lastTick: buffers.map { _ in 0 },
            rowFirst: Array(repeating: Int.max, count: rowBase[problem.buffers.count]),
            rowLast: Array(repeating: 0, count: rowBase[problem.buffers.count]), ticks: 0, isComplete: false)
        var tick = 0
        var ready = [Bool](repeating: false, count: steps.count)
        var highest = -1
        var segment = 0
        var end = start
        var unfinished = 0

        func height(_ producer: ProducerID) -> Int {
            producer < sourceCount ? problem.sources[producer].height : steps[producer - sourceCount].outputHeight
        }
        func buffer(of producer: ProducerID) -> Int {
            producer < sourceCount ? problem.sources[producer].buffer : steps[producer - sourceCount].writes
        }
        func firstNeeded(_ buffer: Int) -> Int {
            var first = Int.max
            for reader in readers[buffer] {
                let step = steps[reader]
                let done = step.isReduction ? taken[reader] : made[sourceCount + reader]
                first = min(first, step.firstNeeded(of: buffer, done: done))
            }
            // A row that one writer has begun stays until the last writer has written it.
            for writer in writers[buffer] where made[writer] < height(writer) { first = min(first, made[writer]) }
            return first
        }
        func noteWrite(_ buffer: Int, row: Int) {
            let first = problem.buffers[buffer].isOutput ? 0 : min(firstNeeded(buffer), row)
            result.rows[buffer] = max(result.rows[buffer], row - first + 1)
            result.firstTick[buffer] = min(result.firstTick[buffer], tick)
            result.lastTick[buffer] = max(result.lastTick[buffer], tick)
            result.rowFirst[rowBase[buffer] + row] = min(result.rowFirst[rowBase[buffer] + row], tick)
            result.rowLast[rowBase[buffer] + row] = tick
        }
        func markConsumers(of producer: ProducerID) {
            for step in consumers[producer] where step >= segments[segment] && step < end {
                ready[step] = true
                highest = max(highest, step)
            }
        }
        func canStep(_ index: Int) -> Bool {
            let step = steps[index]
            let done = made[sourceCount + index]
            guard done < step.outputHeight else { return false }
            if step.isReduction { return step.producers.allSatisfy { made[$0] > taken[index] } }
            return step.producers.allSatisfy { made[$0] > step.lastRow(of: buffer(of: $0), for: done) }
        }
        func begin(_ index: Int) {
            segment = index
            end = index + 1 < segments.count ? segments[index + 1] : stop
            unfinished = end - segments[index]
            for step in segments[index]..<end { ready[step] = true }
            highest = end - 1
        }
        func perform(_ index: Int) {
            let step = steps[index]
            tick += 1
            let done = step.isReduction ? taken[index] : made[sourceCount + index]
            for buffer in step.reads {
                let last = step.isReduction ? done : step.lastRow(of: buffer, for: done)
                result.lastTick[buffer] = max(result.lastTick[buffer], tick)
                var row = step.firstNeeded(of: buffer, done: done)
                while row <= last {
                    result.rowLast[rowBase[buffer] + row] = tick
                    row += 1
                }
            }
            if let scratch = step.scratch {
                result.firstTick[scratch] = min(result.firstTick[scratch], tick)
                result.lastTick[scratch] = max(result.lastTick[scratch], tick)
                result.rowFirst[rowBase[scratch]] = min(result.rowFirst[rowBase[scratch]], tick)
                result.rowLast[rowBase[scratch]] = tick
            }
            if step.isReduction {
                taken[index] += 1
                guard taken[index] == step.inputHeight else { return }
            }
            noteWrite(step.writes, row: made[sourceCount + index])
            made[sourceCount + index] += 1
            markConsumers(of: sourceCount + index)
            if made[sourceCount + index] == step.outputHeight { unfinished -= 1 }
        }
        func advance() {
            while true {
                while highest >= segments[segment], !ready[highest] { highest -= 1 }
                if highest < segments[segment] {
                    guard unfinished == 0, segment + 1 < segments.count else { return }
                    begin(segment + 1)
                    continue
                }
                guard canStep(highest) else {
                    ready[highest] = false
                    continue
                }
                perform(highest)
            }
        }

        if start > 0 {
            for producer in 0..<(sourceCount + start) { made[producer] = height(producer) }
            for index in 0..<start where steps[index].isReduction { taken[index] = steps[index].inputHeight }
            for buffer in buffers where writers[buffer].contains(where: { made[$0] > 0 }) {
                let isNeeded = problem.buffers[buffer].isOutput || readers[buffer].contains { $0 >= start }
                guard isNeeded else { continue }
                result.rows[buffer] = problem.buffers[buffer].height
                result.firstTick[buffer] = 0
                for row in rowBase[buffer]..<rowBase[buffer + 1] { result.rowFirst[row] = 0 }
            }
        }
        begin(0)
        if start > 0 { advance() }
        // Inputs take turns, a row each, as a caller of several inputs would push them.
        let tallest = start > 0 ? 0 : problem.sources.map(\.height).max() ?? 0
        for row in 0..<tallest {
            for (index, source) in problem.sources.enumerated() where row < source.height {
                tick += 1
                noteWrite(source.buffer, row: row)
                made[index] += 1
                markConsumers(of: index)
                advance()
            }
        }
        for buffer in buffers where result.firstTick[buffer] != Int.max {
            guard problem.buffers[buffer].isOutput || readers[buffer].contains(where: { $0 >= stop }) else { continue }
            result.rows[buffer] = problem.buffers[buffer].height
            result.lastTick[buffer] = tick
            for row in rowBase[buffer]..<rowBase[buffer + 1] { result.rowLast[row] = tick }
        }
        result.ticks = tick
        result.isComplete = unfinished == 0 && segment == segments.count - 1
        return result
    }
}
