/// Operators that read what a window sees: convolutions and pools. Part of `Session`.
///
/// What it does not do: check; `ModelReader` has proven that windows and tables are in bounds.
import SwiftletFormat
import SwiftletKernels

extension Session {
    /// Makes row `row` of an operator that reads what a window sees.
    func runWindow(
        _ record: OperatorRecord, part: RowPart?, row: Int, output: OutputRow, range: OutputRange
    ) -> KernelPath {
        let channels = Int(record.inputChannels)
        var step = windowStep(record, part: part, row: row, output: output)
        var path = KernelPath.reference
        switch record.operatorKind {
        case .convolution:
            var parameters = self.parameters(record, range)
            #if !hasFeature(Embedded)
                part?.takeChannels(of: &parameters, &step.output)
            #endif
            path = convolve(step.input, step.output, step.window, parameters)
        case .depthwiseConvolution:
            path = convolveDepthwise(step.input, step.output, step.window, parameters(record, range))
        case .maxPool:
            path = kernels?.poolMax(step.input, step.output, step.window, channels: channels, range: range) ?? path
            if path == .reference {
                poolMaxRow(step.input, step.output, step.window, channels: channels, range: range)
            }
        case .averagePool:
            path = kernels?.poolAverage(step.input, step.output, step.window, channels: channels, range: range) ?? path
            if path == .reference {
                poolAverageRow(step.input, step.output, step.window, channels: channels, range: range)
            }
        default: break  // `run` sends no others.
        }
        return path
    }

    @inline(__always)
    func convolve(
        _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
    ) -> KernelPath {
        let path = kernels?.convolve(input, output, window, parameters) ?? .reference
        if path == .reference { convolveRow(input, output, window, parameters) }
        return path
    }

    @inline(__always)
    func convolveDepthwise(
        _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
    ) -> KernelPath {
        let path = kernels?.convolveDepthwise(input, output, window, parameters) ?? .reference
        if path == .reference { convolveDepthwiseRow(input, output, window, parameters) }
        return path
    }

    /// What an operator with a window is given for one output row, or for this session's share of it.
    struct WindowStep {
        var input: InputRows
        var output: OutputRow
        var window: RowWindow
    }

    /// Inlined on hosts: a structure that comes back through memory is waited for (MobileNetV1 0.25 at 96 x 96: 1.5 %).
    #if !hasFeature(Embedded)
        @inline(__always)
    #endif
    func windowStep(_ record: OperatorRecord, part: RowPart?, row: Int, output: OutputRow) -> WindowStep {
        let window = RowWindow(
            kernelHeight: Int(record.kernelHeight), kernelWidth: Int(record.kernelWidth),
            stride: Int(record.strideWidth), dilation: Int(record.dilationWidth), paddingLeft: Int(record.paddingLeft))
        var step = WindowStep(input: windowRows(record, row: row), output: output, window: window)
        #if !hasFeature(Embedded)
            part?.takeColumns(of: &step, rowTable)
        #endif
        return step
    }

    /// The rows under the window of output row `row`, through the row table.
    func windowRows(_ record: OperatorRecord, row: Int) -> InputRows {
        let buffer = reader.buffer(Int(record.input.buffer))
        let (height, dilation) = (Int(record.inputHeight), Int(record.dilationHeight))
        let (ring, rowBytes) = (Int(buffer.ringRows), Int(buffer.rowBytes))
        let start = base + (Int(buffer.arenaOffset) + Int(record.input.channelOffset))
        let table = rowTable
        var y = row * Int(record.strideHeight) - Int(record.paddingTop)
        // One division a window, instead of one a row: 2 % of MobileNetV1 0.25 at 96 x 96.
        var slot = (max(y, 0) + Int(buffer.phase)) % ring
        for ky in 0..<Int(record.kernelHeight) {
            let isPadding = y < 0 || y >= height
            table[ky] = isPadding ? nil : UnsafePointer((start + slot * rowBytes).assumingMemoryBound(to: UInt8.self))
            // What lies above the map keeps the slot where its first row will be.
            slot += min(max(y + dilation, 0), dilation)
            while slot >= ring { slot -= ring }
            y += dilation
        }
        return InputRows(
            rows: table, width: Int(record.inputWidth), pixelBytes: Int(buffer.pixelBytes),
            channels: reader.channelTable(record.input.channelTable))
    }

    /// Weights, biases and requantization of a convolution, where they lie in the file.
    #if !hasFeature(Embedded)
        @inline(__always)
    #endif
    func parameters(_ record: OperatorRecord, _ range: OutputRange) -> ConvolutionParameters {
        ConvolutionParameters(
            block: reader.pointer(record.parameters), layout: ConvolutionLayout(record), range: range)
    }
}
