/// A network whose numbers are integers already: what comes from another toolchain's int8 file.
///
/// It takes the same way into `int8.bin` as a network that was quantized here, from the lowering on. Values are maps of
/// rows x columns x channels; every operator brings the integers that it computes with, so that nothing is left to choose.
/// What it does not do: derive those integers from scales; `QuantizedOperation+Scales` does.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletGraph
import SwiftletQuantizer

public struct QuantizedGraph: Sendable {
    public struct Value: Sendable {
        public var name: String
        public var shape: Shape
        /// What one step of it is worth, for reports and for whoever reads the output; no operator computes with it.
        public var quantization: AffineQuantization
        /// Whether it has 16 bits: what a convolution, a mean, a sum or a pool of such a map makes.
        public var isWide: Bool

        public init(
            name: String, shape: Shape, quantization: AffineQuantization = .init(scale: 1, zeroPoint: 0),
            isWide: Bool = false
        ) {
            self.name = name
            self.shape = shape
            self.quantization = quantization
            self.isWide = isWide
        }
    }

    public struct Node: Sendable {
        public var name: String
        public var operation: QuantizedOperation
        /// Indices of values.
        public var inputs: [Int]
        public var output: Int

        public init(name: String, operation: QuantizedOperation, inputs: [Int], output: Int) {
            self.name = name
            self.operation = operation
            self.inputs = inputs
            self.output = output
        }
    }

    public var name: String
    public var values: [Value]
    /// In the order of execution.
    public var nodes: [Node]
    public var inputs: [Int]
    public var outputs: [Int]

    public init(name: String, values: [Value], nodes: [Node], inputs: [Int], outputs: [Int]) {
        self.name = name
        self.values = values
        self.nodes = nodes
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// The output's zero point, and what it is clamped to: of a map of 16 bits to the high bytes of these.
public struct OutputBounds: Hashable, Sendable {
    public var zeroPoint: Int8
    public var low: Int8
    public var high: Int8

    public init(zeroPoint: Int8 = 0, low: Int8 = -128, high: Int8 = 127) {
        self.zeroPoint = zeroPoint
        self.low = low
        self.high = high
    }
}

public struct QuantizedConvolution: Sendable {
    public var window: Window
    /// As many as there are input channels for a depthwise convolution.
    public var groups: Int
    /// `[output channel][kernel row][kernel column][input channel of the group]`
    public var weights: [Int8]
    /// One an output channel, in steps of input scale times weight scale.
    public var bias: [Int32]
    /// One an output channel.
    public var multipliers: [FixedPointMultiplier]
    public var inputZeroPoint: Int8
    public var bounds: OutputBounds

    public init(
        window: Window, groups: Int = 1, weights: [Int8], bias: [Int32], multipliers: [FixedPointMultiplier],
        inputZeroPoint: Int8, bounds: OutputBounds
    ) {
        self.window = window
        self.groups = groups
        self.weights = weights
        self.bias = bias
        self.multipliers = multipliers
        self.inputZeroPoint = inputZeroPoint
        self.bounds = bounds
    }
}

/// Operators of two maps, of which each dimension of one may be 1 and then serves for all of the other's.
public struct QuantizedBinary: Sendable {
    /// One of `add`, `multiply`, `maximum`, `minimum`, `prelu`.
    public var kind: OperatorKind
    /// As many as `BinaryLayout` says for the kind.
    public var multipliers: [FixedPointMultiplier]
    public var firstZeroPoint: Int8
    public var secondZeroPoint: Int8
    /// Of `add`: which of the inputs is subtracted.
    public var negatesFirst = false
    public var negatesSecond = false
    public var bounds: OutputBounds
    /// The second input, when it is a constant; then the node has one input.
    public var constant: QuantizedConstant?

    public init(
        kind: OperatorKind, multipliers: [FixedPointMultiplier] = [], firstZeroPoint: Int8 = 0,
        secondZeroPoint: Int8 = 0, bounds: OutputBounds, constant: QuantizedConstant? = nil
    ) {
        self.kind = kind
        self.multipliers = multipliers
        self.firstZeroPoint = firstZeroPoint
        self.secondZeroPoint = secondZeroPoint
        self.bounds = bounds
        self.constant = constant
    }
}

public struct QuantizedConstant: Sendable {
    public var shape: Shape
    /// Row by row, all channels of a pixel together.
    public var values: [Int8]

    public init(shape: Shape, values: [Int8]) {
        self.shape = shape
        self.values = values
    }
}

/// Where each row, column and channel of the output comes from; nil means `fill`.
public struct Rearrangement: Sendable {
    public var rows: [Int?]
    public var columns: [Int?]
    /// Nil when each channel goes to itself.
    public var channels: [Int?]?
    public var fill: Int8

    public init(rows: [Int?], columns: [Int?], channels: [Int?]? = nil, fill: Int8 = 0) {
        self.rows = rows
        self.columns = columns
        self.channels = channels
        self.fill = fill
    }
}

/// Softmax over the channels of each pixel.
public enum QuantizedSoftmax: Sendable {
    /// `exp(-scale * beta * d)` for the distance `d` of 0...255 to the largest value; LiteRT's form.
    case table([Float], outputScale: Float)
    /// CMSIS-NN's and TFLite Micro's form. A wide output is Int16, each in two channels, the high byte first.
    case fixedPoint(multiplier: Int32, leftShift: Int, smallestDifference: Int, isWide: Bool)
}

public enum QuantizedOperation: Sendable {
    case convolution(QuantizedConvolution)
    case maxPool(Window, OutputBounds)
    case averagePool(Window, OutputBounds)
    /// Over all rows and columns; the division is in the multiplier.
    case mean(FixedPointMultiplier, inputZeroPoint: Int8, OutputBounds)
    case binary(QuantizedBinary)
    /// One table for all channels, or one for each; entry `q + 128` is what `q` becomes.
    case lookup([[Int8]])
    case softmax(QuantizedSoftmax, OutputBounds)
    case rearrange(Rearrangement)
    case resizeBilinear(rows: [ResizePoint], columns: [ResizePoint])
    /// All inputs below each other.
    case concatenateRows
    /// All inputs beside each other.
    case concatenateColumns
    /// All channels of all inputs; costs nothing.
    case concatenateChannels
    /// Some channels of the only input, in any order: a shuffle, a split, a slice; costs nothing.
    case selectChannels([Int])

    /// The operator's name in messages.
    public var name: String {
        switch self {
        case .convolution: "convolution"
        case .maxPool: "max pool"
        case .averagePool: "average pool"
        case .mean: "mean"
        case .binary(let binary): "\(binary.kind)"
        case .lookup: "lookup"
        case .softmax: "softmax"
        case .rearrange: "rearrange"
        case .resizeBilinear: "resize bilinear"
        case .concatenateRows, .concatenateColumns, .concatenateChannels: "concatenate"
        case .selectChannels: "select channels"
        }
    }
}
