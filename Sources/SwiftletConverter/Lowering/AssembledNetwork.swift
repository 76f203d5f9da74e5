/// A network whose operators are ready to be written: what assembly makes, what planner and writer read.
///
/// What it does not do: know where anything lies in the arena or in the file.
import SwiftletFormat
import SwiftletGraph
import SwiftletPlanner
import SwiftletQuantizer

/// Channels of a buffer: what an operator reads or writes.
struct AssembledOperand {
    var buffer: Int
    /// One a channel, in stored order.
    var slots: [Int]
}

/// An operator that is ready to be written, all but offsets.
struct AssembledOperation {
    var name: String
    var record: OperatorRecord
    var input: AssembledOperand
    var second: AssembledOperand?
    var output: AssembledOperand
    var parameters: [UInt8] = []
    /// Counted as the file does: inputs first, then operators.
    var producers: [Int]
    var scratchBuffer: Int?
    var multiplyAccumulates = 0
    var window: Window
    /// What calibration and reports know the output as.
    var value: ValueID
    /// The operation's output channel that stands at each stored position.
    var outputOrder: [Int]
    /// The graph's channel that does.
    var valueOrder: [Int]
    /// Of each stored output channel.
    var outputQuantization: [AffineQuantization]
}

struct AssembledBuffer {
    var name: String
    var pixelBytes: Int
    var width: Int
    var height: Int
    var isOutput: Bool

    var rowBytes: Int { pixelBytes * width }
}

/// An input or an output of the network.
struct AssembledMap {
    var name: String
    var buffer: Int
    var slots: [Int]
    var shape: Shape
    var quantization: AffineQuantization
    /// Whether pairs of channels are Int16.
    var isWide = false
}

struct AssembledNetwork {
    var operations: [AssembledOperation]
    var buffers: [AssembledBuffer]
    var inputs: [AssembledMap]
    var outputs: [AssembledMap]
    /// Whether inputs are pushed as pixels of 0...255; else as int8.
    var inputsArePixels: Bool

    /// The operators that wait for rows of `producer`.
    func consumers(of producer: Int) -> [Int] {
        operations.indices.filter { operations[$0].producers.contains(producer) }
    }

    /// The same network as rows and buffers alone.
    var planProblem: PlanProblem {
        PlanProblem(
            buffers: buffers.map {
                .init(name: $0.name, rowBytes: $0.rowBytes, height: $0.height, isOutput: $0.isOutput)
            },
            sources: inputs.map { .init(buffer: $0.buffer, height: $0.shape.height) },
            steps: operations.map { operation in
                operation.parameters.withUnsafeBytes { bytes in
                    // An operator without parameters has no rows in tables: any address will do.
                    withUnsafePointer(to: operation.record) { record in
                        PlanProblem.Step(
                            operation.record, block: bytes.baseAddress ?? UnsafeRawPointer(record),
                            producers: operation.producers,
                            reads: [operation.input.buffer] + (operation.second.map { [$0.buffer] } ?? []),
                            writes: operation.output.buffer, scratch: operation.scratchBuffer)
                    }
                }
            },
            stateBytes: StateLayout(
                inputs: inputs.count, operators: operations.count,
                kernelRows: max(2, operations.map { Int($0.record.kernelHeight) }.max() ?? 2)
            ).byteCount,
            alignment: StateLayout.alignment)
    }
}
