/// What the executor's operators are given: rows, windows, parameters. Part of `Session`.
///
/// What it does not do: check; `ModelReader` has proven that every ring, table and index is in bounds.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletKernels

extension Session {
    /// Makes row `row` of an operator's output, or a part of it.
    func run(_ record: OperatorRecord, part: RowPart?, row: Int, output: OutputRow) -> KernelPath {
        let range = OutputRange(
            zeroPoint: record.outputZeroPoint, low: record.activationMin, high: record.activationMax)
        if record.isWide { return runWide(record, row: row, output: output, range: range) }
        let channels = Int(record.inputChannels)
        switch record.operatorKind {
        case .convolution, .depthwiseConvolution, .maxPool, .averagePool:
            return runWindow(record, part: part, row: row, output: output, range: range)
        case .separableBlock: return runSeparableBlock(record, row: row, output: output)
        case .lookup:
            let each = Int(record.parameterBytes) > LookupLayout.tableBytes
            lookUpRow(
                singleRow(record.input, row: row, slot: 0, width: Int(record.inputWidth)), output, channels: channels,
                tables: reader.pointer(record.parameters).assumingMemoryBound(to: UInt8.self),
                stride: each ? LookupLayout.tableBytes : 0)
        case .softmax: runSoftmax(record, row: row, output: output, range: range)
        case .rearrange:
            let block = reader.pointer(record.parameters)
            let source = record.rowSpan(isSecond: false, row: row, block: block)
            let input = singleRow(record.input, row: max(source.first, 0), slot: 0, width: Int(record.inputWidth))
            if source.last < source.first { rowTable[0] = nil }
            rearrangeRow(
                input, output, channels: Int(record.outputChannels),
                RearrangementParameters(block: block, record: record))
        case .resizeBilinear:
            let block = reader.pointer(record.parameters)
            let point = block.load(fromByteOffset: row * 8, as: ResizePoint.self)
            _ = singleRow(record.input, row: Int(point.high), slot: 1, width: Int(record.inputWidth))
            let input = singleRow(record.input, row: Int(point.low), slot: 0, width: Int(record.inputWidth))
            resizeBilinearRow(
                input, output, channels: channels, row: point,
                columns: (block + ResizeLayout(record).columnsOffset).assumingMemoryBound(to: ResizePoint.self))
        case .concatenate: runConcatenation(record, row: row, output: output)
        case .add, .multiply, .maximum, .minimum, .prelu:
            return runBinary(record, part: part, row: row, output: output, range: range)
        case .globalAveragePool, nil:
            break  // `stepMean` runs the former; `ModelReader` has refused the latter.
        }
        return .reference
    }

    /// Not inlined, for what it has on the stack would lie below every convolution, which has more.
    @inline(never)
    private func runBinary(
        _ record: OperatorRecord, part: RowPart?, row: Int, output: OutputRow, range: OutputRange
    ) -> KernelPath {
        let parameters = BinaryParameters(block: reader.pointer(record.parameters), record: record, range: range)
        let channels = Int(record.inputChannels)
        var output = output
        var first = operandRow(record, isSecond: false, row: row)
        var second = operandRow(record, isSecond: true, row: row)
        #if !hasFeature(Embedded)
            part?.takeColumns(of: &first, &second, &output, rowTable)
        #endif
        switch record.operatorKind {
        case .add:
            if record.flags.isEmpty, let kernels {
                let path = kernels.add(first, second, output, channels: channels, parameters)
                if path != .reference { return path }
            }
            addRow(first, second, output, channels: channels, parameters)
        case .multiply: multiplyRow(first, second, output, channels: channels, parameters)
        case .maximum: maximumRow(first, second, output, channels: channels, parameters)
        case .minimum: minimumRow(first, second, output, channels: channels, parameters)
        case .prelu: preluRow(first, second, output, channels: channels, parameters)
        default: break  // `run` sends no others.
        }
        return .reference
    }

    /// A row of one of an operator's two inputs, which may have only one row or column, or lie in the parameters.
    private func operandRow(_ record: OperatorRecord, isSecond: Bool, row: Int) -> InputRows {
        let flags = record.flags
        let row = flags.contains(isSecond ? .secondRepeatsRows : .firstRepeatsRows) ? 0 : row
        let repeatsColumns = flags.contains(isSecond ? .secondRepeatsColumns : .firstRepeatsColumns)
        let width = Int(record.outputWidth)
        guard isSecond && flags.contains(.secondIsConstant) else {
            let operand = isSecond ? record.second : record.input
            var rows = singleRow(operand, row: row, slot: isSecond ? 1 : 0, width: width)
            if repeatsColumns { rows.pixelBytes = 0 }
            return rows
        }
        let layout = BinaryLayout(record)
        let start = BinaryLayout.constantsOffset + row * layout.constantRowBytes
        rowTable[1] = (reader.pointer(record.parameters) + start).assumingMemoryBound(to: UInt8.self)
        return InputRows(
            rows: rowTable + 1, width: width, pixelBytes: repeatsColumns ? 0 : layout.channels, channels: nil)
    }

