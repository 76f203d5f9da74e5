import SwiftletPlanner

/// Follows the executor's order on whole numbers: which row each slot of each ring holds, and which row each byte of the
/// arena. Written apart from `Simulation` and `Placement`, whose result it judges.
func firstFault(_ problem: PlanProblem, _ plan: Plan) -> String? {
    let sources = problem.sources.count
    var made = [Int](repeating: 0, count: sources + problem.steps.count)
    var taken = [Int](repeating: 0, count: problem.steps.count)
    // slots[buffer][slot][producer]: the row that the producer wrote there last.
    var slots = plan.rings.map { [[ProducerID: Int]](repeating: [:], count: $0.rows) }
    // The row that wrote each byte last.
    struct Owner: Equatable { var buffer: Int, row: Int }
    var arena = [Owner](repeating: Owner(buffer: -1, row: 0), count: plan.arenaBytes)
    func slot(_ buffer: Int, _ row: Int) -> Int {
        (row + plan.rings[buffer].phase) % plan.rings[buffer].rows
    }
    func bytes(_ buffer: Int, _ row: Int) -> Range<Int> {
        let ring = plan.rings[buffer]
        let start = ring.offset + slot(buffer, row) * problem.buffers[buffer].rowBytes
        return start..<(start + problem.buffers[buffer].rowBytes)
    }
    func holds(_ buffer: Int, _ row: Int) -> Bool {
        arena[bytes(buffer, row)].allSatisfy { $0 == Owner(buffer: buffer, row: row) }
    }
    func write(_ buffer: Int, _ row: Int, by producer: ProducerID) {
        slots[buffer][slot(buffer, row)][producer] = row
        for byte in bytes(buffer, row) { arena[byte] = Owner(buffer: buffer, row: row) }
    }
    for (index, ring) in plan.rings.enumerated() where ring.firstTick != Int.max {
        guard ring.offset >= plan.stateBytes, ring.offset + ring.byteCount <= plan.arenaBytes else {
            return "ring \(index) leaves the arena"
        }
    }
    func isWritten(_ producer: ProducerID, _ buffer: Int) -> Bool {
        producer < sources
            ? problem.sources[producer].buffer == buffer : problem.steps[producer - sources].writes == buffer
    }
    /// Makes one row of step `index`, or says why it reads what is gone.
    func perform(_ index: Int) -> String? {
        let step = problem.steps[index]
        let done = step.isReduction ? taken[index] : made[sources + index]
        let rows = (0..<step.kernelRows).map { done * step.stride - step.paddingTop + $0 * step.dilation }
        for buffer in step.reads {
            for row in step.isReduction ? [done] : rows where row >= 0 && row < step.inputHeight {
                let held = slots[buffer][slot(buffer, row)]
                for producer in step.producers where isWritten(producer, buffer) && held[producer] != row {
                    return "step \(index) row \(done) needs row \(row) of buffer \(buffer), slot holds \(held)"
                }
                guard holds(buffer, row) else {
                    return "step \(index) row \(done) needs row \(row) of buffer \(buffer), its bytes are another's"
                }
            }
        }
        if let scratch = step.scratch {
            guard taken[index] == 0 || holds(scratch, 0) else { return "step \(index) has lost its scratch" }
            write(scratch, 0, by: sources + index)
        }
        taken[index] += 1
        if step.isReduction && taken[index] < step.inputHeight { return nil }
        write(step.writes, made[sources + index], by: sources + index)
        made[sources + index] += 1
        // What was written must not lie over what was being read.
        for buffer in step.reads where buffer != step.writes {
            for row in step.isReduction ? [done] : rows where row >= 0 && row < step.inputHeight {
                guard holds(buffer, row) else { return "step \(index) row \(done) writes over what it reads" }
            }
        }
        return nil
    }
    func canGo(_ index: Int) -> Bool {
        let step = problem.steps[index]
        guard made[sources + index] < step.outputHeight else { return false }
        let last =
            step.isReduction
            ? taken[index]
            : min(
                made[sources + index] * step.stride - step.paddingTop + (step.kernelRows - 1) * step.dilation,
                step.inputHeight - 1)
        return step.producers.allSatisfy { made[$0] > last }
    }
    // A frame buffer is filled before the run: nobody may write over what is still to be read.
    for (index, source) in problem.sources.enumerated() where source.isResident {
        for row in 0..<source.height { write(source.buffer, row, by: index) }
    }
    var segment = 0
    for row in 0..<(problem.sources.map(\.height).max() ?? 0) {
        for (index, source) in problem.sources.enumerated() where row < source.height {
            if !source.isResident { write(source.buffer, row, by: index) }
            made[index] += 1
            while true {
                let end = segment + 1 < plan.segments.count ? plan.segments[segment + 1] : problem.steps.count
                let members = plan.segments[segment]..<end
                if let next = members.last(where: canGo) {
                    if let fault = perform(next) { return fault }
                } else if segment + 1 < plan.segments.count,
                    members.allSatisfy({ made[sources + $0] == problem.steps[$0].outputHeight })
                {
                    segment += 1
                } else {
                    break
                }
            }
        }
    }
    for (index, step) in problem.steps.enumerated() where made[sources + index] != step.outputHeight {
        return "step \(index) made \(made[sources + index]) of \(step.outputHeight) rows"
    }
    for (buffer, ring) in plan.rings.enumerated() where problem.buffers[buffer].isOutput {
        guard ring.phase == 0, ring.rows == problem.buffers[buffer].height,
            (0..<ring.rows).allSatisfy({ holds(buffer, $0) })
        else {
            return "output \(buffer) does not stand whole"
        }
    }
    return nil
}
