/// Which rows of an input an operator's output row reads: what the executor waits for and the planner keeps alive.
///
/// What it does not do: say where they lie.

/// Rows `first ... last` of an input; none when `last` is below `first`.
public struct RowSpan: Equatable, Sendable {
    public var first: Int
    public var last: Int

    @inlinable
    public init(first: Int, last: Int) {
        self.first = first
        self.last = last
    }

    public static let none = RowSpan(first: 0, last: -1)
}

extension OperatorRecord {
    /// The rows of the first or the second input that output row `row` reads. A global average pool, which takes its rows one
    /// by one, reads row `row` of its input.
    ///
    /// - Parameter block: the operator's parameters.
    public func rowSpan(isSecond: Bool, row: Int, block: UnsafeRawPointer) -> RowSpan {
        switch operatorKind {
        case .convolution, .depthwiseConvolution, .maxPool, .averagePool, .separableBlock:
            let top = row * Int(strideHeight) - Int(paddingTop)
            let bottom = top + (Int(kernelHeight) - 1) * Int(dilationHeight)
            return RowSpan(first: max(0, top), last: min(bottom, Int(inputHeight) - 1))
        case .rearrange:
            let source = block.load(fromByteOffset: RearrangementLayout.rowsOffset + row * 2, as: UInt16.self)
            return source == RearrangementLayout.fill ? .none : RowSpan(first: Int(source), last: Int(source))
        case .resizeBilinear:
            let low = Int(block.load(fromByteOffset: row * 8, as: UInt16.self))
            let high = Int(block.load(fromByteOffset: row * 8 + 2, as: UInt16.self))
            return RowSpan(first: min(low, high), last: max(low, high))
        case .concatenate where flags.contains(.joinsRows):
            let source = isSecond ? row - Int(inputHeight) : row
            let height = isSecond ? Int(outputHeight) - Int(inputHeight) : Int(inputHeight)
            return source < 0 || source >= height ? .none : RowSpan(first: source, last: source)
        case .globalAveragePool, .add, .multiply, .maximum, .minimum, .prelu, .lookup, .softmax, .concatenate, nil:
            let repeats = flags.contains(isSecond ? .secondRepeatsRows : .firstRepeatsRows)
            return RowSpan(first: repeats ? 0 : row, last: repeats ? 0 : row)
        }
    }

    /// Whether there is a second input in the arena.
    public var hasSecondOperand: Bool {
        guard let kind = operatorKind else { return false }
        return kind == .concatenate || kind.isBinary && !flags.contains(.secondIsConstant)
    }
}
