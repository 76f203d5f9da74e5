/// The executor: which operator goes next, and what it is given. Part of `Session`.
///
/// All unsafe memory access of the runtime is in this file. It needs no checks: `ModelReader` has proven that every ring,
/// table and index is in bounds, and heights fit in Int16.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletKernels

extension Session {
    // MARK: State in the arena, see `StateLayout`

    var segment: UInt16 {
        get { base.load(as: UInt16.self) }
        nonmutating set { base.storeBytes(of: newValue, as: UInt16.self) }
    }

    var unfinished: UInt16 {
        get { base.load(fromByteOffset: 2, as: UInt16.self) }
        nonmutating set { base.storeBytes(of: newValue, toByteOffset: 2, as: UInt16.self) }
    }

    /// Rows made of each input, then of each operator.
    var rowsDone: UnsafeMutablePointer<Int16> {
        (base + StateLayout.rowsDoneOffset).assumingMemoryBound(to: Int16.self)
    }

    /// A bit for each operator whose turn may have come.
    var ready: UnsafeMutablePointer<UInt32> {
        (base + reader.state.readyOffset).assumingMemoryBound(to: UInt32.self)
    }

    var rowTable: UnsafeMutablePointer<UnsafePointer<UInt8>?> {
        (base + reader.state.rowTableOffset).assumingMemoryBound(to: UnsafePointer<UInt8>?.self)
    }

    // MARK: Order

    func begin(segment index: Int) {
        let first = reader.segmentStart(index)
        let end = reader.segmentStart(index + 1)
        segment = UInt16(truncatingIfNeeded: index)
        unfinished = UInt16(truncatingIfNeeded: end - first)
        for word in 0..<reader.state.readyWords { ready[word] = 0 }
        for operation in first..<end { setReady(operation) }
    }

    @inline(__always)
    func setReady(_ operation: Int) { ready[operation >> 5] |= 1 &<< UInt32(operation & 31) }

    /// Marks the operators that a new row may have made ready; those of later segments wait for `begin`.
    func markReady(first: Int, count: Int) {
        let begin = reader.segmentStart(Int(segment))
        let end = reader.segmentStart(Int(segment) + 1)
        for link in first..<(first + count) {
            let operation = reader.link(link)
            if operation >= begin && operation < end { setReady(operation) }
        }
    }

    /// The last operator in order whose bit is set.
    private var lastReady: Int? {
        var word = reader.state.readyWords - 1
        while word >= 0 {
            if ready[word] != 0 { return word * 32 + 31 - ready[word].leadingZeroBitCount }
            word -= 1
        }
        return nil
    }

    /// Makes rows until no operator can go on.
    func advance<Observer: StepObserver>(_ observer: inout Observer) {
        while true {
            guard let operation = lastReady else {
                guard unfinished == 0, Int(segment) + 1 < reader.segmentCount else { return }
                begin(segment: Int(segment) + 1)
                continue
            }
            let record = reader.operation(operation)
            guard canStep(record, operation: operation) else {
                ready[operation >> 5] &= ~(1 &<< UInt32(operation & 31))
                continue
            }
            step(record, operation: operation, &observer)
        }
    }

    /// Whether the rows that the operator's next row reads are all there.
    private func canStep(_ record: OperatorRecord, operation: Int) -> Bool {
        let done = Int(rowsDone[reader.inputCount + operation])
        guard done < Int(record.outputHeight) else { return false }
        let last: Int
        if record.kind == OperatorKind.globalAveragePool.rawValue {
            last = -done
        } else {
            let bottom =
                done * Int(record.strideHeight) - Int(record.paddingTop)
                + (Int(record.kernelHeight) - 1) * Int(record.dilationHeight)
            last = min(bottom, Int(record.inputHeight) - 1)
        }
        let first = Int(record.firstProducer)
        for link in first..<(first + Int(record.producerCount)) where Int(rowsDone[reader.link(link)]) <= last {
            return false
        }
        return true
    }

