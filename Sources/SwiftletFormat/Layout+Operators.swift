/// The parameter blocks of the operators that are not convolutions.
///
/// What it does not do: read them; each kernel's parameters do, after `ModelReader` has checked them.

/// The block of an operator of two inputs.
///
///     multipliers  Int32 pairs: multiplier and shift; see `multiplierCount`
///     constants    from `constantsOffset`: the second input, row by row, as the arena would hold it
public struct BinaryLayout: Equatable, Sendable {
    /// add: of the first input, the second, the sum. multiply: of the product. prelu: of values from zero up, of
    /// products below. maximum, minimum: none.
    public var multiplierCount: Int
    public var constantHeight: Int
    public var constantWidth: Int
    public var channels: Int
    public static let constantsOffset = 64

    public init(_ record: OperatorRecord) {
        multiplierCount =
            switch record.operatorKind {
            case .add: 3
            case .prelu: 2
            case .multiply: 1
            default: 0
            }
        let isConstant = record.flags.contains(.secondIsConstant)
        channels = Int(record.outputChannels)
        constantHeight =
            isConstant ? (record.flags.contains(.secondRepeatsRows) ? 1 : Int(record.outputHeight)) : 0
        constantWidth = record.flags.contains(.secondRepeatsColumns) ? 1 : Int(record.outputWidth)
    }

    public var constantRowBytes: Int { constantWidth * channels }

    public var byteCount: Int {
        constantHeight == 0 ? multiplierCount * 8 : Self.constantsOffset + constantHeight * constantRowBytes
    }
}

/// The block of `lookup`: 256 bytes, or 256 for each channel. Index and entry are bytes as the arena holds them.
public enum LookupLayout {
    public static let tableBytes = 256
}

/// The block of `softmax`.
///
/// From a table: Float32 bits of the output's scale, then of `exp(-scale * beta * d)` for d in 0...255.
/// In fixed point: Int32 multiplier, left shift, and the smallest difference to the largest input that counts.
public enum SoftmaxLayout {
    public static let tableOffset = 4
    public static let tableByteCount = 4 + 256 * 4
    public static let fixedPointByteCount = 12
}

/// The block of `rearrange`: for each output row, column and, if there is such a table, channel the input's.
///
///     fill      UInt16: what stands where a table says `fill`, as the arena holds it
///     rows      UInt16 x output height
///     columns   UInt16 x output width
///     channels  UInt16 x output channels, with `OperatorFlags.mapsChannels`
public struct RearrangementLayout: Equatable, Sendable {
    public var columnsOffset: Int
    public var channelsOffset: Int
    public var byteCount: Int

    public static let rowsOffset = 2
    /// The entry of a row, column or channel that nothing is copied to.
    public static let fill: UInt16 = 0xFFFF

    public init(_ record: OperatorRecord) {
        columnsOffset = Self.rowsOffset + Int(record.outputHeight) * 2
        channelsOffset = columnsOffset + Int(record.outputWidth) * 2
        byteCount = channelsOffset + (record.flags.contains(.mapsChannels) ? Int(record.outputChannels) * 2 : 0)
    }
}

/// Between which two rows or columns an output of `resizeBilinear` lies.
public struct ResizePoint: Equatable, Sendable {
    public var low: UInt16
    public var high: UInt16
    /// How far from `low`, in 1/1024; beyond the edges of the map it may lie outside of 0...1024.
    public var fraction: Int32

    public init(low: UInt16, high: UInt16, fraction: Int32) {
        self.low = low
        self.high = high
        self.fraction = fraction
    }

    /// 1.0
    public static let one: Int32 = 1024
}

/// The block of `resizeBilinear`: a `ResizePoint` for each output row, then for each output column.
public struct ResizeLayout: Equatable, Sendable {
    public var columnsOffset: Int
    public var byteCount: Int

    public init(_ record: OperatorRecord) {
        columnsOffset = Int(record.outputHeight) * 8
        byteCount = columnsOffset + Int(record.outputWidth) * 8
    }
}
