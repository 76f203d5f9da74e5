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
    /// The buffer's column that is the operand's first.
    var column = 0
    /// 2 where a channel has 16 bits; its slot is then that of the high byte.
    var channelBytes = 1
}

/// One of the convolutions of a separable block.
struct AssembledStage {
    var name: String
    var record: StageRecord
    var parameters: [UInt8]
}

/// An operator that is ready to be written, all but offsets.
struct AssembledOperation {
    var name: String
    var record: OperatorRecord
    var input: AssembledOperand
    var second: AssembledOperand?
    var output: AssembledOperand
    var parameters: [UInt8] = []
    /// Of a separable block; its `parameters` name them.
    var stages: [AssembledStage] = []
    /// Of a separable block: columns that are made at a time.
    var pieceColumns = 0
    /// The operator before it that has the same parameters, which are written once.
    var parametersOf: Int?
    /// Counted as the file does: inputs first, then operators.
    var producers: [Int]
    var scratchBuffer: Int?
    var window: Window
    /// What calibration and reports know the output as.
    var value: ValueID
    /// The operation's output channel that stands at each stored position.
    var outputOrder: [Int]
    /// The graph's channel that does.
    var valueOrder: [Int]
    /// Of each stored output channel.
    var outputQuantization: [AffineQuantization]

    var kind: OperatorKind? { OperatorKind(rawValue: record.kind) }

    var multiplyAccumulates: Int {
        parameters.withUnsafeBytes { record.multiplyAccumulates(block: $0.baseAddress) }
    }
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
    /// Of a pass: the picture's column that is its first.
    var firstColumn = 0
}

struct AssembledNetwork {
    var operations: [AssembledOperation]
    var buffers: [AssembledBuffer]
    var inputs: [AssembledMap]
    var outputs: [AssembledMap]
    /// Whether inputs are pushed as pixels of 0...255; else as int8.
    var inputsArePixels: Bool
    /// Pixels in a row of the picture where the inputs are passes over its columns; nil where they are inputs.
    var rowWidth: Int?

    var multiplyAccumulates: Int { operations.reduce(0) { $0 + $1.multiplyAccumulates } }

    /// Whether some maps have 16 bits.
    var hasWideMaps: Bool { operations.contains { !$0.record.flags.isDisjoint(with: .wideMaps) } }

    /// Whether rows or columns are made more than once.
    var needsRecomputation: Bool { rowWidth != nil || operations.contains { $0.kind == .separableBlock } }

    /// The operators that read each buffer and those that write it.
    func readers(of buffer: Int) -> [Int] {
        operations.indices.filter {
            operations[$0].input.buffer == buffer || operations[$0].second?.buffer == buffer
        }
    }

    func writers(of buffer: Int) -> [Int] { operations.indices.filter { operations[$0].output.buffer == buffer } }

    /// The operators that wait for rows of `producer`.
    func consumers(of producer: Int) -> [Int] {
        operations.indices.filter { operations[$0].producers.contains(producer) }
    }

    /// The same network as rows and buffers alone.
    var planProblem: PlanProblem {
        var problem = PlanProblem(
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
        problem.sourcesArePasses = rowWidth != nil
        return problem
    }
}
