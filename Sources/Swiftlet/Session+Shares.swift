/// Several sessions in one arena, each making its share of every row: for hosts of several cores.
///
/// All of them go through the same run in the same order, each with bookkeeping of its own; what differs is the part of a row
/// that each writes. A row's columns do not depend on each other, nor do a convolution's output channels. What it does not do:
/// wait, or know of threads. A row must be whole before anyone reads it, and read before anyone overwrites it; who runs the
/// sessions sees to that through `StepObserver`.
import SwiftletFormat
import SwiftletKernels

/// How the sessions that share an arena divide an operator's rows.
public enum RowDivision: UInt8, Sendable {
    /// Not at all: the first session makes them.
    case none
    /// Neighbouring columns to each. For operators with a window, and plain sums.
    case columns
    /// Blocks of 16 output channels to each. For convolutions of one group.
    case channels
}

/// One session's place among those that share an arena.
public struct RowShare {
    public var index: Int
    public var count: Int
    /// One an operator; must outlive the session.
    public var divisions: UnsafePointer<RowDivision>

    public init(index: Int, count: Int, divisions: UnsafePointer<RowDivision>) {
        self.index = index
        self.count = count
        self.divisions = divisions
    }
}

/// A part of a row: one share of those that it is divided into.
struct RowPart {
    var index: Int
    var count: Int
    var division: RowDivision
}

extension OperatorRecord {
    /// The ways in which `count` sessions can divide this operator's rows, other than not at all. With each of them every session
    /// has something to make, and something to read that is not padding.
    public func divisions(among count: Int) -> [RowDivision] {
        let width = Int(outputWidth)
        guard let kind = operatorKind, count > 1, !isWide else { return [] }
        var ways: [RowDivision] = []
        switch kind {
        case .convolution, .depthwiseConvolution, .maxPool, .averagePool:
            let (stride, reach) = (Int(strideWidth), (Int(kernelWidth) - 1) * Int(dilationWidth))
            let endOfFirst = (width / count - 1) * stride - Int(paddingLeft) + reach
            let startOfLast = width * (count - 1) / count * stride - Int(paddingLeft)
            if width >= count, endOfFirst >= 0, startOfLast < Int(inputWidth) { ways.append(.columns) }
            let blocks = Int(outputChannels) / ConvolutionLayout.blockChannels
            if kind == .convolution, groups == 1, blocks >= count { ways.append(.channels) }
        case .add:
            if flags.isEmpty, width >= count { ways.append(.columns) }
        default: break
        }
        return ways
    }
}

#if hasFeature(Embedded)
    extension Session {
        var makesWhole: Bool { true }

        @inline(__always)
        func make<Observer: StepObserver>(
            _ record: OperatorRecord, operation: Int, row: Int, output: OutputRow, _ observer: inout Observer
        ) -> KernelPath {
            run(record, part: nil, row: row, output: output)
        }
    }
#else
    extension Session {
        /// Bytes of bookkeeping.
        public static func stateBytes(of model: Model) -> Int { model.reader.state.byteCount }

        /// Goes on as `push(row:input:observer:)` does, with a row that another session has copied into the arena. Does nothing
        /// when all rows are in.
        public func follow<Observer: StepObserver>(input index: Int, observer: inout Observer) {
            let input = reader.input(index)
            guard rowsDone[index] < Int16(input.height) else { return }
            enter(input, index, &observer)
        }

        /// Whether rows that are not divided are this session's.
        var makesWhole: Bool { share.map { $0.index == 0 } ?? true }

        /// Makes a row, or of one that is divided the shares that `observer` says, its own first.
        func make<Observer: StepObserver>(
            _ record: OperatorRecord, operation: Int, row: Int, output: OutputRow, _ observer: inout Observer
        ) -> KernelPath {
            guard let share, share.divisions[operation] != .none else {
                return makesWhole ? run(record, part: nil, row: row, output: output) : .reference
            }
            var path = KernelPath.reference
            for offset in 0..<share.count {
                let index = (share.index + offset) % share.count
                guard observer.takesShare(index, isOwn: offset == 0, operation: operation) else { continue }
                let part = RowPart(index: index, count: share.count, division: share.divisions[operation])
                path = run(record, part: part, row: row, output: output)
                observer.didMakeShare(index, operation: operation)
            }
            return path
        }
    }

    extension RowPart {
        private func range(of total: Int) -> Range<Int> {
            (total * index / count)..<(total * (index + 1) / count)
        }

        /// Narrows a step to the part's columns, and its input to the columns that those read.
        func takeColumns(
            of step: inout Session.WindowStep, _ rowTable: UnsafeMutablePointer<UnsafePointer<UInt8>?>
        ) {
            guard division == .columns else { return }
            let columns = range(of: step.output.width)
            let window = step.window
            let first = columns.lowerBound * window.stride - window.paddingLeft
            let last = (columns.upperBound - 1) * window.stride - window.paddingLeft
            let skipped = max(0, first)
            for ky in 0..<window.kernelHeight { rowTable[ky]? += skipped * step.input.pixelBytes }
            step.input.width = min(step.input.width, last + (window.kernelWidth - 1) * window.dilation + 1) - skipped
            step.window.paddingLeft = skipped - first
            step.output.narrow(to: columns)
        }

        /// Narrows a plain sum to the part's columns. Its operands are the first two entries of the row table.
        func takeColumns(
            of first: inout InputRows, _ second: inout InputRows, _ output: inout OutputRow,
            _ rowTable: UnsafeMutablePointer<UnsafePointer<UInt8>?>
        ) {
            guard division == .columns else { return }
            let columns = range(of: output.width)
            rowTable[0]? += columns.lowerBound * first.pixelBytes
            rowTable[1]? += columns.lowerBound * second.pixelBytes
            first.width = columns.count
            second.width = columns.count
            output.narrow(to: columns)
        }

        /// Narrows a convolution to the part's output channels.
        func takeChannels(of parameters: inout ConvolutionParameters, _ output: inout OutputRow) {
            guard division == .channels else { return }
            let block = ConvolutionLayout.blockChannels
            let outputs = parameters.layout.outputChannels
            let blocks = range(of: (outputs + block - 1) / block)
            let first = blocks.lowerBound * block
            parameters.weights += parameters.layout.weightIndex(output: first, tap: 0, input: 0)
            parameters.bias += first
            parameters.multiplier += first
            parameters.shift += first
            parameters.layout.outputChannels = min(blocks.upperBound * block, outputs) - first
            if let channels = output.channels { output.channels = channels + first } else { output.start += first }
        }
    }

    extension OutputRow {
        fileprivate mutating func narrow(to columns: Range<Int>) {
            start += columns.lowerBound * pixelBytes
            width = columns.count
        }
    }
#endif
