/// The operators that a network is made of, each with its attributes and nothing else.
///
/// What it does not do: say how an operator is computed; training, the quantizer and the kernels each know that.
/// Adding an operator means: a case here, a rule in `ShapeInference.swift`, a line in `Cost.swift`.

/// A convolution. Weight `[outputChannels, inputChannels / groups, kernel.height, kernel.width]`, as PyTorch lays it out.
/// `groups == inputChannels` is a depthwise convolution.
public struct Convolution: Hashable, Sendable, Codable {
    public var outputChannels: Int
    public var window: Window
    public var groups: Int
    public var hasBias: Bool
    /// What padding holds, a value an input channel; nil means zeros. Folding a picture's normalization into the weights
    /// turns the zeros of its padding into the mean.
    public var padValues: [Float]?

    public init(
        outputChannels: Int, window: Window, groups: Int = 1, hasBias: Bool = false, padValues: [Float]? = nil
    ) {
        self.outputChannels = outputChannels
        self.window = window
        self.groups = groups
        self.hasBias = hasBias
        self.padValues = padValues
    }
}

/// CondenseNet's learned group convolution, 1x1 (Huang et al. 2018, section 3.1).
///
/// Parameters: `weight [outputChannels, inputChannels, 1, 1]` and `mask` of the same shape (0 or 1, not trained).
/// Computes a dense 1x1 convolution with `weight * mask`. Output channels are in `groups` consecutive runs; the mask is
/// the same for all rows of one run. `CondensationPass` turns it into channel index + grouped convolution.
public struct LearnedGroupConvolution: Hashable, Sendable, Codable {
    public var outputChannels: Int
    public var groups: Int
    /// A fraction of `1 / condensationFactor` of the inputs is left to each group once condensation has ended.
    public var condensationFactor: Int

    public init(outputChannels: Int, groups: Int, condensationFactor: Int) {
        self.outputChannels = outputChannels
        self.groups = groups
        self.condensationFactor = condensationFactor
    }
}

/// Per-channel normalisation. Parameters `weight`, `bias`; buffers `running_mean`, `running_var`; all `[channels]`.
public struct BatchNorm: Hashable, Sendable, Codable {
    public var epsilon: Float
    /// The weight of the new batch in the running statistics (PyTorch's convention: 0.1).
    public var momentum: Float

    public init(epsilon: Float = 1e-5, momentum: Float = 0.1) {
        self.epsilon = epsilon
        self.momentum = momentum
    }
}

/// Element-wise activations.
public enum Activation: Hashable, Sendable, Codable {
    case relu
    case relu6
    case leakyReLU(slope: Float)
    case sigmoid
    case tanh
    case swish
    /// Below zero `alpha * (exp(x) - 1)` (Clevert et al. 2016, equation 15).
    case elu(alpha: Float)
    /// `x * relu6(x + 3) / 6` (MobileNetV3, Howard et al. 2019, section 5.2).
    case hardSwish
    /// `slope * x + offset` between 0 and 1; of 1/6 and 1/2 it is `relu6(x + 3) / 6` (MobileNetV3, the same section).
    case hardSigmoid(slope: Float, offset: Float)
    /// `(scale * x + offset) ^ exponent`: squares, roots, reciprocals, and what divides in local response normalization.
    case power(scale: Float, offset: Float, exponent: Float)
}

public enum PoolKind: String, Hashable, Sendable, Codable {
    case max
    /// The mean over the taps that lie inside the map: padding is not counted (`count_include_pad=False`).
    case average
}

/// What two maps become, element by element, besides a sum.
public enum BinaryKind: String, Hashable, Sendable, Codable {
    case multiply
    case maximum
    case minimum
}

/// Which way two maps are put together.
public enum JoinAxis: String, Hashable, Sendable, Codable {
    case rows
    case columns
}

/// Which row and which column of the input each of the output's is; nil where the output holds `fill`.
///
/// Padding with a value, a mirror image or the edge; slices, flips and steps; resizing to the nearest neighbour.
public struct PixelIndex: Hashable, Sendable, Codable {
    public var rows: [Int?]
    public var columns: [Int?]
    /// In all channels.
    public var fill: Float

    public init(rows: [Int?], columns: [Int?], fill: Float = 0) {
        self.rows = rows
        self.columns = columns
        self.fill = fill
    }

    /// Whether some of the output is not of the input.
    public var hasFill: Bool { rows.contains(nil) || columns.contains(nil) }
}

/// Between which rows and columns of the input each of the output's lies: bilinear resizing.
public struct Interpolation: Hashable, Sendable, Codable {
    /// `(1 - fraction) * low + fraction * high`.
    public struct Point: Hashable, Sendable, Codable {
        public var low: Int
        public var high: Int
        /// From 0 to 1.
        public var fraction: Float

        public init(low: Int, high: Int, fraction: Float) {
            self.low = low
            self.high = high
            self.fraction = fraction
        }
    }

    public var rows: [Point]
    public var columns: [Point]

    public init(rows: [Point], columns: [Point]) {
        self.rows = rows
        self.columns = columns
    }
}

public enum Operator: Hashable, Sendable, Codable {
    case convolution(Convolution)
    case learnedGroupConvolution(LearnedGroupConvolution)
    /// Fully connected, 1x1xinput to 1x1xoutput. Weight `[outputs, inputs]`, bias `[outputs]`.
    /// Inputs of a larger map are read in NHWC order; `flatten` says so explicitly.
    case linear(outputs: Int)
    case batchNorm(BatchNorm)
    case activation(Activation)
    case pool(PoolKind, Window)
    /// The mean over the whole map: HxWxC to 1x1xC.
    case globalAveragePool
    /// The sum of two maps of one shape.
    case add
    /// Of two maps. Where one has a single row, column or channel, that serves for all of the other's.
    case binary(BinaryKind)
    /// Along the channels, in the order of the inputs.
    case concat
    /// Consecutive runs of channels, as many outputs as counts.
    case split([Int])
    /// Channel `g * (channels / groups) + i` moves to `i * groups + g` (ShuffleNet, section 3.1).
    case channelShuffle(groups: Int)
    /// Output channel `i` is input channel `indices[i]`; channels may repeat or be left out.
    case channelIndex([Int])
    case pixelIndex(PixelIndex)
    case interpolate(Interpolation)
    /// Two maps, the second below or to the right of the first.
    case join(JoinAxis)
    /// HxWxC to 1x1x(H*W*C), NHWC order.
    case flatten
    /// Zeroes a fraction of the elements in training, scales the rest; nothing in inference.
    case dropout(rate: Float)

    /// The short name used in reports and node listings.
    public var name: String {
        switch self {
        case .convolution: "convolution"
        case .learnedGroupConvolution: "learned group convolution"
        case .linear: "linear"
        case .batchNorm: "batch norm"
        case .activation(let kind): "\(kind)"
        case .pool(let kind, _): "\(kind) pool"
        case .globalAveragePool: "global average pool"
        case .add: "add"
        case .binary(let kind): kind.rawValue
        case .concat: "concat"
        case .split: "split"
        case .channelShuffle: "channel shuffle"
        case .channelIndex: "channel index"
        case .pixelIndex: "pixel index"
        case .interpolate: "interpolation"
        case .join(let axis): "join of \(axis)"
        case .flatten: "flatten"
        case .dropout: "dropout"
        }
    }
}
