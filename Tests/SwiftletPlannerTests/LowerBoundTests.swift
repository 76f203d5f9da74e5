import SwiftletGraph
import Testing

@testable import SwiftletPlanner

/// The bound over all orders against the best order itself, which is searched for among all of them.
@Suite struct LowerBoundTests {
    @Test func noOrderOfRowsNeedsLessThanTheBound() throws {
        let seed: UInt64 = 900
        var exact = 0
        let rounds = 150
        for round in 0..<rounds {
            let problem = smallProblem(seed: seed + UInt64(round))
            let best = leastPeak(problem)
            let plan = try Planner(problem).plan()
            let bound = try Planner(problem).lowerBoundBytes(plan)
            #expect(bound <= best, "seed \(seed) round \(round): bound \(bound), best order \(best); \(problem)")
            #expect(best <= plan.livePeakBytes, "seed \(seed) round \(round)")
            exact += bound == best ? 1 : 0
        }
        // Often enough the bound is what the best order needs.
        #expect(exact > rounds / 2, "exact in \(exact) of \(rounds)")
    }

    /// 3x3 over eight rows of 10 bytes: three rows, the row of 7 that they make, and no more.
    @Test func aSlidingWindowNeedsItsRowsAndTheOneThatItMakes() throws {
        let problem = PlanProblem(
            buffers: [
                .init(name: "picture", rowBytes: 10, height: 8), .init(name: "map", rowBytes: 7, height: 8),
                .init(name: "sums", rowBytes: 4, height: 1),
                .init(name: "mean", rowBytes: 1, height: 1, isOutput: true),
            ],
            sources: [.init(buffer: 0, height: 8)],
            steps: [
                .init(
                    producers: [0], reads: [0], writes: 1, kernelRows: 3, paddingTop: 1, inputHeight: 8, outputHeight: 8
                ),
                .init(
                    producers: [1], reads: [1], writes: 3, inputHeight: 8, outputHeight: 1, isReduction: true,
                    scratch: 2),
            ], stateBytes: 100)
        let planner = Planner(problem)
        // The mean's sums have been begun: the map's first row would have to wait otherwise.
        #expect(try planner.lowerBoundBytes(planner.plan()) == 100 + 3 * 10 + 7 + 4)
        // All of the picture is still needed when the map's second row is made.
        let resident = planner.withInputs(areResident: true)
        #expect(try resident.lowerBoundBytes(resident.plan()) == 100 + 8 * 10 + 7 + 4)
    }

    /// Two or three steps over a few rows: windows, a residual, two writers of one map, a mean.
    private func smallProblem(seed: UInt64) -> PlanProblem {
        var generator = SeededGenerator(seed: seed)
        func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let height = random(2...4)
        var buffers = [PlanProblem.Buffer(name: "picture", rowBytes: random(1...9), height: height)]
        var steps: [PlanProblem.Step] = []
        func addWindow(_ producers: [ProducerID], of buffer: Int, into target: Int? = nil) -> (ProducerID, Int) {
            let kernel = 2 * random(0...1) + 1
            if target == nil { buffers.append(.init(name: "map", rowBytes: random(1...9), height: height)) }
            steps.append(
                .init(
                    producers: producers, reads: [buffer], writes: target ?? buffers.count - 1, kernelRows: kernel,
                    paddingTop: kernel / 2, inputHeight: height, outputHeight: height))
            return (steps.count, steps[steps.count - 1].writes)
        }
        let (first, map) = addWindow([0], of: 0)
        switch random(0...2) {
        case 0:
            let (second, other) = addWindow([first], of: map)
            buffers.append(.init(name: "sum", rowBytes: random(1...9), height: height, isOutput: true))
            steps.append(
                .init(
                    producers: [first, second], reads: [map, other], writes: buffers.count - 1, inputHeight: height,
                    outputHeight: height))
        case 1:
            let (second, _) = addWindow([0], of: 0, into: map)
            buffers.append(.init(name: "last", rowBytes: random(1...9), height: (height + 1) / 2, isOutput: true))
            steps.append(
                .init(
                    producers: [first, second], reads: [map], writes: buffers.count - 1, kernelRows: 3, stride: 2,
                    paddingTop: 1, inputHeight: height, outputHeight: (height + 1) / 2))
        default:
            let (second, other) = addWindow([first], of: map)
            buffers.append(.init(name: "sums", rowBytes: random(1...9), height: 1))
            buffers.append(.init(name: "mean", rowBytes: random(1...9), height: 1, isOutput: true))
            steps.append(
                .init(
                    producers: [second], reads: [other], writes: buffers.count - 1, inputHeight: height,
                    outputHeight: 1, isReduction: true, scratch: buffers.count - 2))
        }
        return PlanProblem(
            buffers: buffers, sources: [.init(buffer: 0, height: height)], steps: steps, stateBytes: 16)
    }

