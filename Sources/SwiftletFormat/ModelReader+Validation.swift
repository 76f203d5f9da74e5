/// The proof that a model is safe to run, part of `ModelReader.init`.
///
/// Every function here throws at the first thing out of bounds. After it has passed, the executor may follow every offset,
/// index every table and write every row without a check. What it does not prove: that the numbers make sense.
import SwiftletArithmetic

extension UInt32 {
    /// This number as an `Int`, at most 2^30 - 1: what lies beyond the largest file stays beyond it, and sums of two do not
    /// overflow where `Int` has 32 bits.
    var saturated: Int { Int(truncatingIfNeeded: Swift.min(self, 0x3FFF_FFFF)) }
}

extension ModelReader {
    /// Checks that the lists lie in the file, and counts the most rows that one operator reads.
    static func checkLists(_ header: HeaderRecord, base: UnsafeRawPointer) throws(FormatError) -> Int {
        let fileBytes = header.fileBytes.saturated
        func check(_ list: ListRecord, stride: Int, alignment: Int, limit: Int, part: FormatError.Part)
            throws(FormatError)
        {
            guard list.count.saturated <= limit else {
                throw .outOfBounds(part: part, index: -1, value: list.count.saturated, limit: limit)
            }
            // Not of the saturated offset, which is odd where it is at the limit.
            guard list.offset % UInt32(alignment) == 0 else {
                throw .misaligned(byteOffset: Int(list.offset % UInt32(alignment)), alignment: alignment)
            }
            let end = list.offset.saturated + Int(list.count) * stride
            guard end <= fileBytes else { throw .outOfBounds(part: part, index: -1, value: end, limit: fileBytes) }
        }
        let most = 0x7FFF  // Indices are UInt16 and inputs and operators share them.
        try check(header.inputs, stride: MemoryLayout<InputRecord>.stride, alignment: 8, limit: 255, part: .input)
        try check(header.outputs, stride: MemoryLayout<OutputRecord>.stride, alignment: 8, limit: 255, part: .output)
        try check(
            header.operators, stride: MemoryLayout<OperatorRecord>.stride, alignment: 8, limit: most,
            part: .operatorRecord)
        try check(header.buffers, stride: MemoryLayout<BufferRecord>.stride, alignment: 8, limit: most, part: .buffer)
        try check(header.segments, stride: 2, alignment: 2, limit: most, part: .segment)
        try check(header.links, stride: 2, alignment: 2, limit: fileBytes / 2, part: .link)
        try check(header.classNames, stride: 4, alignment: 4, limit: 0xFFFF, part: .string)
        guard header.inputs.count > 0, header.outputs.count > 0, header.operators.count > 0, header.segments.count > 0
        else { throw .invalid(part: .header, index: 0, value: 0) }

        var kernelRows = 2
        for index in 0..<Int(header.operators.count) {
            let offset = Int(header.operators.offset) + index * MemoryLayout<OperatorRecord>.stride
            kernelRows = max(kernelRows, Int((base + offset).load(as: OperatorRecord.self).kernelHeight))
        }
        return kernelRows
    }

    func checkModel() throws(FormatError) {
        let arenaBytes = header.arenaBytes.saturated
        // At the limit a number may be saturated: then it is not what the header says.
        guard arenaBytes < Self.arenaLimit - 1 else {
            throw .outOfBounds(part: .header, index: 0, value: arenaBytes, limit: Self.arenaLimit - 2)
        }
        guard arenaBytes >= state.byteCount else {
            throw .outOfBounds(part: .header, index: 0, value: state.byteCount, limit: arenaBytes)
        }
        for index in 0..<bufferCount { try checkBuffer(index) }
        for index in 0..<inputCount { try checkInput(index) }
        for index in 0..<outputCount { try checkOutput(index) }
        for index in 0..<operatorCount { try checkOperator(index) }
        var previous = -1
        for index in 0..<segmentCount {
            let start = segmentStart(index)
            guard index == 0 ? start == 0 : start > previous && start < operatorCount else {
                throw .invalid(part: .segment, index: index, value: start)
            }
            previous = start
        }
        try checkRecomputation()
        try checkString(header.architecture, index: -1)
        for index in 0..<classCount { try checkString(record(header.classNames, index, as: UInt32.self), index: index) }
    }

    func checkString(_ offset: UInt32, index: Int) throws(FormatError) {
        let fileBytes = header.fileBytes.saturated
        guard offset % 2 == 0, offset.saturated + 2 <= fileBytes else {
            throw .outOfBounds(part: .string, index: index, value: offset.saturated, limit: fileBytes)
        }
        let end = Int(offset) + 2 + Int((base + Int(offset)).load(as: UInt16.self))
        guard end <= fileBytes else { throw .outOfBounds(part: .string, index: index, value: end, limit: fileBytes) }
    }

