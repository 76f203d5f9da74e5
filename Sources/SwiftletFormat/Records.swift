/// The fixed-size records of `int8.bin`, field by field as they lie in the file.
///
/// Little-endian, naturally aligned, no padding between fields: a record is read where it lies. A test pins the offset of
/// every field; the article "The int8.bin format" tables them. What it does not do: check anything; `ModelReader` does.

#if _endian(big)
    #error("int8.bin is used in place and little-endian")
#endif

/// The first 112 bytes of the file.
public struct HeaderRecord {
    /// "SWIFTLET" as eight bytes.
    public var magic: UInt64 = HeaderRecord.magic
    public var version: UInt16 = HeaderRecord.version
    public var headerBytes: UInt16 = 112
    public var fileBytes: UInt32 = 0
    /// CRC-32 of all bytes behind this field.
    public var checksum: UInt32 = 0
    /// Exactly what the arena must hold: executor state, rings, accumulators, alignment.
    public var arenaBytes: UInt32 = 0
    public var inputs = ListRecord()
    public var outputs = ListRecord()
    public var operators = ListRecord()
    public var buffers = ListRecord()
    /// UInt16: the first operator of each segment. Segments run one after the other.
    public var segments = ListRecord()
    /// UInt16: producers and consumers of the operators, back to back.
    public var links = ListRecord()
    /// UInt32: offsets of the class names.
    public var classNames = ListRecord()
    public var preprocessing = PreprocessingRecord()
    /// Offset of the architecture's name, a string.
    public var architecture: UInt32 = 0
    /// The generator's seed of the self-test's input.
    public var selfTestSeed: UInt32 = 0
    /// CRC-32 of the output that the self-test's input gives.
    public var selfTestChecksum: UInt32 = 0
    public var weightBytes: UInt32 = 0
    /// Offset of a `RecomputationRecord`; 0 in a model that makes every row once.
    public var recomputation: UInt32 = 0
    /// Of one inference, recomputation included.
    public var multiplyAccumulates: UInt64 = 0

    public init() {}

    public static let magic: UInt64 = 0x5445_4C54_4649_5753  // "SWIFTLET"
    public static let version: UInt16 = 3
    /// Of a model that recomputes: a reader of version 3 would not know how to run it.
    public static let recomputingVersion: UInt16 = 4
    /// Of a model with maps of 16 bits, which may recompute, too.
    public static let wideVersion: UInt16 = 5
    /// Whether this build runs operators on maps of 16 bits; known when it is built.
    @inlinable
    @inline(__always)
    public static var runsWide: Bool { newestVersion == wideVersion }
    /// Where the bytes that the checksum covers begin.
    public static let checkedFrom = 20
}

/// Where a list lies and how many records it has.
public struct ListRecord {
    public var offset: UInt32 = 0
    public var count: UInt32 = 0

    public init(offset: UInt32 = 0, count: UInt32 = 0) {
        self.offset = offset
        self.count = count
    }
}

/// What a model that recomputes says of it. Behind it lies, for each pass, a UInt16: the first column that the pass takes.
public struct RecomputationRecord {
    /// Of one inference that recomputes nothing.
    public var leastMultiplyAccumulates: UInt64 = 0
    /// How many times the picture is pushed. Where that is more than once there is one input, and the input records are its
    /// passes.
    public var passes: UInt16 = 1
    /// Pixels in a row of the picture, of which a pass takes some; 0 in a model of one pass.
    public var rowWidth: UInt16 = 0
    /// What whole tensors would take, for reports.
    public var layerwiseBytes: UInt32 = 0

    public init() {}
}

/// How a picture becomes the input: resized, cropped, coloured. Mean and deviation are already in the weights.
public struct PreprocessingRecord {
    /// 0: stretched to the input size. Else: shorter side to this, then the centre.
    public var shorterSide: UInt16 = 0
    /// 0 RGB, 1 BGR, 2 grey.
    public var colorOrder: UInt8 = 0
    public var reserved: UInt8 = 0

    public init() {}
}

/// A ring of rows in the arena. Row `r` of a feature map lies in slot `(r + phase) mod ringRows`. Several maps may lie in one
/// ring, kept apart by their phases.
public struct BufferRecord {
    public var arenaOffset: UInt32 = 0
    /// Bytes from one row to the next.
    public var rowBytes: UInt32 = 0
    public var ringRows: UInt16 = 0
    /// Pixels in a row.
    public var width: UInt16 = 0
    /// Bytes from one pixel to the next.
    public var pixelBytes: UInt16 = 0
    /// Below `ringRows`; 0 in a ring that the map has for itself.
    public var phase: UInt16 = 0