    // MARK: All orders

    /// The peak of the order whose peak is smallest: the shortest way through all sets of rows, by their largest moment.
    private func leastPeak(_ problem: PlanProblem) -> Int {
        let ends =
            problem.sources.map(\.height) + problem.steps.map { $0.isReduction ? $0.inputHeight : $0.outputHeight }
        var best: [[Int]: Int] = [Array(repeating: 0, count: ends.count): problem.stateBytes]
        // Sets by their size: every order goes from one size to the next.
        for _ in 0..<ends.reduce(0, +) {
            var following: [[Int]: Int] = [:]
            for (made, peak) in best {
                for producer in ends.indices where made[producer] < ends[producer] {
                    guard let bytes = bytes(making: producer, after: made, problem) else { continue }
                    var next = made
                    next[producer] += 1
                    following[next] = min(following[next] ?? Int.max, max(peak, bytes))
                }
            }
            best = following
        }
        return best[ends]!
    }

    /// What lives while the next row of `producer` is made; nil when its inputs are not there.
    private func bytes(making producer: ProducerID, after made: [Int], _ problem: PlanProblem) -> Int? {
        let sources = problem.sources.count
        let row = made[producer]
        func rowsRead(_ step: PlanProblem.Step, _ row: Int) -> ClosedRange<Int>? {
            if step.isReduction { return row...row }
            let first = max(0, row * step.stride - step.paddingTop)
            let last = step.lastRow(of: step.reads[0], for: row)
            return first <= last ? first...last : nil
        }
        if producer >= sources {
            let step = problem.steps[producer - sources]
            for input in step.producers {
                if let rows = rowsRead(step, row), made[input] <= rows.upperBound { return nil }
            }
        }
        var total = problem.stateBytes
        for (index, buffer) in problem.buffers.enumerated() {
            for place in 0..<buffer.height {
                var hasBegun = false
                var isEnded = !buffer.isOutput
                func note(_ writer: ProducerID, _ moment: Int) {
                    hasBegun = hasBegun || made[writer] > moment || (writer == producer && row == moment)
                    isEnded = isEnded && made[writer] > moment
                }
                for (source, map) in problem.sources.enumerated() where map.buffer == index { note(source, place) }
                for (number, step) in problem.steps.enumerated() {
                    let writer = sources + number
                    if step.writes == index { note(writer, step.isReduction ? step.inputHeight - 1 : place) }
                    if step.scratch == index {
                        hasBegun = made[writer] > 0 || writer == producer
                        isEnded = made[writer] == step.inputHeight
                    }
                    guard step.reads.contains(index) else { continue }
                    let moments = step.isReduction ? step.inputHeight : step.outputHeight
                    for moment in made[writer]..<max(moments, made[writer]) {
                        if rowsRead(step, moment)?.contains(place) == true { isEnded = false }
                    }
                }
                if hasBegun && !isEnded { total += buffer.rowBytes }
            }
        }
        return total
    }
}
