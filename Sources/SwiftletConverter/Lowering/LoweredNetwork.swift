/// The network as the runtime sees it: operations that compute, and for each the channels that it reads.
///
/// Movement is gone: split, concat, shuffle and index only chose which channels of which producers an operand names.
/// What it does not hold: slots or rings, and scales where they are still to be chosen; the following steps find them.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletGraph

/// One channel of what a producer makes. The network's inputs are the first producers, the operations follow.
struct ChannelReference: Hashable {
    var producer: Int
    var channel: Int
}

struct LoweredOperation {
    enum Kind {
        case convolution(ConvolutionWeights, groups: Int)
        case depthwise(ConvolutionWeights)
        case maxPool
        case averagePool
        case mean
        case add
        /// The flags say which input serves for more rows or columns than it has.
        case binary(BinaryKind, OperatorFlags)
        /// An activation that no clamp can stand for: a table.
        case function(Activation)
        case pixelIndex(PixelIndex)
        case interpolate(Interpolation)
        case join(JoinAxis)
        /// Any other operator of the file; it comes with its integers.
        case other(OperatorKind)

        var isConvolution: Bool {
            switch self {
            case .convolution, .depthwise: true
            default: false
            }
        }
    }

    enum ConvolutionWeights {
        /// Weight `[outputs, inputs / groups, kernel height, kernel width]`, bias `[outputs]`.
        /// `padValues` is what padding holds, a real value an input channel; nil means zero.
        case real(weight: Tensor, bias: [Float], padValues: [Float]?)
        case integer(QuantizedConvolution)
    }

    /// The real values that the output is clamped to.
    struct Clamp: Equatable {
        var low: Float?
        var high: Float?

        func apply(_ real: Float) -> Float { min(max(real, low ?? -.infinity), high ?? .infinity) }
    }

    var name: String
    var kind: Kind
    var window: Window
    /// The channels of each operand in the operation's own order.
    var operands: [[ChannelReference]]
    var inputShape: Shape
    var outputShape: Shape
    var clamp = Clamp()
    /// Whether its output has 16 bits a channel.
    var isWide = false
    /// The integers that the operation computes with, where they are given; nil where they follow from ranges.
    var integers: IntegerForm?
    /// The graph's value that the operation makes, the fused activation included: what calibration has a range for.
    var value: ValueID
    /// Which channels of the value these are; nil when they are all of them.
    var valueChannels: [Int]?
    /// Producers whose rows the operation waits for besides those that it reads.
    var waits: [Int] = []

    /// Which channel of the value the operation's output channel is.
    func valueChannel(_ channel: Int) -> Int { valueChannels?[channel] ?? channel }

    /// Whether the output keeps the scales of its input channel by channel.
    var keepsScales: Bool {
        switch kind {
        case .maxPool, .averagePool: integers == nil
        case .binary(let kind, _): kind != .multiply
        case .pixelIndex, .interpolate, .join: true
        default: false
        }
    }

    /// Whether it can clamp what it makes. A table is made with the clamp; what copies or compares cannot.
    var canClamp: Bool {
        switch kind {
        case .pixelIndex, .interpolate, .join: false
        case .binary(let kind, _): kind == .multiply
        default: true
        }
    }

    /// Whether output channel `c` is made of input channel `c` alone, so that both may be stored in any one order.
    var keepsChannelsApart: Bool {
        switch kind {
        case .convolution, .other(.softmax): false
        default: integers?.flags.contains(.mapsChannels) != true
        }
    }

    /// Whether output row `r` reads the rows under a window that moves by the stride with each row.
    var slidesWindow: Bool {
        switch kind {
        case .other(.rearrange), .other(.resizeBilinear), .other(.concatenate), .pixelIndex, .interpolate, .join:
            false
        case .binary(_, let flags): flags.isDisjoint(with: [.firstRepeatsRows, .secondRepeatsRows])
        default: integers?.flags.isDisjoint(with: [.firstRepeatsRows, .secondRepeatsRows]) ?? true
        }
    }
}

extension OperatorFlags {
    /// Which of two inputs has one row or one column where the output has more.
    static func repeats(first: Shape, second: Shape, output: Shape) -> OperatorFlags {
        var flags: OperatorFlags = []
        if first.height < output.height { flags.insert(.firstRepeatsRows) }
        if first.width < output.width { flags.insert(.firstRepeatsColumns) }
        if second.height < output.height { flags.insert(.secondRepeatsRows) }
        if second.width < output.width { flags.insert(.secondRepeatsColumns) }
        return flags
    }
}

/// What an operation with given integers writes into its record and its parameter block.
struct IntegerForm {
    enum Block {
        case multipliers([FixedPointMultiplier], constant: QuantizedConstant?)
        case tables([[Int8]])
        case rearrangement(Rearrangement)
        case bytes([UInt8])
    }

    var bounds = OutputBounds()
    var inputZeroPoint: Int8 = 0
    var secondZeroPoint: Int8 = 0
    var flags: OperatorFlags = []
    var block = Block.bytes([])
}

struct LoweredNetwork {
    struct Input {
        var name: String
        var shape: Shape
        /// The graph's value, for statistics.
        var value: ValueID?
    }

    struct Output {
        var name: String
        var channels: [ChannelReference]
        var shape: Shape
        /// Whether pairs of channels are Int16.
        var isWide = false
    }

    var inputs: [Input]
    var operations: [LoweredOperation]
    var outputs: [Output]

    var producerCount: Int { inputs.count + operations.count }

    /// The operation that is `producer`; nil for an input.
    func operation(of producer: Int) -> LoweredOperation? {
        producer < inputs.count ? nil : operations[producer - inputs.count]
    }

    /// Bytes of a channel of what `producer` makes.
    func channelBytes(of producer: Int) -> Int { operation(of: producer)?.isWide == true ? 2 : 1 }

    /// The shape of what `producer` makes.
    func shape(of producer: Int) -> Shape { operation(of: producer)?.outputShape ?? inputs[producer].shape }

    /// Whose rows `operation` waits for: each producer once and ascending.
    func producers(of operation: LoweredOperation) -> [Int] {
        Set(operation.operands.joined().map(\.producer) + operation.waits).sorted()
    }
}
