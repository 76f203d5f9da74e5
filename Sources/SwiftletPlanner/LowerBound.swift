/// What no order of rows can do without.
///
/// A moment of any run is a set of rows that have been made: with a row, all that it reads, and all before it in its map. Bytes
/// live that have been written and not yet been read by their last reader. To make one certain row, some such set must hold
/// its inputs and not yet the row itself; the set with the fewest live bytes is a cheapest cut between what has happened and
/// what has not. Whatever a run's order, it makes that row at some moment, so the largest of these cuts over rows is a bound
/// for every order of rows of these steps: for any segments, and for none. A run must also get from one set to the next, and
/// rows must be placed, so it need not be within reach.
///
/// What it does not do: bound other operators than the problem's, such as recomputing ones.

extension Planner {
    /// The bounds of the networks here come from one of the fullest eight, but for one that more would raise by 3 %.
    private static let mostMoments = 8

    /// State, and the bytes that live at the fullest moment of any order in which the problem's rows can be made once each.
    ///
    /// Looks at one row of each step, the one at which `plan` has most alive, the fullest first, and stops where `plan` itself
    /// is below what has been found, or after eight.
    ///
    /// - Throws: `PlanError.neverFinishes`.
    public func lowerBoundBytes(_ plan: Plan) throws -> Int {
        let timeline = try timeline(segments: plan.segments)
        let network = RowNetwork(problem)
        let fullest: [(live: Int, step: Int, row: Int)] = problem.steps.indices.compactMap { step in
            guard !problem.steps[step].isReduction else { return nil }
            let rows = timeline.rows[problem.steps[step].writes]
            return rows.prefix(problem.steps[step].outputHeight).enumerated()
                .compactMap { row, life in life.map { (timeline.liveBytes[$0.lowerBound], step, row) } }
                .max { $0.0 < $1.0 }
        }
        var bound = problem.stateBytes
        for moment in fullest.sorted(by: { $0.live > $1.live }).prefix(Self.mostMoments) where moment.live > bound {
            bound = max(bound, problem.stateBytes + network.leastBytes(step: moment.step, row: moment.row))
        }
        return bound
    }
}

/// The rows of a problem as a graph whose cuts are moments of a run: on one side what has happened, on the other what has not.
struct RowNetwork {
    private let problem: PlanProblem
    private let table: StepTable
    private var graph: FlowGraph
    private let happened: Int
    private let ahead: Int
    /// The node of each producer's first row; of a reduction, of the first row that it takes.
    private var made: [Int] = []
    /// The node of each buffer's first row: that it has been begun.
    private var begun: [Int] = []

    init(_ problem: PlanProblem) {
        self.problem = problem
        table = StepTable(problem)
        graph = FlowGraph(nodeCount: 2)
        (happened, ahead) = (0, 1)
        for producer in table.heights.indices { made.append(graph.addNodes(moments(of: producer))) }
        for buffer in problem.buffers { begun.append(graph.addNodes(buffer.height)) }
        for producer in table.heights.indices { addOrder(of: producer) }
        for buffer in problem.buffers.indices { addLives(of: buffer) }
    }

    /// The fewest bytes that live, this row and what it is made from included, whatever has been made before.
    func leastBytes(step: Int, row: Int) -> Int {
        var moment = graph
        let producer = table.sourceCount + step
        func hasHappened(_ node: Int) { moment.addEdge(from: happened, to: node, capacity: FlowGraph.unlimited) }
        for (input, last) in inputs(of: producer, row) { hasHappened(made[input] + last) }
        if row > 0 { hasHappened(made[producer] + row - 1) }
        moment.addEdge(from: made[producer] + row, to: ahead, capacity: FlowGraph.unlimited)
        hasHappened(begun[problem.steps[step].writes] + row)
        let scratch = problem.steps[step].scratch.map { problem.buffers[$0].rowBytes } ?? 0
        return moment.minimumCut(from: happened, to: ahead) + scratch
    }

    // MARK: The graph

    /// Rows that a producer makes, or that a reduction takes.
    private func moments(of producer: ProducerID) -> Int {
        let step = producer - table.sourceCount
        return step >= 0 && table.steps[step].isReduction ? table.steps[step].inputHeight : table.heights[producer]
    }

    /// The last row of each producer that must be there for moment `row` of this one.
    private func inputs(of producer: ProducerID, _ row: Int) -> [(producer: ProducerID, last: Int)] {
        let index = producer - table.sourceCount
        guard index >= 0 else { return [] }
        let step = table.steps[index]
        return step.producers.compactMap { position in
            let input = table.lists[position]
            let last = table.lastRow(index, of: step.hasTables ? table.buffer(of: input) : -1, done: row)
            return last < 0 ? nil : (input, last)
        }
    }

    /// With a row all that it reads and the row before it.
    private mutating func addOrder(of producer: ProducerID) {
        for row in 0..<moments(of: producer) {
            let node = made[producer] + row
            if row > 0 { graph.addEdge(from: node, to: node - 1, capacity: FlowGraph.unlimited) }
            for (input, last) in inputs(of: producer, row) {
                graph.addEdge(from: node, to: made[input] + last, capacity: FlowGraph.unlimited)
            }
        }
    }

    /// Each row of a buffer lives from its first writer to its last reader or writer.
    private mutating func addLives(of buffer: Int) {
        let map = problem.buffers[buffer]
        let reads = table.readers(of: buffer).map { (reader: $0, last: lastReads(of: buffer, by: $0)) }
        for row in 0..<map.height {
            let begin = begun[buffer] + row
            if problem.sources.contains(where: { $0.buffer == buffer && $0.isResident }) {
                graph.addEdge(from: happened, to: begin, capacity: FlowGraph.unlimited)
            }
            let end = map.isOutput ? ahead : graph.addNodes(1)
            graph.addEdge(from: begin, to: end, capacity: map.rowBytes)
            for writer in table.writers(of: buffer) where row < table.heights[writer] {
                // A reduction writes when it takes its last row.
                let node = made[writer] + row + moments(of: writer) - table.heights[writer]
                graph.addEdge(from: node, to: begin, capacity: FlowGraph.unlimited)
                if !map.isOutput { graph.addEdge(from: end, to: node, capacity: FlowGraph.unlimited) }
            }
            for (reader, last) in reads where last[row] >= 0 && !map.isOutput {
                graph.addEdge(
                    from: end, to: made[table.sourceCount + reader] + last[row], capacity: FlowGraph.unlimited)
            }
        }
        // Sums are there from the first row that their reduction takes to the last.
        for (index, step) in problem.steps.enumerated() where step.isReduction && step.scratch == buffer {
            let first = made[table.sourceCount + index]
            let end = graph.addNodes(1)
            graph.addEdge(from: first, to: begun[buffer], capacity: FlowGraph.unlimited)
            graph.addEdge(from: begun[buffer], to: end, capacity: map.rowBytes)
            graph.addEdge(from: end, to: first + step.inputHeight - 1, capacity: FlowGraph.unlimited)
        }
    }

    /// For each row of `buffer` the last moment of step `reader` that reads it; -1 where none does.
    private func lastReads(of buffer: Int, by reader: Int) -> [Int] {
        var result = [Int](repeating: -1, count: problem.buffers[buffer].height)
        for moment in 0..<moments(of: table.sourceCount + reader) {
            let first = table.firstNeeded(reader, of: buffer, done: moment)
            let last = min(table.lastRow(reader, of: buffer, done: moment), result.count - 1)
            if first <= last { for row in first...last { result[row] = moment } }
        }
        return result
    }
}
