/// The part of the proof that depends on the kind of an operator: its shapes and its parameter block.
///
/// After it has passed, a kernel may index every table and follow every entry of one. Each switch asks the record anew, for a
/// build that has some kinds alone then leaves out the proof of all others. What it does not prove: that the numbers make sense.
import SwiftletArithmetic

extension ModelReader {
    func checkShapes(_ record: OperatorRecord, index: Int) throws(FormatError) {
        let (inputs, outputs) = (Int(record.inputChannels), Int(record.outputChannels))
        func require(_ condition: Bool, _ value: Int) throws(FormatError) {
            guard condition else { throw .invalid(part: .geometry, index: index, value: value) }
        }
        switch record.operatorKind {
        case .convolution:
            let groups = Int(record.groups)
            try require(groups > 0, groups)
            try require(inputs % groups == 0 && outputs % groups == 0, groups)
        case .depthwiseConvolution: try require(outputs % inputs == 0, outputs)
        case .maxPool, .averagePool, .resizeBilinear: try require(outputs == inputs, outputs)
        case .rearrange: try require(record.flags.contains(.mapsChannels) || outputs == inputs, outputs)
        case .lookup:
            try require(outputs == inputs && record.outputWidth == record.inputWidth, outputs)
        case .softmax:
            try require(outputs == inputs * (record.flags.contains(.isWide) ? 2 : 1), outputs)
            // In fixed point a sum of so many terms of at most 2^19 stays below 2^31.
            try require(!record.flags.contains(.isFixedPoint) || inputs <= 4095, inputs)
            try require(record.outputWidth == record.inputWidth, Int(record.outputWidth))
        case .add, .multiply, .maximum, .minimum, .prelu:
            let flags = record.flags
            try require(outputs == inputs, outputs)
            let width = flags.contains(.firstRepeatsColumns) ? 1 : record.outputWidth
            let height = flags.contains(.firstRepeatsRows) ? 1 : record.outputHeight
            try require(record.inputWidth == width && record.inputHeight == height, Int(record.inputWidth))
            guard !flags.contains(.secondIsConstant) else { return }
            let second = flags.contains(.secondRepeatsColumns) ? 1 : Int(record.outputWidth)
            try checkOperand(
                record.second, channels: inputs, size: record.secondBytes, width: second, index: index)
        case .concatenate:
            try require(outputs == inputs, outputs)
            let joinsRows = record.flags.contains(.joinsRows)
            let (rest, other) =
                joinsRows
                ? (Int(record.outputHeight) - Int(record.inputHeight), Int(record.outputWidth))
                : (Int(record.outputWidth) - Int(record.inputWidth), Int(record.inputWidth))
            try require(rest > 0 && (!joinsRows || record.inputWidth == record.outputWidth), rest)
            try checkOperand(record.second, channels: inputs, width: joinsRows ? other : rest, index: index)
        case .separableBlock:
            guard recomputes else { throw .invalid(part: .recomputation, index: index, value: Int(record.kind)) }
            try checkWindowsOfBlock(record, index: index)
        case .globalAveragePool:
            try require(outputs == inputs && record.outputHeight == 1 && record.outputWidth == 1, outputs)
            try require(Int(record.scratchBuffer) < bufferCount, Int(record.scratchBuffer))
            let scratch = buffer(Int(record.scratchBuffer))
            guard scratch.arenaOffset % 4 == 0, scratch.rowBytes.saturated >= outputs * 4 else {
                throw .outOfBounds(part: .buffer, index: index, value: outputs * 4, limit: scratch.rowBytes.saturated)
            }
        case nil: throw .invalid(part: .operatorKind, index: index, value: Int(record.kind))
        }
    }

