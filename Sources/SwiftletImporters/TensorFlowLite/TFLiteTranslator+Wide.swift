/// What uint8 files compute and int8 ones do not: weights of -255 to 255, means that round halves up, softmax without floats.
///
/// A weight less its zero point may need nine bits. Such a weight is the sum of two or three int8 ones, each for a copy of its
/// input; a selection of channels costs nothing, and few channels have such weights. So sums are the file's own, to the bit.
/// What it does not do: convolutions in groups of several channels, or means whose windows reach beyond the map.
import SwiftletArithmetic
import SwiftletConverter
import SwiftletGraph
import SwiftletQuantizer

extension TFLiteTranslator {
    /// Adds a convolution that makes the operator's output.
    ///
    /// - Parameters:
    ///   - convolution: all but its weights.
    ///   - weights: as its own would lie, of any size.
    ///   - shape: of the output.
    mutating func emit(_ convolution: QuantizedConvolution, weights: [Int], shape: Shape) throws {
        let input = try self.shape(0)
        var convolution = convolution
        let taps = convolution.window.kernel.height * convolution.window.kernel.width
        let groupInputs = convolution.groups > 0 ? input.channels / convolution.groups : 0
        guard weights.contains(where: { !Self.int8.contains($0) }) else {
            convolution.weights = weights.map { Int8($0) }
            return try emit(.convolution(convolution), shape: shape)
        }
        guard weights.count == shape.channels * taps * groupInputs, convolution.bias.count == shape.channels else {
            throw unsupported("\(weights.count) weights and \(convolution.bias.count) biases for \(input) to \(shape)")
        }
        if convolution.groups == 1 {
            try emitDense(convolution, weights: weights, shape: shape, inputs: groupInputs)
        } else if groupInputs == 1, shape.channels == input.channels {
            try emitDepthwise(convolution, weights: weights, shape: shape, taps: taps)
        } else {
            throw unsupported("weights beyond int8 in groups of channels")
        }
    }

    private static let int8 = -128...127

    /// As many int8 numbers as it takes to sum up to `weight`.
    private static func parts(_ weight: Int) -> [Int8] {
        var rest = weight
        var parts: [Int8] = []
        repeat {
            parts.append(Int8(clamping: rest))
            rest -= Int(parts[parts.count - 1])
        } while rest != 0
        return parts
    }

    private mutating func emitDense(
        _ convolution: QuantizedConvolution, weights: [Int], shape: Shape, inputs: Int
    ) throws {
        // How often each input is read.
        var copies = Array(repeating: 1, count: inputs)
        for (place, weight) in weights.enumerated() {
            copies[place % inputs] = max(copies[place % inputs], Self.parts(weight).count)
        }
        let selected = copies.indices.flatMap { Array(repeating: $0, count: copies[$0]) }
        var wide = convolution
        wide.weights = weights.enumerated().flatMap { place, weight in
            let parts = Self.parts(weight)
            return parts + Array(repeating: 0, count: copies[place % inputs] - parts.count)
        }
        let source = append(
            .selectChannels(selected), name: "\(index).copies", inputs: [try value(current.inputs[0])],
            like: current.inputs[0], channels: selected.count)
        try emit(.convolution(wide), inputs: [source], shape: shape)
    }

    /// Channels with such weights come from a convolution of their own, beside the depthwise one.
    private mutating func emitDepthwise(
        _ convolution: QuantizedConvolution, weights: [Int], shape: Shape, taps: Int
    ) throws {
        let parts = weights.map(Self.parts)
        let outliers = (0..<shape.channels).filter { channel in
            parts[(channel * taps)..<((channel + 1) * taps)].contains { $0.count > 1 }
        }
        var plain = convolution
        plain.weights = parts.map { $0[0] }
        let input = try value(current.inputs[0])
        let first = append(
            .convolution(plain), name: "\(index).plain", inputs: [input], like: current.outputs[0],
            channels: shape.channels)
        let copies = parts.map(\.count).max() ?? 1
        let source = append(
            .selectChannels(outliers.flatMap { Array(repeating: $0, count: copies) }), name: "\(index).copies",
            inputs: [input], like: current.inputs[0], channels: outliers.count * copies)
        var wide = convolution
        wide.groups = outliers.count
        wide.bias = outliers.map { convolution.bias[$0] }
        wide.multipliers = outliers.map { convolution.multipliers[$0] }
        wide.weights = outliers.flatMap { channel in
            (0..<taps).flatMap { tap in
                let own = parts[channel * taps + tap]
                return own + Array(repeating: 0, count: copies - own.count)
            }
        }
        let second = append(
            .convolution(wide), name: "\(index).wide", inputs: [source], like: current.outputs[0],
            channels: outliers.count)
        let joined = append(
            .concatenateChannels, name: "\(index).joined", inputs: [first, second], like: current.outputs[0],
            channels: shape.channels + outliers.count)
        var order = Array(0..<shape.channels)
        for (place, channel) in outliers.enumerated() { order[channel] = shape.channels + place }
        try emit(.selectChannels(order), inputs: [joined], shape: shape)
    }