    private func checkBuffer(_ index: Int) throws(FormatError) {
        let buffer = buffer(index)
        let begin = buffer.arenaOffset.saturated
        let ringBytes = Int64(buffer.ringRows) * Int64(buffer.rowBytes)
        let end = begin + Int(min(ringBytes, Int64(Self.arenaLimit)))
        guard buffer.ringRows > 0, buffer.width > 0, buffer.pixelBytes > 0 else {
            throw .invalid(part: .buffer, index: index, value: 0)
        }
        guard Int64(buffer.width) * Int64(buffer.pixelBytes) <= Int64(buffer.rowBytes) else {
            throw .outOfBounds(
                part: .buffer, index: index, value: Int(buffer.width), limit: buffer.rowBytes.saturated)
        }
        guard buffer.phase < buffer.ringRows else {
            throw .outOfBounds(part: .buffer, index: index, value: Int(buffer.phase), limit: Int(buffer.ringRows))
        }
        guard begin >= state.byteCount, end <= arenaBytes else {
            throw .outOfBounds(part: .buffer, index: index, value: end, limit: arenaBytes)
        }
    }

    /// Checks that `channels` channels of a `width` wide map, of `size` bytes each, lie in the operand's buffer, and returns the
    /// buffer.
    @discardableResult
    func checkOperand(
        _ operand: OperandRecord, channels: Int, size: Int = 1, width: Int, index: Int
    ) throws(FormatError) -> BufferRecord {
        // Known when a build is made that runs no maps of 16 bits, and left out there.
        let size = HeaderRecord.runsWide ? size : 1
        guard Int(operand.buffer) < bufferCount else {
            throw .outOfBounds(part: .operand, index: index, value: Int(operand.buffer), limit: bufferCount)
        }
        let buffer = buffer(Int(operand.buffer))
        guard channels > 0, width > 0, width <= Int(buffer.width) else {
            throw .outOfBounds(part: .operand, index: index, value: width, limit: Int(buffer.width))
        }
        let pixelBytes = Int(buffer.pixelBytes)
        let (column, channel) = Int(operand.channelOffset).quotientAndRemainder(dividingBy: pixelBytes)
        guard column + width <= Int(buffer.width) else {
            throw .outOfBounds(part: .operand, index: index, value: column + width, limit: Int(buffer.width))
        }
        guard operand.channelTable != 0 else {
            let end = channel + channels * size
            guard end <= pixelBytes else {
                throw .outOfBounds(part: .operand, index: index, value: end, limit: pixelBytes)
            }
            return buffer
        }
        // A table names bytes of the pixel: an offset on top would leave it.
        guard channel == 0 else {
            throw .invalid(part: .operand, index: index, value: Int(operand.channelOffset))
        }
        let fileBytes = header.fileBytes.saturated
        let end = operand.channelTable.saturated + channels * 2
        guard operand.channelTable % 2 == 0, end <= fileBytes else {
            throw .outOfBounds(part: .channelTable, index: index, value: end, limit: fileBytes)
        }
        let table = (base + Int(operand.channelTable)).assumingMemoryBound(to: UInt16.self)
        for channel in 0..<channels where Int(table[channel]) + size > pixelBytes {
            throw .outOfBounds(part: .channelTable, index: index, value: Int(table[channel]), limit: pixelBytes)
        }
        return buffer
    }

    /// Passes of one input: alike but for their columns, which lie in the row that is pushed.
    private func checkRecomputation() throws(FormatError) {
        // A model with maps of 16 bits may do either.
        let isWide = HeaderRecord.runsWide && header.version == HeaderRecord.wideVersion
        guard isWide || (header.recomputation != 0) == (header.version == HeaderRecord.recomputingVersion) else {
            throw .invalid(part: .recomputation, index: -1, value: header.recomputation.saturated)
        }
        guard recomputes else { return }
        let fileBytes = header.fileBytes.saturated
        let start = header.recomputation.saturated
        let columns = start + MemoryLayout<RecomputationRecord>.size
        guard header.recomputation % 8 == 0, columns <= fileBytes else {
            throw .outOfBounds(part: .recomputation, index: -1, value: columns, limit: fileBytes)
        }
        let record = (base + start).load(as: RecomputationRecord.self)
        let passes = Int(record.passes)
        guard columns + passes * 2 <= fileBytes else {
            throw .outOfBounds(part: .recomputation, index: -1, value: columns + passes * 2, limit: fileBytes)
        }
        guard passes == 1 || passes == inputCount else {
            throw .invalid(part: .recomputation, index: -1, value: passes)
        }
        guard passes > 1 else { return }
        let first = input(0)
        for pass in 0..<passes {
            let input = input(pass)
            guard input.height == first.height, input.channels == first.channels, input.isPixels == first.isPixels
            else { throw .invalid(part: .recomputation, index: pass, value: Int(input.height)) }
            let end = firstColumn(ofPass: pass) + Int(input.width)
            guard end <= Int(record.rowWidth) else {
                throw .outOfBounds(part: .recomputation, index: pass, value: end, limit: Int(record.rowWidth))
            }
        }
    }