    private func step<Observer: StepObserver>(
        _ record: OperatorRecord, operation: Int, _ observer: inout Observer
    ) {
        observer.willStep(operation: operation)
        let counter = rowsDone + (reader.inputCount + operation)
        let done = Int(counter.pointee)
        let buffer = reader.buffer(Int(record.output.buffer))
        let output = outputRow(record.output, buffer: buffer, row: max(done, 0), width: Int(record.outputWidth))
        let makesRow: Bool
        if record.kind == OperatorKind.globalAveragePool.rawValue {
            makesRow = stepMean(record, rowsTaken: -done, output: output)
            counter.pointee = makesRow ? 1 : Int16(done - 1)
        } else {
            makesRow = true
            run(record, row: done, output: output)
            counter.pointee = Int16(done + 1)
        }
        if makesRow {
            markReady(first: Int(record.firstConsumer), count: Int(record.consumerCount))
            if Int(counter.pointee) == Int(record.outputHeight) { unfinished -= 1 }
        }
        observer.didStep(operation: operation, row: makesRow ? max(done, 0) : nil, output: output)
    }

    // MARK: Operators

    private func run(_ record: OperatorRecord, row: Int, output: OutputRow) {
        let window = RowWindow(
            kernelHeight: Int(record.kernelHeight), kernelWidth: Int(record.kernelWidth),
            stride: Int(record.strideWidth), dilation: Int(record.dilationWidth), paddingLeft: Int(record.paddingLeft))
        let range = OutputRange(
            zeroPoint: record.outputZeroPoint, low: record.activationMin, high: record.activationMax)
        let channels = Int(record.inputChannels)
        switch OperatorKind(rawValue: record.kind) {
        case .convolution:
            let parameters = ConvolutionParameters(
                block: reader.pointer(record.parameters), layout: ConvolutionLayout(record), range: range)
            let input = windowRows(record, row: row)
            if kernels?.convolve(input, output, window, parameters) != true {
                convolveRow(input, output, window, parameters)
            }
        case .depthwiseConvolution:
            let parameters = ConvolutionParameters(
                block: reader.pointer(record.parameters), layout: ConvolutionLayout(record), range: range)
            let input = windowRows(record, row: row)
            if kernels?.convolveDepthwise(input, output, window, parameters) != true {
                convolveDepthwiseRow(input, output, window, parameters)
            }
        case .maxPool:
            let input = windowRows(record, row: row)
            if kernels?.poolMax(input, output, window, channels: channels, range: range) != true {
                poolMaxRow(input, output, window, channels: channels, range: range)
            }
        case .averagePool:
            let input = windowRows(record, row: row)
            if kernels?.poolAverage(input, output, window, channels: channels, range: range) != true {
                poolAverageRow(input, output, window, channels: channels, range: range)
            }
        case .add:
            let parameters = AdditionParameters(
                block: reader.pointer(record.parameters), firstZeroPoint: record.inputZeroPoint,
                secondZeroPoint: record.secondZeroPoint, range: range)
            let first = singleRow(record.input, record, row: row, slot: 0)
            let second = singleRow(record.second, record, row: row, slot: 1)
            if kernels?.add(first, second, output, channels: channels, parameters) != true {
                addRow(first, second, output, channels: channels, parameters)
            }
        case .globalAveragePool, nil:
            break  // `stepMean` runs the former; `ModelReader` has refused the latter.
        }
    }

