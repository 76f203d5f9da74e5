/// A problem's steps as plain numbers.
///
/// A search makes thousands of runs of thousands of rows each; lists in lists would be counted for at every row.
/// What it does not do: hold what changes in a run.

struct StepTable: Sendable {
    struct Step: Sendable {
        var stride: Int
        var paddingTop: Int
        /// From the first input row of a window to the last.
        var reach: Int
        var inputHeight: Int
        var outputHeight: Int
        var isReduction: Bool
        /// Whether its rows are in tables, which are looked up in the problem.
        var hasTables: Bool
        var writes: Int
        /// -1 for none.
        var scratch: Int
        /// In `lists`, as all ranges here.
        var producers: Range<Int>
        var reads: Range<Int>

    }

    private let problem: PlanProblem
    private(set) var steps: [Step] = []
    private(set) var lists: [Int] = []
    /// The steps that wait for each producer, that read each buffer, and the producers that write each buffer; ascending.
    private(set) var consumers: [Range<Int>] = []
    private(set) var readers: [Range<Int>] = []
    private(set) var writers: [Range<Int>] = []
    /// Rows that each producer makes.
    let heights: [Int]
    let sourceCount: Int

    init(_ problem: PlanProblem) {
        self.problem = problem
        sourceCount = problem.sources.count
        heights = problem.sources.map(\.height) + problem.steps.map(\.outputHeight)
        var consumers = [[Int]](repeating: [], count: heights.count)
        var readers = [[Int]](repeating: [], count: problem.buffers.count)
        var writers = [[ProducerID]](repeating: [], count: problem.buffers.count)
        for (index, source) in problem.sources.enumerated() { writers[source.buffer].append(index) }
        for (index, step) in problem.steps.enumerated() {
            for producer in step.producers where consumers[producer].last != index { consumers[producer].append(index) }
            for buffer in Set(step.reads).sorted() { readers[buffer].append(index) }
            writers[step.writes].append(sourceCount + index)
            steps.append(
                Step(
                    stride: step.stride, paddingTop: step.paddingTop, reach: (step.kernelRows - 1) * step.dilation,
                    inputHeight: step.inputHeight, outputHeight: step.outputHeight, isReduction: step.isReduction,
                    hasTables: !step.rowTables.isEmpty, writes: step.writes, scratch: step.scratch ?? -1,
                    producers: append(step.producers),
                    reads: append(step.reads)))
        }
        self.consumers = consumers.map { append($0) }
        self.readers = readers.map { append($0) }
        self.writers = writers.map { append($0) }
    }

    private mutating func append(_ list: [Int]) -> Range<Int> {
        lists += list
        return (lists.count - list.count)..<lists.count
    }

    /// The buffer that a producer writes.
    func buffer(of producer: ProducerID) -> Int {
        producer < sourceCount ? problem.sources[producer].buffer : steps[producer - sourceCount].writes
    }

    /// As `PlanProblem.Step.lastRow`; of a reduction, the row that it takes next.
    func lastRow(_ index: Int, of buffer: Int, done: Int) -> Int {
        let step = steps[index]
        if step.isReduction { return done }
        if step.hasTables { return problem.steps[index].lastRow(of: buffer, for: done) }
        return min(done * step.stride - step.paddingTop + step.reach, step.inputHeight - 1)
    }

    /// As `PlanProblem.Step.firstNeeded`.
    func firstNeeded(_ index: Int, of buffer: Int, done: Int) -> Int {
        let step = steps[index]
        if step.isReduction { return done }
        if done >= step.outputHeight { return Int.max }
        if step.hasTables { return problem.steps[index].firstNeeded(of: buffer, done: done) }
        return max(0, done * step.stride - step.paddingTop)
    }

    func readers(of buffer: Int) -> ArraySlice<Int> { lists[readers[buffer]] }
    func writers(of buffer: Int) -> ArraySlice<ProducerID> { lists[writers[buffer]] }
}
