/// A depthwise separable block as one operator: expansion, depthwise convolution, projection (Sandler et al. 2018, "MobileNetV2",
/// section 3.2), or the latter two alone.
///
/// The maps between the three are the widest of a network. Here they are never more than a few columns: each piece of an output
/// row is made from the input up, so the expansion is made anew for each row whose window it is in; what neighbouring pieces
/// share is kept (as the caches of msf-CNN do, arXiv:2505.11483). The block's window is that of the depthwise convolution.
/// What it does not do: hold a shortcut; an `add` follows where there is one.

/// One of the convolutions, as it lies in the block's parameters.
public struct StageRecord {
    /// Of the convolution's own parameter block.
    public var parameters: UInt32 = 0
    public var parameterBytes: UInt32 = 0
    public var outputChannels: UInt16 = 0
    /// 1 for the depthwise convolution.
    public var groups: UInt16 = 1
    public var activationMin: Int8 = -128
    public var activationMax: Int8 = 127
    public var outputZeroPoint: Int8 = 0
    public var reserved: UInt8 = 0
    /// The real value of one step of the output, for reports.
    public var outputScale: Float = 0
    /// Offset of the name, a string.
    public var name: UInt32 = 0

    public init() {}
}

/// The parameters of a `separableBlock`, and what follows from them.
///
///     stages        UInt16: 3, or 2 where there is no expansion
///     pieceColumns  UInt16: columns of the output that are made at a time
///     reserved      UInt32
///     stages        `StageRecord`s in their order
///
/// The scratch buffer's row holds the expansion's part, `kernelHeight` rows of `patchColumns`, and behind it a piece of the
/// depthwise convolution's output.
public struct SeparableBlock {
    public static let headBytes = 8

    public let stageCount: Int
    public let pieceColumns: Int
    /// Columns of the input under the windows of a whole piece.
    public let patchColumns: Int
    private let record: OperatorRecord
    private let block: UnsafeRawPointer

    public init(_ record: OperatorRecord, block: UnsafeRawPointer) {
        self.record = record
        self.block = block
        stageCount = Int(block.load(as: UInt16.self))
        pieceColumns = Int(block.load(fromByteOffset: 2, as: UInt16.self))
        let reach = (Int(record.kernelWidth) - 1) * Int(record.dilationWidth)
        patchColumns = min(Int(record.inputWidth), (pieceColumns - 1) * Int(record.strideWidth) + reach + 1)
    }

    public static func byteCount(stages: Int) -> Int { headBytes + stages * MemoryLayout<StageRecord>.stride }

    public var hasExpansion: Bool { stageCount == 3 }

    public func stage(_ index: Int) -> StageRecord {
        block.load(fromByteOffset: Self.headBytes + index * MemoryLayout<StageRecord>.stride, as: StageRecord.self)
    }

    /// A stage as an operator of its own: what its parameters are laid out for.
    public func operation(_ index: Int) -> OperatorRecord {
        let stage = stage(index)
        let isDepthwise = index == stageCount - 2
        var operation = OperatorRecord()
        operation.kind = (isDepthwise ? OperatorKind.depthwiseConvolution : .convolution).rawValue
        if isDepthwise { (operation.kernelHeight, operation.kernelWidth) = (record.kernelHeight, record.kernelWidth) }
        operation.inputChannels = index == 0 ? record.inputChannels : self.stage(index - 1).outputChannels
        operation.outputChannels = stage.outputChannels
        operation.groups = stage.groups
        operation.parameters = stage.parameters
        operation.parameterBytes = stage.parameterBytes
        operation.activationMin = stage.activationMin
        operation.activationMax = stage.activationMax
        operation.outputZeroPoint = stage.outputZeroPoint
        return operation
    }

    /// Bytes of one row of the expansion's part of the scratch buffer; 0 without an expansion.
    public var expansionRowBytes: Int { hasExpansion ? patchColumns * Int(stage(0).outputChannels) : 0 }
    /// Where the depthwise convolution's piece begins.
    public var depthwiseOffset: Int { Int(record.kernelHeight) * expansionRowBytes }

    /// Bytes of the scratch buffer, in 64 bits: a hostile model may ask for more than `Int` holds on a device.
    public var scratchBytes: Int64 {
        let expansion = hasExpansion ? Int64(patchColumns) * Int64(stage(0).outputChannels) : 0
        return Int64(record.kernelHeight) * expansion + Int64(pieceColumns)
            * Int64(stage(stageCount - 2).outputChannels)
    }

    /// The columns of the input under the windows of `count` outputs from column `first` on, and how many columns of padding are
    /// to the left of them.
    public func inputColumns(_ first: Int, count: Int) -> (columns: Range<Int>, padding: Int) {
        let left = first * Int(record.strideWidth) - Int(record.paddingLeft)
        let reach = (Int(record.kernelWidth) - 1) * Int(record.dilationWidth)
        let end = left + (count - 1) * Int(record.strideWidth) + reach + 1
        let begin = max(left, 0)
        return (begin..<min(end, Int(record.inputWidth)), begin - left)
    }
}

extension ModelReader {
    /// That every window of a block has a column of the map in it, so that no piece is all padding.
    func checkWindowsOfBlock(_ record: OperatorRecord, index: Int) throws(FormatError) {
        let last = (Int(record.outputWidth) - 1) * Int(record.strideWidth) - Int(record.paddingLeft)
        let reach = (Int(record.kernelWidth) - 1) * Int(record.dilationWidth)
        guard last < Int(record.inputWidth), reach >= Int(record.paddingLeft) else {
            throw .invalid(part: .window, index: index, value: last)
        }
        guard Int(record.scratchBuffer) < bufferCount else {
            throw .invalid(part: .geometry, index: index, value: Int(record.scratchBuffer))
        }
    }

    /// - Parameter block: at least as many bytes as two stages have.
    func checkStages(_ block: SeparableBlock, _ record: OperatorRecord, index: Int) throws(FormatError) {
        guard block.stageCount == 2 || block.stageCount == 3,
            SeparableBlock.byteCount(stages: block.stageCount) == record.parameterBytes.saturated
        else { throw .invalid(part: .parameters, index: index, value: block.stageCount) }
        guard block.pieceColumns > 0 else { throw .invalid(part: .parameters, index: index, value: 0) }
        for number in 0..<block.stageCount {
            let stage = block.stage(number)
            guard stage.outputChannels > 0, stage.activationMin <= stage.activationMax else {
                throw .invalid(part: .activation, index: index, value: Int(stage.activationMin))
            }
            try checkString(stage.name, index: index)
            let operation = block.operation(number)
            let kind = number == block.stageCount - 2 ? OperatorKind.depthwiseConvolution : .convolution
            guard kind == .convolution || stage.groups == 1 else {
                throw .invalid(part: .geometry, index: index, value: Int(stage.groups))
            }
            try checkShapes(operation, index: index)
            try checkParameters(operation, index: index)
        }
        guard block.stage(block.stageCount - 1).outputChannels == record.outputChannels else {
            throw .invalid(part: .geometry, index: index, value: Int(record.outputChannels))
        }
        let scratch = buffer(Int(record.scratchBuffer))
        guard Int64(scratch.rowBytes) >= block.scratchBytes else {
            throw .outOfBounds(
                part: .buffer, index: index, value: Int(min(block.scratchBytes, Int64(Self.arenaLimit))),
                limit: scratch.rowBytes.saturated)
        }
    }
}
