/// Operators that read or write maps of 16 bits. Part of `Session`.
///
/// What it does not do: share rows among sessions, or hand them to kernels of an instruction set.
import SwiftletFormat
import SwiftletKernels

extension Session {
    /// As `run(_:part:row:output:)`, of an operator that is wide.
    func runWide(_ record: OperatorRecord, row: Int, output: OutputRow, range: OutputRange) -> KernelPath {
        let maps = WideMaps(record, range: range)
        let channels = Int(record.inputChannels)
        func step() -> WindowStep { windowStep(record, part: nil, row: row, output: output) }
        switch record.operatorKind {
        case .convolution:
            let step = step()
            convolveWideRow(step.input, output, step.window, parameters(record, range), maps)
        case .depthwiseConvolution:
            let step = step()
            convolveDepthwiseWideRow(step.input, output, step.window, parameters(record, range), maps)
        case .maxPool:
            let step = step()
            poolMaxWideRow(step.input, output, step.window, channels: channels, maps)
        case .averagePool:
            let step = step()
            poolAverageWideRow(step.input, output, step.window, channels: channels, maps)
        case .add:
            let first = singleRow(record.input, row: row, slot: 0, width: Int(record.outputWidth))
            let second = singleRow(record.second, row: row, slot: 1, width: Int(record.outputWidth))
            let parameters = BinaryParameters(block: reader.pointer(record.parameters), record: record, range: range)
            addWideRow(first, second, output, channels: channels, parameters, maps)
        default: break  // `stepMean` runs the mean; `ModelReader` has refused all others.
        }
        return .reference
    }
}

extension WideMaps {
    init(_ record: OperatorRecord, range: OutputRange) {
        self.init(
            first: record.inputBytes == 2, second: record.secondBytes == 2, output: record.outputBytes == 2,
            range: range)
    }
}