    func checkParameters(_ record: OperatorRecord, index: Int) throws(FormatError) {
        let fileBytes = header.fileBytes.saturated
        let given = record.parameterBytes.saturated
        let needed = try parameterBytes(record, index: index)
        guard given == needed else { throw .outOfBounds(part: .parameters, index: index, value: given, limit: needed) }
        let end = record.parameters.saturated + needed
        guard end <= fileBytes else {
            throw .outOfBounds(part: .parameters, index: index, value: end, limit: fileBytes)
        }
        guard needed == 0 || record.parameters.saturated % ConvolutionLayout.alignment == 0 else {
            throw .misaligned(
                byteOffset: record.parameters.saturated % ConvolutionLayout.alignment,
                alignment: ConvolutionLayout.alignment)
        }
        if needed > 0 { try checkContents(of: pointer(record.parameters), record, index: index) }
    }

    /// The exact size of the block, which follows from the kind and the shapes; at most the file's.
    private func parameterBytes(_ record: OperatorRecord, index: Int) throws(FormatError) -> Int {
        let fileBytes = Int64(header.fileBytes.saturated)
        // The largest part comes first and in 64 bits: that of the whole block could overflow where `Int` has 32.
        func bounded(_ bytes: Int64) throws(FormatError) {
            guard bytes <= fileBytes else {
                throw .outOfBounds(
                    part: .parameters, index: index, value: Int(min(bytes, Int64(Self.arenaLimit))),
                    limit: Int(fileBytes))
            }
        }
        switch record.operatorKind {
        case .convolution:
            let groups = Int64(record.groups)
            let inputs = (Int64(record.inputChannels) / groups + 3) / 4 * 4
            let outputs = (Int64(record.outputChannels) / groups + 3) / 4 * 4
            try bounded(groups * outputs * inputs * Int64(record.kernelHeight) * Int64(record.kernelWidth))
            return ConvolutionLayout(record).byteCount
        case .depthwiseConvolution:
            let outputs = (Int64(record.outputChannels) + 15) / 16 * 16
            try bounded(outputs * Int64(record.kernelHeight) * Int64(record.kernelWidth))
            return ConvolutionLayout(record).byteCount
        case .add, .multiply, .maximum, .minimum, .prelu:
            try bounded(Int64(record.outputHeight) * Int64(record.outputWidth))
            let layout = BinaryLayout(record)
            try bounded(Int64(layout.constantHeight) * Int64(layout.constantWidth) * Int64(layout.channels))
            return layout.byteCount
        case .lookup:
            // One table for all channels or one for each; never both readings, for 256 bytes are one table.
            let each = Int(record.inputChannels) * LookupLayout.tableBytes
            return record.parameterBytes.saturated == each ? each : LookupLayout.tableBytes
        case .softmax:
            return record.flags.contains(.isFixedPoint)
                ? SoftmaxLayout.fixedPointByteCount : SoftmaxLayout.tableByteCount
        case .rearrange: return RearrangementLayout(record).byteCount
        case .resizeBilinear: return ResizeLayout(record).byteCount
        case .globalAveragePool:
            let each = Int(record.inputChannels) * MeanLayout.byteCount
            return record.parameterBytes.saturated == each ? each : MeanLayout.byteCount
        case .separableBlock:
            let most = SeparableBlock.byteCount(stages: 3)
            return record.parameterBytes.saturated == most ? most : SeparableBlock.byteCount(stages: 2)
        case .maxPool, .averagePool, .concatenate, nil: return 0
        }
    }