    public init() {}
}

/// Which channels of a buffer an operator reads or writes.
public struct OperandRecord {
    public var buffer: UInt16 = 0
    /// From the start of a row to the first byte that is meant: the first column times the buffer's `pixelBytes`, and the first
    /// channel, when they are consecutive.
    public var channelOffset: UInt16 = 0
    /// Offset of a UInt16 table of channels, or 0 when they are consecutive.
    public var channelTable: UInt32 = 0

    public init(buffer: UInt16 = 0, channelOffset: UInt16 = 0, channelTable: UInt32 = 0) {
        self.buffer = buffer
        self.channelOffset = channelOffset
        self.channelTable = channelTable
    }
}

/// One operator: it makes output rows out of input rows.
public struct OperatorRecord {
    public var kind: UInt8 = 0
    public var activationMin: Int8 = -128
    public var activationMax: Int8 = 127
    /// Of the first and the second input where the operator does not have them in its bias.
    public var inputZeroPoint: Int8 = 0
    public var secondZeroPoint: Int8 = 0
    public var outputZeroPoint: Int8 = 0
    public var producerCount: UInt16 = 0
    public var consumerCount: UInt16 = 0
    /// Buffer of the accumulators, or `noBuffer`.
    public var scratchBuffer: UInt16 = OperatorRecord.noBuffer
    /// Index of the first producer and the first consumer in `links`.
    public var firstProducer: UInt32 = 0
    public var firstConsumer: UInt32 = 0
    public var kernelHeight: UInt16 = 1
    public var kernelWidth: UInt16 = 1
    public var strideHeight: UInt16 = 1
    public var strideWidth: UInt16 = 1
    public var dilationHeight: UInt16 = 1
    public var dilationWidth: UInt16 = 1
    public var paddingTop: UInt16 = 0
    public var paddingLeft: UInt16 = 0
    public var input = OperandRecord()
    public var second = OperandRecord()
    public var output = OperandRecord()
    public var inputHeight: UInt16 = 0
    public var inputWidth: UInt16 = 0
    public var inputChannels: UInt16 = 0
    public var groups: UInt16 = 1
    public var outputHeight: UInt16 = 0
    public var outputWidth: UInt16 = 0
    public var outputChannels: UInt16 = 0
    public var flags = OperatorFlags([])
    /// Offset of the operator's parameter block; its layout follows from the kind and the shapes.
    public var parameters: UInt32 = 0
    public var parameterBytes: UInt32 = 0
    /// The real value of one step of the output, for reports.
    public var outputScale: Float = 0
    /// Offset of the name, a string.
    public var name: UInt32 = 0

    public init() {}

    public static let noBuffer: UInt16 = 0xFFFF

    /// Whether one of its maps has 16 bits a channel; known when a build is made that runs none of those.
    @inlinable
    @inline(__always)
    public var isWide: Bool { HeaderRecord.runsWide && !flags.isDisjoint(with: .wideMaps) }

    /// Bytes of a channel of the first input, the second, the output.
    @inlinable
    @inline(__always)
    public var inputBytes: Int { HeaderRecord.runsWide && flags.contains(.readsWide) ? 2 : 1 }
    @inlinable
    @inline(__always)
    public var secondBytes: Int { HeaderRecord.runsWide && flags.contains(.secondIsWide) ? 2 : 1 }
    @inlinable
    @inline(__always)
    public var outputBytes: Int { HeaderRecord.runsWide && flags.contains(.writesWide) ? 2 : 1 }
}

/// A feature map that the caller pushes in.
public struct InputRecord {
    public var buffer: UInt16 = 0
    public var height: UInt16 = 0
    public var width: UInt16 = 0
    public var channels: UInt16 = 0
    /// 1 when rows come as bytes of 0...255 (pixels), which stand for int8 less 128, 0 when they come as int8.
    public var isPixels: UInt8 = 0
    public var zeroPoint: Int8 = 0
    public var consumerCount: UInt16 = 0
    public var firstConsumer: UInt32 = 0
    public var scale: Float = 0
    /// Offset of the name, a string.
    public var name: UInt32 = 0

    public init() {}
}

/// A feature map that stands whole in the arena when the run is over.
public struct OutputRecord {
    public var operand = OperandRecord()
    public var height: UInt16 = 0
    public var width: UInt16 = 0
    public var channels: UInt16 = 0
    public var zeroPoint: Int8 = 0
    /// 1 when two channels make one Int16, the high byte first.
    public var isWide: UInt8 = 0
    public var scale: Float = 0
    /// Offset of the name, a string.
    public var name: UInt32 = 0

    public init() {}
}
