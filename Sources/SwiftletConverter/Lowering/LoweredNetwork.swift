/// The network as the runtime sees it: operations that compute, and for each the channels that it reads.
///
/// Movement is gone: split, concat, shuffle and index only chose which channels of which producers an operand names.
/// What it does not hold: scales, slots or rings; the following steps find them.
import SwiftletGraph

/// One channel of what a producer makes. Producer 0 is the network's input, producer `i + 1` is operation `i`.
struct ChannelReference: Hashable {
    var producer: Int
    var channel: Int
}

struct LoweredOperation {
    enum Kind {
        /// Weight `[outputs, inputs / groups, kernel height, kernel width]`, bias `[outputs]`.
        /// `padValues` is what padding holds, a real value an input channel; nil means zero.
        case convolution(weight: Tensor, bias: [Float], groups: Int, padValues: [Float]?)
        case depthwise(weight: Tensor, bias: [Float], padValues: [Float]?)
        case maxPool
        case averagePool
        case mean
        case add
    }

    /// The real values that the output is clamped to.
    struct Clamp: Equatable {
        var low: Float?
        var high: Float?
    }

    var name: String
    var kind: Kind
    var window: Window
    /// The channels of each operand in the operation's own order.
    var operands: [[ChannelReference]]
    var inputShape: Shape
    var outputShape: Shape
    var clamp: Clamp
    /// The graph's value that the operation makes, the fused activation included: what calibration has a range for.
    var value: ValueID
    /// Which channels of the value these are: all, unless channels were split.
    var valueChannels: [Int]
    /// Producers whose rows the operation waits for besides those that it reads.
    var waits: [Int] = []

    /// Whether the output keeps the scales of its input channel by channel.
    var keepsScales: Bool {
        switch kind {
        case .maxPool, .averagePool: true
        default: false
        }
    }
}

struct LoweredNetwork {
    var inputShape: Shape
    var operations: [LoweredOperation]
    /// The channels of the network's output.
    var output: [ChannelReference]
    var outputShape: Shape

    /// The shape of what `producer` makes.
    func shape(of producer: Int) -> Shape {
        producer == 0 ? inputShape : operations[producer - 1].outputShape
    }

    /// Whose rows `operation` waits for: each producer once and ascending.
    func producers(of operation: LoweredOperation) -> [Int] {
        Set(operation.operands.joined().map(\.producer) + operation.waits).sorted()
    }
}
