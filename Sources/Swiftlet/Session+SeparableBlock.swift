/// A row of a separable block, piece by piece. Part of `Session`.
///
/// What it does not do: check; `ModelReader` has proven that pieces and scratch rows are in bounds.
import SwiftletFormat
import SwiftletKernels

extension Session {
    /// - Returns: the kernel of the projection.
    func runSeparableBlock(_ record: OperatorRecord, row: Int, output: OutputRow) -> KernelPath {
        let block = SeparableBlock(record, block: reader.pointer(record.parameters))
        let scratch = base + Int(reader.buffer(Int(record.scratchBuffer)).arenaOffset)
        let depthwise = block.operation(block.stageCount - 2)
        let projection = block.operation(block.stageCount - 1)
        let depthwiseParameters = parameters(depthwise)
        let projectionParameters = parameters(projection)
        var piece = OutputRow(
            start: (scratch + block.depthwiseOffset).assumingMemoryBound(to: UInt8.self), width: 0,
            pixelBytes: Int(depthwise.outputChannels), channels: nil)
        var target = output
        var window = RowWindow(
            kernelHeight: Int(record.kernelHeight), kernelWidth: Int(record.kernelWidth),
            stride: Int(record.strideWidth), dilation: Int(record.dilationWidth), paddingLeft: 0)
        var held = 0..<0
        var path = KernelPath.reference
        var first = 0
        while first < output.width {
            piece.width = min(block.pieceColumns, output.width - first)
            let (columns, padding) = block.inputColumns(first, count: piece.width)
            let rows =
                block.hasExpansion
                ? expand(record, block, row: row, columns: columns, held: held, scratch: scratch)
                : windowRows(record, row: row, columns: columns)
            held = columns
            window.paddingLeft = padding
            _ = convolveDepthwise(rows, piece, window, depthwiseParameters)
            rowTable[0] = UnsafePointer(piece.start)
            target.width = piece.width
            path = convolve(
                InputRows(rows: rowTable, width: piece.width, pixelBytes: piece.pixelBytes, channels: nil), target,
                .point, projectionParameters)
            target.start += piece.width * target.pixelBytes
            first += piece.width
        }
        return path
    }

    private func parameters(_ stage: OperatorRecord) -> ConvolutionParameters {
        ConvolutionParameters(
            block: reader.pointer(stage.parameters), layout: ConvolutionLayout(stage),
            range: OutputRange(zeroPoint: stage.outputZeroPoint, low: stage.activationMin, high: stage.activationMax))
    }

    /// The rows under the window of output row `row`, from column `columns.lowerBound` on.
    private func windowRows(_ record: OperatorRecord, row: Int, columns: Range<Int>) -> InputRows {
        var rows = windowRows(record, row: row)
        for ky in 0..<Int(record.kernelHeight) {
            if let start = rowTable[ky] { rowTable[ky] = start + columns.lowerBound * rows.pixelBytes }
        }
        rows.width = columns.count
        return rows
    }

    /// Expands columns of the rows under the window of output row `row`; of those, `held` are there from the last piece.
    private func expand(
        _ record: OperatorRecord, _ block: SeparableBlock, row: Int, columns: Range<Int>, held: Range<Int>,
        scratch: UnsafeMutableRawPointer
    ) -> InputRows {
        let expansion = block.operation(0)
        let parameters = parameters(expansion)
        let pixelBytes = Int(expansion.outputChannels)
        let fresh = max(columns.lowerBound, held.upperBound)
        let kept = max(fresh - columns.lowerBound, 0)
        let top = row * Int(record.strideHeight) - Int(record.paddingTop)
        for ky in 0..<Int(record.kernelHeight) {
            let y = top + ky * Int(record.dilationHeight)
            guard y >= 0, y < Int(record.inputHeight) else { continue }
            let start = scratch + ky * block.expansionRowBytes
            if held.lowerBound < columns.lowerBound, kept > 0 {
                let shift = (columns.lowerBound - held.lowerBound) * pixelBytes
                start.copyMemory(from: start + shift, byteCount: kept * pixelBytes)
            }
            guard fresh < columns.upperBound else { continue }
            var input = singleRow(record.input, row: y, slot: 0, width: columns.upperBound - fresh)
            if let pixels = rowTable[0] { rowTable[0] = pixels + fresh * input.pixelBytes }
            input.rows = UnsafePointer(rowTable)
            let target = OutputRow(
                start: (start + kept * pixelBytes).assumingMemoryBound(to: UInt8.self),
                width: columns.upperBound - fresh, pixelBytes: pixelBytes, channels: nil)
            _ = convolve(input, target, .point, parameters)
        }
        for ky in 0..<Int(record.kernelHeight) {
            let y = top + ky * Int(record.dilationHeight)
            let isPadding = y < 0 || y >= Int(record.inputHeight)
            rowTable[ky] =
                isPadding
                ? nil : UnsafePointer((scratch + ky * block.expansionRowBytes).assumingMemoryBound(to: UInt8.self))
        }
        return InputRows(rows: rowTable, width: columns.count, pixelBytes: pixelBytes, channels: nil)
    }
}

extension RowWindow {
    /// Of a pointwise convolution.
    fileprivate static var point: RowWindow {
        RowWindow(kernelHeight: 1, kernelWidth: 1, stride: 1, dilation: 1, paddingLeft: 0)
    }
}
