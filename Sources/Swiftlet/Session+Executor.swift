/// The executor: which operator goes next. Part of `Session`.
///
/// All unsafe memory access of the runtime is in this file and the next, `Session+Operators`. It needs no checks: `ModelReader` has proven that every ring,
/// table and index is in bounds, and heights fit in Int16.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletKernels

extension Session {
    // MARK: State in the arena, see `StateLayout`

    var segment: UInt16 {
        get { state.load(as: UInt16.self) }
        nonmutating set { state.storeBytes(of: newValue, as: UInt16.self) }
    }

    var unfinished: UInt16 {
        get { state.load(fromByteOffset: 2, as: UInt16.self) }
        nonmutating set { state.storeBytes(of: newValue, toByteOffset: 2, as: UInt16.self) }
    }

    /// Rows made of each input, then of each operator.
    var rowsDone: UnsafeMutablePointer<Int16> {
        (state + StateLayout.rowsDoneOffset).assumingMemoryBound(to: Int16.self)
    }

    /// A bit for each operator whose turn may have come.
    var ready: UnsafeMutablePointer<UInt32> {
        (state + reader.state.readyOffset).assumingMemoryBound(to: UInt32.self)
    }

    var rowTable: UnsafeMutablePointer<UnsafePointer<UInt8>?> {
        (state + reader.state.rowTableOffset).assumingMemoryBound(to: UnsafePointer<UInt8>?.self)
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
            #if !hasFeature(Embedded)
                if stepSeveral(record, operation: operation, &observer) { continue }
            #endif
            step(record, operation: operation, &observer)
        }
    }

    /// Whether the rows that the operator's next row reads are all there.
    private func canStep(_ record: OperatorRecord, operation: Int) -> Bool {
        let done = Int(rowsDone[reader.inputCount + operation])
        return done < Int(record.outputHeight) && hasRows(record, for: done)
    }

    /// Whether the rows that output row `done` reads are all there; for a mean, `-done` is the row of the input.
    @inline(__always)
    func hasRows(_ record: OperatorRecord, for done: Int) -> Bool {
        let last: Int
        var lastOfSecond: Int
        // Windows and plain sums are most of what networks are made of, and this is asked for every row: 2 % of MobileNetV2 0.35 at
        // 96 x 96.
        if record.kind <= OperatorKind.averagePool.rawValue {
            let bottom =
                done * Int(record.strideHeight) - Int(record.paddingTop)
                + (Int(record.kernelHeight) - 1) * Int(record.dilationHeight)
            last = min(bottom, Int(record.inputHeight) - 1)
            lastOfSecond = last
        } else if record.kind == OperatorKind.add.rawValue && record.flags.isEmpty {
            (last, lastOfSecond) = (done, done)
        } else {
            let block = reader.pointer(record.parameters)
            let isMean = record.kind == OperatorKind.globalAveragePool.rawValue
            last = record.rowSpan(isSecond: false, row: isMean ? -done : done, block: block).last
            lastOfSecond = last
            if record.hasSecondOperand {
                lastOfSecond = record.rowSpan(isSecond: true, row: done, block: block).last
            }
        }
        let first = Int(record.firstProducer)
        for link in first..<(first + Int(record.producerCount)) {
            let producer = reader.link(link)
            var needed = last
            if lastOfSecond != last, buffer(of: producer) == record.second.buffer {
                needed = record.second.buffer == record.input.buffer ? max(last, lastOfSecond) : lastOfSecond
            }
            if Int(rowsDone[producer]) <= needed { return false }
        }
        return true
    }

    /// The buffer that an input or an operator, counted together, writes.
    private func buffer(of producer: Int) -> UInt16 {
        producer < reader.inputCount
            ? reader.input(producer).buffer : reader.operation(producer - reader.inputCount).output.buffer
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
        let path: KernelPath
        if record.operatorKind == .globalAveragePool {
            makesRow = 1 - done == Int(record.inputHeight)
            path = makesWhole ? stepMean(record, rowsTaken: -done, output: output) : .reference
            counter.pointee = makesRow ? 1 : Int16(done - 1)
        } else {
            makesRow = true
            path = make(record, operation: operation, row: done, output: output, &observer)
            counter.pointee = Int16(done + 1)
        }
        observer.didChoose(path, operation: operation)
        if makesRow {
            markReady(first: Int(record.firstConsumer), count: Int(record.consumerCount))
            if Int(counter.pointee) == Int(record.outputHeight) { unfinished -= 1 }
        }
        observer.didStep(operation: operation, row: makesRow ? max(done, 0) : nil, output: output)
    }
}
