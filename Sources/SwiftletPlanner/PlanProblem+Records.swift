/// A step from an operator's record: what the converter is about to write and what a report reads back are planned alike.
///
/// What it does not do: know buffers; both number them as the file does.
import SwiftletFormat

extension PlanProblem.Step {
    /// - Parameters:
    ///   - block: the operator's parameters; read only for operators whose rows are in tables.
    ///   - producers: inputs count first, then operators.
    ///   - reads: the buffer of the first input, then that of the second, if it lies in the arena.
    public init(
        _ record: OperatorRecord, block: UnsafeRawPointer, producers: [ProducerID], reads: [Int], writes: Int,
        scratch: Int?
    ) {
        let kind = OperatorKind(rawValue: record.kind)
        self.init(
            producers: producers, reads: reads, writes: writes, kernelRows: Int(record.kernelHeight),
            stride: Int(record.strideHeight), paddingTop: Int(record.paddingTop),
            dilation: Int(record.dilationHeight), inputHeight: Int(record.inputHeight),
            outputHeight: Int(record.outputHeight), isReduction: kind == .globalAveragePool, scratch: scratch)
        switch kind {
        case .convolution, .depthwiseConvolution: parameterBytes = ConvolutionLayout(record).byteCount
        case .rearrange, .resizeBilinear, .concatenate, .add, .multiply, .maximum, .minimum, .prelu:
            rowTables = reads.indices.map { read in
                PlanProblem.RowTable(
                    (0..<outputHeight).map { row in
                        let span = record.rowSpan(isSecond: read == 1, row: row, block: block)
                        return (first: span.first, last: span.last)
                    })
            }
        default: break
        }
    }
}
