/// What operators there are in `int8.bin`, and what may be said of one beside its record's numbers.
///
/// What it does not do: check which flags a kind may have; `ModelReader` does.

/// What an operator does. The raw value is the byte in the file.
public enum OperatorKind: UInt8, Sendable, CaseIterable {
    /// Any convolution whose groups have more than one input channel, or any dense one; fully connected layers too.
    case convolution = 1
    /// One input channel a group; the channel multiplier is outputChannels / inputChannels.
    case depthwiseConvolution = 2
    case maxPool = 3
    case averagePool = 4
    /// The mean of the whole map, row by row into int32 accumulators.
    case globalAveragePool = 5
    /// Of two maps; with `OperatorFlags.negatesFirst` or `.negatesSecond` a difference.
    case add = 6
    case multiply = 7
    case maximum = 8
    case minimum = 9
    /// The first input where it is not negative, else its product with the second (He et al. 2015, section 2.1).
    case prelu = 10
    /// One byte for each of the 256 that a value can have: every function of one value.
    case lookup = 11
    /// Over the channels of each pixel.
    case softmax = 12
    /// Copies pixels: padding with a value or a mirror image, slices, nearest-neighbour resizing.
    case rearrange = 13
    case resizeBilinear = 14
    /// Two maps above or beside each other. Channels need no operator: their producers write side by side.
    case concatenate = 15
    /// Expansion, depthwise convolution and projection as one, some columns at a time; see `SeparableBlock`.
    case separableBlock = 16

    /// Whether it has a second input of its own shape.
    @inlinable public var isBinary: Bool {
        switch self {
        case .add, .multiply, .maximum, .minimum, .prelu: true
        default: false
        }
    }
}

/// What an operator of two inputs does with them, and a few properties of others.
public struct OperatorFlags: OptionSet, Sendable {
    public let rawValue: UInt16

    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    // Computed and inlined: a stored global of another module is made on first use, and every use asks whether it has been.

    /// The first input has one row, which serves for every row of the output.
    @inlinable public static var firstRepeatsRows: OperatorFlags { OperatorFlags(rawValue: 1) }
    /// The first input has one column, which serves for every column of the output.
    @inlinable public static var firstRepeatsColumns: OperatorFlags { OperatorFlags(rawValue: 2) }
    @inlinable public static var secondRepeatsRows: OperatorFlags { OperatorFlags(rawValue: 4) }
    @inlinable public static var secondRepeatsColumns: OperatorFlags { OperatorFlags(rawValue: 8) }
    /// The second input lies in the parameter block.
    @inlinable public static var secondIsConstant: OperatorFlags { OperatorFlags(rawValue: 16) }
    /// Of `add`: the rescaled first input is subtracted.
    @inlinable public static var negatesFirst: OperatorFlags { OperatorFlags(rawValue: 32) }
    @inlinable public static var negatesSecond: OperatorFlags { OperatorFlags(rawValue: 64) }
    /// Of `rearrange`: there is a table of channels, too.
    @inlinable public static var mapsChannels: OperatorFlags { OperatorFlags(rawValue: 128) }
    /// Of `concatenate`: the second map is below the first, not beside it.
    @inlinable public static var joinsRows: OperatorFlags { OperatorFlags(rawValue: 256) }
    /// Of `softmax`: an output channel is two bytes, the high one first: Int16.
    @inlinable public static var isWide: OperatorFlags { OperatorFlags(rawValue: 512) }
    /// Of `softmax`: the fixed-point form.
    @inlinable public static var isFixedPoint: OperatorFlags { OperatorFlags(rawValue: 1024) }

    /// A channel of the first input is two bytes, as of the output with `writesWide`: Int16, its zero point 0.
    @inlinable public static var readsWide: OperatorFlags { OperatorFlags(rawValue: 2048) }
    /// Of `add`: so is one of the second input.
    @inlinable public static var secondIsWide: OperatorFlags { OperatorFlags(rawValue: 4096) }
    @inlinable public static var writesWide: OperatorFlags { OperatorFlags(rawValue: 8192) }
    /// Those that say which maps have 16 bits.
    @inlinable public static var wideMaps: OperatorFlags { [.readsWide, .secondIsWide, .writesWide] }

    /// Those that an operator of `kind` may have.
    public static func allowed(for kind: OperatorKind) -> OperatorFlags {
        HeaderRecord.runsWide
            ? allowedOfBytes(for: kind).union(allowedOfWideMaps(for: kind)) : allowedOfBytes(for: kind)
    }

    private static func allowedOfWideMaps(for kind: OperatorKind) -> OperatorFlags {
        switch kind {
        case .convolution, .depthwiseConvolution, .maxPool, .averagePool, .globalAveragePool:
            return [.readsWide, .writesWide]
        case .add: return wideMaps
        default: return []
        }
    }

    private static func allowedOfBytes(for kind: OperatorKind) -> OperatorFlags {
        let repeats: OperatorFlags = [
            .firstRepeatsRows, .firstRepeatsColumns, .secondRepeatsRows, .secondRepeatsColumns,
        ]
        switch kind {
        case .add: return repeats.union([.secondIsConstant, .negatesFirst, .negatesSecond])
        case .multiply, .maximum, .minimum, .prelu: return repeats.union(.secondIsConstant)
        case .rearrange: return .mapsChannels
        case .concatenate: return .joinsRows
        case .softmax: return [.isWide, .isFixedPoint]
        default: return []
        }
    }
}
