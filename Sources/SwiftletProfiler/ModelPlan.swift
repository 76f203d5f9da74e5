/// The plan of a finished model: which ring holds what, and when, read back from `int8.bin`.
///
/// The file holds places and sizes; when each ring is alive follows from the executor's order, which is simulated again.
/// What it does not do: plan anew.
import SwiftletFormat
import SwiftletHost
import SwiftletPlanner

extension PlanProblem {
    /// The rows and buffers of a model.
    public init(_ file: ModelFile) {
        let reader = file.model.reader
        var heights = [Int](repeating: 1, count: reader.bufferCount)
        var names = (0..<reader.bufferCount).map { "buffer \($0)" }
        func note(_ buffer: UInt16, height: UInt16, name: String) {
            if names[Int(buffer)].hasPrefix("buffer ") { names[Int(buffer)] = name }
            heights[Int(buffer)] = max(heights[Int(buffer)], Int(height))
        }
        for index in 0..<reader.inputCount {
            note(reader.input(index).buffer, height: reader.input(index).height, name: "input")
        }
        let steps = (0..<reader.operatorCount).map { index in
            let record = reader.operation(index)
            let name = file.operationName(index)
            note(record.output.buffer, height: record.outputHeight, name: name)
            let hasScratch = record.scratchBuffer != OperatorRecord.noBuffer
            if hasScratch {
                let isBlock = record.operatorKind == .separableBlock
                names[Int(record.scratchBuffer)] = "\(name) \(isBlock ? "scratch" : "sums")"
                if isBlock { heights[Int(record.scratchBuffer)] = Int(record.outputHeight) }
            }
            let first = Int(record.firstProducer)
            return Step(
                record, block: reader.pointer(record.parameters),
                producers: (first..<(first + Int(record.producerCount))).map { reader.link($0) },
                reads: [Int(record.input.buffer)] + (record.hasSecondOperand ? [Int(record.second.buffer)] : []),
                writes: Int(record.output.buffer), scratch: hasScratch ? Int(record.scratchBuffer) : nil)
        }
        let outputs = Set((0..<reader.outputCount).map { Int(reader.output($0).operand.buffer) })
        self.init(
            buffers: (0..<reader.bufferCount).map { index in
                Buffer(
                    name: names[index], rowBytes: Int(reader.buffer(index).rowBytes), height: heights[index],
                    isOutput: outputs.contains(index))
            },
            sources: (0..<reader.inputCount).map {
                Source(buffer: Int(reader.input($0).buffer), height: Int(reader.input($0).height))
            },
            steps: steps, stateBytes: reader.state.byteCount, alignment: StateLayout.alignment)
        sourcesArePasses = reader.passes > 1
    }
}

extension ModelFile {
    /// The first operator of each segment.
    var segments: [Int] { (0..<model.reader.segmentCount).map { model.reader.segmentStart($0) } }

    /// Multiply-accumulates of a run, over those of a run that recomputes nothing.
    var macsFactor: Double {
        guard let least = model.reader.recomputation?.leastMultiplyAccumulates, least > 0 else { return 1 }
        return Double(model.reader.header.multiplyAccumulates) / Double(least)
    }

    /// Multiply-accumulates of one operator in a run.
    func multiplyAccumulates(_ index: Int) -> Int {
        let record = model.reader.operation(index)
        return record.multiplyAccumulates(block: model.reader.pointer(record.parameters))
    }
}

extension PlanProblem {
    /// The same with inputs that were planned to be resident: they stand whole where a stream would not.
    init(ofPlanned file: ModelFile) throws {
        self.init(file)
        let streamed = try Planner(self).plan(segments: file.segments)
        for index in sources.indices {
            let buffer = sources[index].buffer
            sources[index].isResident =
                Int(file.model.reader.buffer(buffer).ringRows) == sources[index].height
                && streamed.rings[buffer].rows < sources[index].height
        }
    }
}

/// One ring, as reports show it.
public struct RingReport: Sendable, Codable {
    public var name: String
    public var offset: Int
    public var byteCount: Int
    public var rows: Int
    public var height: Int
    /// Bytes that hold something at the moment when most are in use.
    public var peakBytes: Int
}

/// A model's memory.
public struct MemoryReport: Sendable, Codable {
    public var arenaBytes: Int
    public var stateBytes: Int
    public var layerwiseBytes: Int
    /// State and the most bytes of rows that live at one moment: no placement can need less in this order.
    public var livePeakBytes: Int
    /// What no order of these operators' rows can do without; see `Planner.lowerBoundBytes`.
    public var lowerBoundBytes: Int
    public var segments: Int
    /// Multiply-accumulates of a run, over those of a run that recomputes nothing.
    public var macsFactor: Double
    /// How many times the picture must be pushed.
    public var passes: Int
    /// Where both plans were run.
    public var speed: StreamingSpeed?
    public var rings: [RingReport]

    /// Of a plan that no file holds yet.
    ///
    /// - Parameter macsFactor: see there.
    /// - Throws: `PlanError.neverFinishes`.
    public init(_ problem: PlanProblem, _ plan: Plan, macsFactor: Double) throws {
        arenaBytes = plan.arenaBytes
        stateBytes = plan.stateBytes
        layerwiseBytes = plan.layerwiseBytes
        livePeakBytes = plan.livePeakBytes
        lowerBoundBytes = try Planner(problem).lowerBoundBytes(plan)
        segments = plan.segments.count
        self.macsFactor = macsFactor
        passes = problem.sourcesArePasses ? problem.sources.count : 1
        rings = zip(problem.buffers, plan.rings).map { buffer, ring in
            RingReport(
                name: buffer.name, offset: ring.offset, byteCount: ring.byteCount, rows: ring.rows,
                height: buffer.height, peakBytes: ring.peakBytes)
        }
    }

    /// - Throws: `PlanError.neverFinishes` for a model whose operators wait for each other.
    public init(_ file: ModelFile) throws {
        let reader = file.model.reader
        let problem = try PlanProblem(ofPlanned: file)
        // The file says where each ring lies; when it lives is simulated.
        var plan = try Planner(problem).plan(segments: file.segments)
        plan.arenaBytes = reader.arenaBytes
        if let recomputation = reader.recomputation { plan.layerwiseBytes = Int(recomputation.layerwiseBytes) }
        for index in plan.rings.indices {
            let buffer = reader.buffer(index)
            plan.rings[index].offset = Int(buffer.arenaOffset)
            plan.rings[index].rows = Int(buffer.ringRows)
            plan.rings[index].byteCount = Int(buffer.ringRows) * Int(buffer.rowBytes)
        }
        try self.init(problem, plan, macsFactor: file.macsFactor)
    }
}