    /// A value between, of a tensor's rows, columns and scale.
    private mutating func append(
        _ operation: QuantizedOperation, name: String, inputs: [Int], like tensor: Int, channels: Int
    ) -> Int {
        var shape = valueOfTensor[tensor].map { values[$0].shape } ?? graph.tensors[tensor].map
        shape.channels = channels
        let output = addValue(tensor, shape: shape)
        nodes.append(QuantizedGraph.Node(name: name, operation: operation, inputs: inputs, output: output))
        return output
    }

    // MARK: Means

    /// Int8 rounds halves away from zero, uint8 up, which is another number for those below 128. Summed up from there, all
    /// numbers are positive: a depthwise convolution.
    mutating func averagePool() throws {
        let window = try poolWindow()
        let input = try shape(0)
        guard output.isUnsigned else { return try emit(.averagePool(window, bounds)) }
        guard window.padding == .none, input.channels > 1 else {
            throw unsupported("a mean of uint8 whose window reaches beyond the map, or of one channel")
        }
        let count = window.kernel.height * window.kernel.width
        let (weight, multiplier) = try exactMean(of: count)
        try emit(
            .convolution(
                QuantizedConvolution(
                    window: window, groups: input.channels,
                    weights: Array(repeating: Int8(weight), count: input.channels * count),
                    bias: Array(repeating: Self.meanBias(of: count, weight: weight), count: input.channels),
                    multipliers: Array(repeating: multiplier, count: input.channels), inputZeroPoint: -128,
                    bounds: OutputBounds(zeroPoint: -128, low: bounds.low, high: bounds.high))))
    }

    /// Moves halves up, and nothing else.
    private static func meanBias(of count: Int, weight: Int) -> Int32 { count % 2 == 0 ? Int32(weight / 2) : 0 }

    /// A weight and a multiplier with which every sum of `count` numbers of 0 to 255 gives TensorFlow Lite's mean.
    private func exactMean(of count: Int) throws -> (weight: Int, multiplier: FixedPointMultiplier) {
        // The sums fit into 32 bits, and trying all of them takes no time that anybody sees.
        guard count <= 1 << 12 else { throw unsupported("a mean of \(count) numbers of uint8; known are 4096 at most") }
        for weight in [64, 32, 16, 8, 4, 2] {
            guard let multiplier = FixedPointMultiplier(1 / Double(count * weight)) else { continue }
            let bias = Self.meanBias(of: count, weight: weight)
            let isExact = (0...(255 * count)).allSatisfy { sum in
                Int(multiplier.apply(Int32(sum * weight) + bias)) == (sum + count / 2) / count
            }
            if isExact { return (weight, multiplier) }
        }
        throw unsupported("the mean of \(count) numbers of uint8 has no exact multiplier")
    }

    // MARK: Softmax

    /// The reference kernel of uint8 computes in fixed point (`reference_ops::Softmax`), that of int8 with a table.
    func softmax(beta: Float) throws -> QuantizedSoftmax {
        let input = try quantization(0)
        guard output.isUnsigned else { return .table(input, beta: beta, output: output.quantization) }
        // `PreprocessSoftmaxScaling` and `CalculateInputRadius`, with five bits before the point.
        let real = Double(beta) * Double(input.scale) * Double(1 << 26)
        guard let multiplier = FixedPointMultiplier(real), multiplier.shift >= 0 else {
            throw unsupported("beta \(beta) times the scale \(input.scale) is out of what fixed point holds")
        }
        let shift = Int(multiplier.shift)
        return .fixedPoint(
            multiplier: multiplier.multiplier, leftShift: shift, smallestDifference: -((31 << 26) >> shift),
            isWide: false
        )
    }
}
