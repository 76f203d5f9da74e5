/// Several rows of an operator in one step, where the processor's kernels gain by it. Part of `Session`.
///
/// Rows are made together only where the executor would make them one after the other with nothing between: by the last operator
/// of a segment that has rows to make. So every row is overwritten as late, and every row is read as early, as the plan says.
/// What it does not do: exist on microcontrollers, or where sessions share an arena: one's rows would overwrite what another reads.
#if !hasFeature(Embedded)
    import SwiftletFormat
    import SwiftletKernels

    extension Session {
        /// Pointers to rows are held on the stack.
        private static var mostOutputRows: Int { 32 }
        private static var mostInputRows: Int { 80 }

        /// Makes the rows of operator `operation` that can be made, if those are several and its kernel takes them.
        ///
        /// - Returns: whether it has made any.
        @inline(__always)
        func stepSeveral<Observer: StepObserver>(
            _ record: OperatorRecord, operation: Int, _ observer: inout Observer
        ) -> Bool {
            // The first is all that most steps look at.
            guard unfinished == 1, record.kind == OperatorKind.convolution.rawValue, let kernels,
                kernels.takesSeveralRows
            else { return false }
            return stepSeveral(record, operation: operation, kernels, &observer)
        }

        private func stepSeveral<Observer: StepObserver>(
            _ record: OperatorRecord, operation: Int, _ kernels: VectorKernels, _ observer: inout Observer
        ) -> Bool {
            let counter = rowsDone + (reader.inputCount + operation)
            let done = Int(counter.pointee)
            let reach = (Int(record.kernelHeight) - 1) * Int(record.dilationHeight) + 1
            let most = min(
                Int(record.outputHeight) - done, Int(reader.buffer(Int(record.output.buffer)).ringRows),
                Self.mostOutputRows,
                (Self.mostInputRows - reach) / Int(record.strideHeight) + 1)
            guard share == nil, !record.isWide, most > 1 else { return false }
            var count = 1
            while count < most, hasRows(record, for: done + count) { count += 1 }
            guard count > 1 else { return false }
            observer.willStep(operation: operation)
            let path = convolveRows(record, from: done, count: count, kernels)
            guard path != .reference else { return false }
            let buffer = reader.buffer(Int(record.output.buffer))
            for row in done..<(done + count) {
                if row > done { observer.willStep(operation: operation) }
                observer.didChoose(path, operation: operation)
                observer.didStep(
                    operation: operation, row: row,
                    output: outputRow(record.output, buffer: buffer, row: row, width: Int(record.outputWidth)))
            }
            counter.pointee = Int16(done + count)
            if done + count == Int(record.outputHeight) { unfinished -= 1 }
            return true
        }

        private func convolveRows(
            _ record: OperatorRecord, from first: Int, count: Int, _ kernels: VectorKernels
        ) -> KernelPath {
            let (stride, dilation) = (Int(record.strideHeight), Int(record.dilationHeight))
            let inputs = (count - 1) * stride + (Int(record.kernelHeight) - 1) * dilation + 1
            let top = first * stride - Int(record.paddingTop)
            let (source, target) = (reader.buffer(Int(record.input.buffer)), reader.buffer(Int(record.output.buffer)))
            return withUnsafeTemporaryAllocation(of: UnsafePointer<UInt8>?.self, capacity: Self.mostInputRows) {
                inputRows in
                withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<UInt8>?.self, capacity: Self.mostOutputRows) {
                    outputRows in
                    for index in 0..<inputs {
                        let isPadding = top + index < 0 || top + index >= Int(record.inputHeight)
                        inputRows[index] =
                            isPadding
                            ? nil : UnsafePointer(slot(source, row: top + index) + Int(record.input.channelOffset))
                    }
                    for index in 0..<count {
                        outputRows[index] = slot(target, row: first + index) + Int(record.output.channelOffset)
                    }
                    guard let inputs = inputRows.baseAddress, let outputs = outputRows.baseAddress else {
                        return .reference
                    }
                    let range = OutputRange(
                        zeroPoint: record.outputZeroPoint, low: record.activationMin, high: record.activationMax)
                    let window = RowWindow(
                        kernelHeight: Int(record.kernelHeight), kernelWidth: Int(record.kernelWidth),
                        stride: Int(record.strideWidth), dilation: Int(record.dilationWidth),
                        paddingLeft: Int(record.paddingLeft))
                    return kernels.convolveRows(
                        SeveralRows(
                            count: count, stride: stride, dilation: dilation, inputs: UnsafePointer(inputs),
                            outputs: UnsafePointer(outputs)),
                        InputRows(
                            rows: UnsafePointer(inputs), width: Int(record.inputWidth),
                            pixelBytes: Int(source.pixelBytes),
                            channels: reader.channelTable(record.input.channelTable)),
                        outputRow(record.output, buffer: target, row: first, width: Int(record.outputWidth)), window,
                        parameters(record, range))
                }
            }
        }
    }
#endif