    private func checkContents(of block: UnsafeRawPointer, _ record: OperatorRecord, index: Int) throws(FormatError) {
        switch record.operatorKind {
        case .convolution, .depthwiseConvolution:
            let layout = ConvolutionLayout(record)
            for channel in 0..<Int(record.outputChannels) {
                try checkMultiplier(
                    (block + layout.multiplierOffset).load(fromByteOffset: channel * 4, as: Int32.self),
                    shift: Int(block.load(fromByteOffset: layout.shiftOffset + channel, as: Int8.self)),
                    largest: record.largestShift, index: index)
            }
        case .add, .multiply, .maximum, .minimum, .prelu:
            for pair in 0..<BinaryLayout(record).multiplierCount {
                try checkMultiplier(
                    block.load(fromByteOffset: pair * 8, as: Int32.self),
                    shift: Int(block.load(fromByteOffset: pair * 8 + 4, as: Int32.self)), index: index)
            }
        case .globalAveragePool:
            for pair in 0..<Int(record.parameterBytes) / MeanLayout.byteCount {
                try checkMultiplier(
                    block.load(fromByteOffset: pair * 8, as: Int32.self),
                    shift: Int(block.load(fromByteOffset: pair * 8 + 4, as: Int32.self)),
                    largest: record.largestShift, index: index)
            }
        case .softmax: try checkSoftmax(block, record, index: index)
        case .separableBlock:
            // Asked again so that a build without such models leaves the check out.
            if recomputes { try checkStages(SeparableBlock(record, block: block), record, index: index) }
        case .rearrange:
            let layout = RearrangementLayout(record)
            func check(_ offset: Int, _ count: UInt16, limit: UInt16) throws(FormatError) {
                for entry in 0..<Int(count) {
                    let source = block.load(fromByteOffset: offset + entry * 2, as: UInt16.self)
                    guard source < limit || source == RearrangementLayout.fill else {
                        throw .outOfBounds(part: .parameters, index: index, value: Int(source), limit: Int(limit))
                    }
                }
            }
            try check(RearrangementLayout.rowsOffset, record.outputHeight, limit: record.inputHeight)
            try check(layout.columnsOffset, record.outputWidth, limit: record.inputWidth)
            guard record.flags.contains(.mapsChannels) else { return }
            try check(layout.channelsOffset, record.outputChannels, limit: record.inputChannels)
        case .resizeBilinear:
            let rows = Int(record.outputHeight)
            for point in 0..<(rows + Int(record.outputWidth)) {
                let low = block.load(fromByteOffset: point * 8, as: UInt16.self)
                let high = block.load(fromByteOffset: point * 8 + 2, as: UInt16.self)
                let fraction = block.load(fromByteOffset: point * 8 + 4, as: Int32.self)
                let limit = point < rows ? record.inputHeight : record.inputWidth
                guard low < limit, high < limit, fraction.magnitude <= UInt32(ResizePoint.one) else {
                    throw .outOfBounds(part: .parameters, index: index, value: Int(max(low, high)), limit: Int(limit))
                }
            }
        case .maxPool, .averagePool, .lookup, .concatenate, nil: break
        }
    }

    private func checkSoftmax(_ block: UnsafeRawPointer, _ record: OperatorRecord, index: Int) throws(FormatError) {
        if record.flags.contains(.isFixedPoint) {
            try checkMultiplier(
                block.load(as: Int32.self), shift: Int(block.load(fromByteOffset: 4, as: Int32.self)), index: index)
            let smallest = block.load(fromByteOffset: 8, as: Int32.self)
            guard block.load(fromByteOffset: 4, as: Int32.self) >= 0, smallest <= 0 else {
                throw .invalid(part: .parameters, index: index, value: Int(smallest))
            }
            return
        }
        // A positive scale and entries in 0...1, the first of them 1: then no sum is zero or infinite.
        let one = Float(1).bitPattern
        let scale = block.load(as: UInt32.self)
        guard scale >= Float.leastNormalMagnitude.bitPattern, scale <= one else {
            throw .invalid(part: .parameters, index: index, value: Int(truncatingIfNeeded: scale))
        }
        for entry in 0..<256 {
            let bits = block.load(fromByteOffset: SoftmaxLayout.tableOffset + entry * 4, as: UInt32.self)
            guard entry == 0 ? bits == one : bits <= one else {
                throw .invalid(part: .parameters, index: index, value: Int(truncatingIfNeeded: bits))
            }
        }
    }

    private func checkMultiplier(
        _ multiplier: Int32, shift: Int, largest: Int = Int(FixedPointMultiplier.shiftRange.upperBound), index: Int
    ) throws(FormatError) {
        guard multiplier >= 0 else { throw .invalid(part: .multiplier, index: index, value: Int(multiplier)) }
        guard shift >= Int(FixedPointMultiplier.shiftRange.lowerBound),
            shift <= (HeaderRecord.runsWide ? largest : Int(FixedPointMultiplier.shiftRange.upperBound))
        else { throw .invalid(part: .shift, index: index, value: shift) }
    }
}