    @inline(never)
    private func runSoftmax(_ record: OperatorRecord, row: Int, output: OutputRow, range: OutputRange) {
        let block = reader.pointer(record.parameters)
        let input = singleRow(record.input, row: row, slot: 0, width: Int(record.inputWidth))
        if record.flags.contains(.isFixedPoint) {
            softmaxFixedPointRow(
                input, output, channels: Int(record.inputChannels),
                FixedPointSoftmax(block: block, isWide: record.flags.contains(.isWide)))
        } else {
            softmaxRow(input, output, channels: Int(record.inputChannels), block: block, range: range)
        }
    }

    private func runConcatenation(_ record: OperatorRecord, row: Int, output: OutputRow) {
        let channels = Int(record.outputChannels)
        let width = Int(record.inputWidth)
        guard record.flags.contains(.joinsRows) else {
            let first = singleRow(record.input, row: row, slot: 0, width: width)
            copyPixels(first, width: width, to: output, column: 0, channels: channels)
            let rest = output.width - width
            let second = singleRow(record.second, row: row, slot: 1, width: rest)
            copyPixels(second, width: rest, to: output, column: width, channels: channels)
            return
        }
        let isSecond = row >= Int(record.inputHeight)
        let source = singleRow(
            isSecond ? record.second : record.input, row: isSecond ? row - Int(record.inputHeight) : row, slot: 0,
            width: width)
        copyPixels(source, width: width, to: output, column: 0, channels: channels)
    }

    /// Takes one more row into the mean, and writes the mean after the last one.
    func stepMean(_ record: OperatorRecord, rowsTaken: Int, output: OutputRow) -> KernelPath {
        let channels = Int(record.inputChannels)
        let scratch = reader.buffer(Int(record.scratchBuffer))
        let sums = (base + Int(scratch.arenaOffset)).assumingMemoryBound(to: Int32.self)
        let input = singleRow(record.input, row: rowsTaken, slot: 0, width: Int(record.inputWidth))
        if rowsTaken == 0 { sums.update(repeating: 0, count: channels) }
        let isWide = record.inputBytes == 2
        let path = isWide ? .reference : kernels?.accumulate(input, into: sums, channels: channels) ?? .reference
        if isWide {
            accumulateWideRow(input, into: sums, channels: channels)
        } else if path == .reference {
            accumulateRow(input, into: sums, channels: channels)
        }
        guard rowsTaken + 1 == Int(record.inputHeight) else { return path }
        let pixels = Int32(truncatingIfNeeded: Int(record.inputHeight) * Int(record.inputWidth))
        let parameters = MeanParameters(
            offset: pixels &* Int32(record.inputZeroPoint),
            scales: reader.pointer(record.parameters).assumingMemoryBound(to: Int32.self),
            isPerChannel: Int(record.parameterBytes) > MeanLayout.byteCount,
            range: OutputRange(
                zeroPoint: record.outputZeroPoint, low: record.activationMin, high: record.activationMax))
        if record.isWide {
            finishWideMeanRow(
                sums, output, channels: channels, parameters, WideMaps(record, range: parameters.range))
        } else {
            finishMeanRow(sums, output, channels: channels, parameters)
        }
        return path
    }

    // MARK: Rows

    /// Where row `row` of a map lies in its ring.
    @inline(__always)
    func slot(_ buffer: BufferRecord, row: Int) -> UnsafeMutablePointer<UInt8> {
        (base + Int(buffer.arenaOffset) + (row + Int(buffer.phase)) % Int(buffer.ringRows) * Int(buffer.rowBytes))
            .assumingMemoryBound(to: UInt8.self)
    }

    func outputRow(_ operand: OperandRecord, buffer: BufferRecord, row: Int, width: Int) -> OutputRow {
        OutputRow(
            start: slot(buffer, row: row) + Int(operand.channelOffset), width: width,
            pixelBytes: Int(buffer.pixelBytes), channels: reader.channelTable(operand.channelTable))
    }

    /// Row `row` of an operand, through entry `slot` of the row table.
    func singleRow(_ operand: OperandRecord, row: Int, slot entry: Int, width: Int) -> InputRows {
        let buffer = reader.buffer(Int(operand.buffer))
        rowTable[entry] = UnsafePointer(slot(buffer, row: row) + Int(operand.channelOffset))
        return InputRows(
            rows: rowTable + entry, width: width, pixelBytes: Int(buffer.pixelBytes),
            channels: reader.channelTable(operand.channelTable))
    }

    /// Copies a pushed row, or what a pass takes of it, into the input's ring. A pixel of 0...255 stays as it is, for the arena
    /// holds int8 plus 128.
    func store(_ row: UnsafeRawBufferPointer, input: InputRecord, row index: Int, firstColumn: Int) {
        let buffer = reader.buffer(Int(input.buffer))
        let target = slot(buffer, row: index)
        let flip: UInt8 = input.isPixels == 1 ? 0 : 0x80
        let channels = Int(input.channels)
        if flip == 0, channels == Int(buffer.pixelBytes), let pixels = row.baseAddress {
            UnsafeMutableRawPointer(target).copyMemory(
                from: pixels + firstColumn * channels, byteCount: Int(input.width) * channels)
            return
        }
        for x in 0..<Int(input.width) {
            for channel in 0..<channels {
                target[x * Int(buffer.pixelBytes) + channel] = row[(firstColumn + x) * channels + channel] ^ flip
            }
        }
    }
}
