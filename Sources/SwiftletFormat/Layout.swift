/// Sizes that the converter, the planner and the runtime must agree on to the byte: executor state, parameter blocks,
/// packed weights.
///
/// What it does not do: place anything; the planner gives arena offsets, the writer file offsets.

@inlinable
public func roundUp(_ value: Int, to multiple: Int) -> Int { (value + multiple - 1) / multiple * multiple }

/// The executor's bookkeeping at the start of the arena.
///
///     0                segment       UInt16: the segment that is running
///     2                unfinished    UInt16: its operators that still have rows to make
///     4                rowsDone      Int16 for each input, then for each operator
///     readyOffset      ready         one bit an operator, in 32-bit words
///     rowTableOffset   rowTable      pointers to the rows that the running operator reads
///
/// `rowsDone` counts the rows that exist. A global pool, which makes its only row at the very end, counts the rows that it
/// has taken in below zero until then.
public struct StateLayout: Equatable, Sendable {
    public static let rowsDoneOffset = 4
    public var readyOffset: Int
    public var readyWords: Int
    public var rowTableOffset: Int
    public var byteCount: Int

    /// Bytes kept for a row pointer on every machine, so that the arena is the same on all of them.
    public static let pointerBytes = 8
    /// Where the first ring may begin.
    public static let alignment = 16

    /// - Parameter kernelRows: the most rows that one operator reads.
    public init(inputs: Int, operators: Int, kernelRows: Int) {
        readyOffset = roundUp(Self.rowsDoneOffset + (inputs + operators) * 2, to: 4)
        readyWords = (operators + 31) / 32
        rowTableOffset = roundUp(readyOffset + readyWords * 4, to: Self.pointerBytes)
        byteCount = roundUp(rowTableOffset + kernelRows * Self.pointerBytes, to: Self.alignment)
    }
}

/// A convolution's packed weights and constants.
///
///     bias        Int32 x paddedChannels     the accumulator's start: bias - (zeroPoint + 128) * weight sum
///     multiplier  Int32 x paddedChannels
///     shift       Int8  x paddedChannels
///     padPixel    UInt8 x input channels, rounded up to 16: what padding holds, as the arena does
///     weights     Int8, see `weightIndex`
public struct ConvolutionLayout: Equatable, Sendable {
    public var isDepthwise: Bool
    public var groups: Int
    public var inputChannels: Int
    public var outputChannels: Int
    public var taps: Int

    public static let blockChannels = 16
    public static let quad = 4
    /// Of a parameter block: a cache line, and a vector of the widest instruction set.
    public static let alignment = 64

    @inlinable
    public init(isDepthwise: Bool, groups: Int, inputChannels: Int, outputChannels: Int, taps: Int) {
        self.isDepthwise = isDepthwise
        self.groups = groups
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.taps = taps
    }

    @inlinable
    public init(_ record: OperatorRecord) {
        self.init(
            isDepthwise: record.kind == OperatorKind.depthwiseConvolution.rawValue, groups: Int(record.groups),
            inputChannels: Int(record.inputChannels), outputChannels: Int(record.outputChannels),
            taps: Int(record.kernelHeight) * Int(record.kernelWidth))
    }

    @inlinable public var groupInputs: Int { inputChannels / groups }
    @inlinable public var groupOutputs: Int { outputChannels / groups }
    /// Quads of input channels in a group.
    @inlinable public var quads: Int { (groupInputs + Self.quad - 1) / Self.quad }

    /// Lengths of the per-channel arrays: a block may be read whole from any group's first channel.
    @inlinable public var paddedChannels: Int {
        let tail = isDepthwise || groups == 1 ? 0 : Self.blockChannels - 1
        return roundUp(outputChannels + tail, to: Self.blockChannels)
    }

    @inlinable public var multiplierOffset: Int { paddedChannels * 4 }
    @inlinable public var shiftOffset: Int { paddedChannels * 8 }
    @inlinable public var padPixelOffset: Int { paddedChannels * 9 }
    @inlinable public var weightsOffset: Int {
        roundUp(padPixelOffset + roundUp(inputChannels, to: 16), to: Self.alignment)
    }

    /// Output channels in block `block` of a group, with those that only fill it up to a multiple of 4.
    @inlinable
    public func blockWidth(_ block: Int) -> Int {
        min(Self.blockChannels, roundUp(groupOutputs - block * Self.blockChannels, to: Self.quad))
    }

    /// Bytes of one group's weights: its output channels, filled up to a multiple of 4, by taps by quads.
    @inlinable public var groupWeightBytes: Int { roundUp(groupOutputs, to: Self.quad) * taps * quads * Self.quad }

    @inlinable public var weightBytes: Int {
        isDepthwise ? taps * paddedChannels : groups * groupWeightBytes
    }

    @inlinable public var byteCount: Int { weightsOffset + weightBytes }

    /// Where the weight of one tap lies, counted from the first weight.
    ///
    /// Convolution: `[group][block][tap][quad][channel in block][4]`, blocks of 16 output channels, the last one narrower;
    /// so that one load brings 4 inputs each for 16 outputs, which is what dot-product instructions take.
    /// Depthwise: `[tap][output channel]`, `input` is ignored.
    @inlinable
    public func weightIndex(output: Int, tap: Int, input: Int) -> Int {
        if isDepthwise { return tap * paddedChannels + output }
        let group = output / groupOutputs
        let channel = output % groupOutputs
        let block = channel / Self.blockChannels
        let width = blockWidth(block)
        let blockStart = group * groupWeightBytes + block * Self.blockChannels * taps * quads * Self.quad
        return blockStart + ((tap * quads + input / Self.quad) * width + channel % Self.blockChannels) * Self.quad
            + input % Self.quad
    }
}

/// `add` brings its inputs to a common scale after a shift to the left.
public enum AddLayout {
    public static let leftShift: Int32 = 20
    /// Where a map has 16 bits.
    public static let wideLeftShift: Int32 = 15
}

/// The multiplier and the shift of `globalAveragePool`, two Int32 for all channels or for each; the division by the number of
/// pixels is in them.
public enum MeanLayout {
    public static let byteCount = 8
}