    private func checkInput(_ index: Int) throws(FormatError) {
        let input = input(index)
        let operand = OperandRecord(buffer: input.buffer)
        try checkOperand(operand, channels: Int(input.channels), width: Int(input.width), index: index)
        guard input.height > 0, input.height <= Self.heightLimit, input.isPixels <= 1 else {
            throw .invalid(part: .input, index: index, value: 0)
        }
        try checkString(input.name, index: index)
        try checkLinks(first: input.firstConsumer, count: input.consumerCount, limit: operatorCount, index: index)
    }

    private func checkOutput(_ index: Int) throws(FormatError) {
        let output = output(index)
        let buffer = try checkOperand(
            output.operand, channels: Int(output.channels), width: Int(output.width), index: index)
        // It is read as one piece, from the slot of its first row on.
        let end = Int(output.height) + Int(buffer.phase)
        guard output.height > 0, end <= Int(buffer.ringRows) else {
            throw .outOfBounds(part: .output, index: index, value: end, limit: Int(buffer.ringRows))
        }
        try checkString(output.name, index: index)
    }

    private func checkLinks(first: UInt32, count: UInt16, limit: Int, index: Int) throws(FormatError) {
        let end = first.saturated + Int(count)
        guard end <= header.links.count.saturated else {
            throw .outOfBounds(part: .link, index: index, value: end, limit: header.links.count.saturated)
        }
        for position in Int(first)..<end where link(position) >= limit {
            throw .outOfBounds(part: .link, index: index, value: link(position), limit: limit)
        }
    }

    private func checkOperator(_ index: Int) throws(FormatError) {
        let record = operation(index)
        guard let kind = record.operatorKind else {
            throw .invalid(part: .operatorKind, index: index, value: Int(record.kind))
        }
        guard record.kernelHeight > 0, record.kernelWidth > 0, record.strideHeight > 0, record.strideWidth > 0,
            record.dilationHeight > 0, record.dilationWidth > 0
        else { throw .invalid(part: .window, index: index, value: 0) }
        let largest = max(
            max(max(record.kernelHeight, record.kernelWidth), max(record.strideHeight, record.strideWidth)),
            max(max(record.dilationHeight, record.dilationWidth), max(record.paddingTop, record.paddingLeft)))
        guard largest <= Self.windowLimit else {
            throw .outOfBounds(part: .window, index: index, value: Int(largest), limit: Int(Self.windowLimit))
        }
        guard record.inputHeight <= Self.heightLimit, record.outputHeight <= Self.heightLimit else {
            throw .outOfBounds(
                part: .geometry, index: index, value: Int(record.outputHeight), limit: Int(Self.heightLimit))
        }
        guard record.inputHeight > 0, record.outputHeight > 0, record.activationMin <= record.activationMax else {
            throw .invalid(part: .activation, index: index, value: Int(record.activationMin))
        }
        try checkLinks(
            first: record.firstProducer, count: record.producerCount, limit: inputCount + operatorCount, index: index)
        try checkLinks(first: record.firstConsumer, count: record.consumerCount, limit: operatorCount, index: index)
        guard record.producerCount > 0 else { throw .invalid(part: .link, index: index, value: 0) }
        try checkString(record.name, index: index)
        let inputs = Int(record.inputChannels)
        let outputs = Int(record.outputChannels)
        try checkOperand(
            record.input, channels: inputs, size: record.inputBytes, width: Int(record.inputWidth), index: index)
        try checkOperand(
            record.output, channels: outputs, size: record.outputBytes, width: Int(record.outputWidth), index: index)
        guard record.flags.isSubset(of: .allowed(for: kind)) else {
            throw .invalid(part: .operatorKind, index: index, value: Int(record.flags.rawValue))
        }
        if record.isWide { try checkWideMaps(record, kind: kind, index: index) }
        try checkShapes(record, index: index)
        try checkParameters(record, index: index)
    }
}