    /// Takes one more row into the mean. Returns whether it was the last, and the mean is written.
    private func stepMean(_ record: OperatorRecord, rowsTaken: Int, output: OutputRow) -> Bool {
        let channels = Int(record.inputChannels)
        let scratch = reader.buffer(Int(record.scratchBuffer))
        let sums = (base + Int(scratch.arenaOffset)).assumingMemoryBound(to: Int32.self)
        let input = singleRow(record.input, record, row: rowsTaken, slot: 0)
        if rowsTaken == 0 { sums.update(repeating: 0, count: channels) }
        if kernels?.accumulate(input, into: sums, channels: channels) != true {
            accumulateRow(input, into: sums, channels: channels)
        }
        guard rowsTaken + 1 == Int(record.inputHeight) else { return false }
        let block = reader.pointer(record.parameters)
        let scale = FixedPointMultiplier(
            multiplier: block.load(as: Int32.self),
            shift: Int8(truncatingIfNeeded: block.load(fromByteOffset: 4, as: Int32.self)))
        let pixels = Int32(truncatingIfNeeded: Int(record.inputHeight) * Int(record.inputWidth))
        let range = OutputRange(
            zeroPoint: record.outputZeroPoint, low: record.activationMin, high: record.activationMax)
        finishMeanRow(
            sums, output, channels: channels, offset: pixels &* Int32(record.inputZeroPoint), scale: scale, range: range
        )
        return true
    }

    // MARK: Rows

    /// Where row `row` of a map lies in its ring.
    @inline(__always)
    private func slot(_ buffer: BufferRecord, row: Int) -> UnsafeMutablePointer<UInt8> {
        (base + Int(buffer.arenaOffset) + row % Int(buffer.ringRows) * Int(buffer.rowBytes))
            .assumingMemoryBound(to: UInt8.self)
    }

    func outputRow(_ operand: OperandRecord, buffer: BufferRecord, row: Int, width: Int) -> OutputRow {
        OutputRow(
            start: slot(buffer, row: row) + Int(operand.channelOffset), width: width,
            pixelBytes: Int(buffer.pixelBytes), channels: reader.channelTable(operand.channelTable))
    }

    /// The rows under the window of output row `row`, through the row table.
    private func windowRows(_ record: OperatorRecord, row: Int) -> InputRows {
        let buffer = reader.buffer(Int(record.input.buffer))
        let top = row * Int(record.strideHeight) - Int(record.paddingTop)
        for ky in 0..<Int(record.kernelHeight) {
            let y = top + ky * Int(record.dilationHeight)
            let isPadding = y < 0 || y >= Int(record.inputHeight)
            rowTable[ky] = isPadding ? nil : UnsafePointer(slot(buffer, row: y) + Int(record.input.channelOffset))
        }
        return InputRows(
            rows: rowTable, width: Int(record.inputWidth), pixelBytes: Int(buffer.pixelBytes),
            channels: reader.channelTable(record.input.channelTable))
    }

    /// Row `row` of an operand, through entry `slot` of the row table.
    private func singleRow(_ operand: OperandRecord, _ record: OperatorRecord, row: Int, slot entry: Int) -> InputRows {
        let buffer = reader.buffer(Int(operand.buffer))
        rowTable[entry] = UnsafePointer(slot(buffer, row: row) + Int(operand.channelOffset))
        return InputRows(
            rows: rowTable + entry, width: Int(record.inputWidth), pixelBytes: Int(buffer.pixelBytes),
            channels: reader.channelTable(operand.channelTable))
    }

    /// Copies a pushed row into the input's ring. A pixel of 0...255 stays as it is, for the arena holds int8 plus 128.
    func store(_ row: UnsafeRawBufferPointer, input: InputRecord, row index: Int) {
        let buffer = reader.buffer(Int(input.buffer))
        let target = slot(buffer, row: index)
        let flip: UInt8 = input.isPixels == 1 ? 0 : 0x80
        let channels = Int(input.channels)
        if flip == 0, channels == Int(buffer.pixelBytes), let pixels = row.baseAddress {
            UnsafeMutableRawPointer(target).copyMemory(from: pixels, byteCount: row.count)
            return
        }
        for x in 0..<Int(input.width) {
            for channel in 0..<channels {
                target[x * Int(buffer.pixelBytes) + channel] = row[x * channels + channel] ^ flip
            }
        }
    }
}
