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
            if hasScratch { names[Int(record.scratchBuffer)] = "\(name) sums" }
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
    public var lowerBoundBytes: Int
    public var segments: Int
    /// Multiply-accumulates of a run, over those of a run that recomputes nothing.
    public var macsFactor: Double
    public var rings: [RingReport]

    /// - Throws: `PlanError.neverFinishes` for a model whose operators wait for each other.
    public init(_ file: ModelFile) throws {
        let reader = file.model.reader
        let problem = PlanProblem(file)
        let plan = try Planner(problem).plan(segments: (0..<reader.segmentCount).map { reader.segmentStart($0) })
        arenaBytes = reader.arenaBytes
        stateBytes = reader.state.byteCount
        layerwiseBytes = plan.layerwiseBytes
        lowerBoundBytes = plan.livePeakBytes
        segments = reader.segmentCount
        let macs = (0..<reader.operatorCount).reduce(0) { $0 + reader.operation($1).multiplyAccumulates }
        macsFactor = macs > 0 ? Double(reader.header.multiplyAccumulates) / Double(macs) : 1
        rings = problem.buffers.indices.map { index in
            let buffer = reader.buffer(index)
            let ring = plan.rings[index]
            return RingReport(
                name: problem.buffers[index].name, offset: Int(buffer.arenaOffset),
                byteCount: Int(buffer.ringRows) * Int(buffer.rowBytes), rows: Int(buffer.ringRows),
                height: problem.buffers[index].height,
                peakBytes: ring.peakBytes)
        }
    }
}
