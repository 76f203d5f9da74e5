/// The bytes of an operation's parameters as they lie in the file: quantized weights, biases, multipliers.
///
/// What it does not do: choose channel orders; it is given operands and outputs in the order in which they are stored.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletGraph
import SwiftletQuantizer

/// A convolution whose channels stand in the order in which the kernel meets them.
struct StoredConvolution: Sendable {
    var name: String
    var layout: ConvolutionLayout
    /// The real weight of (output, tap, input within the group), all in stored order.
    var weight: @Sendable (_ output: Int, _ tap: Int, _ input: Int) -> Float
    var bias: [Float]
    /// Of each stored input channel.
    var inputs: [AffineQuantization]
    /// What padding holds in each stored input channel, in real numbers.
    var padValues: [Float]
    /// Of each stored output channel.
    var outputs: [AffineQuantization]
    /// Whether inputs have 16 bits; their zero points are 0, and so is padding.
    var readsWide = false
    /// Whether sums are made in 64 bits.
    var hasWideMaps = false
    /// The mean of each stored input channel on real pictures; empty when it is not known, and biases are not corrected then.
    var inputMeans: [Float] = []
    /// For each tap the share of outputs for which it lies inside the map; elsewhere it meets padding, which has no mean.
    var tapShares: [Double] = []
    /// How the inputs of a stored group (of an output channel, where depthwise) vary together, in the order in which `weight` is asked;
    /// nil where it is not known.
    var covariance: @Sendable (_ group: Int) -> [Double]? = { _ in nil }
    /// What is done with that.
    var roundingMethod = RoundingMethod.nearest
    var weightScales = WeightScales.perChannel
    /// The original places of stored inputs and outputs, which `memo` tells one packing from another by.
    var inputOrder: [Int] = []
    var outputOrder: [Int] = []
    /// What the same convolution was rounded to before; nil to round it in any case.
    var memo: RoundingMemo?
    var threads = 1

    /// One a group, or one a channel; inputs are in steps of `inputScale`, as the weights that meet them.
    private func rounding(group: Int, inputScale: Double) -> any WeightRounding {
        guard var matrix = covariance(group) else { return NearestRounding() }
        let groupInputs = layout.isDepthwise ? 1 : layout.groupInputs
        let width = layout.taps * groupInputs
        let first = layout.isDepthwise ? group : group * layout.groupOutputs
        let relative = (0..<width).map { inputScale / Double(inputs[inputChannel(first, $0 % groupInputs)].scale) }
        for i in 0..<width { for j in 0..<width { matrix[i * width + j] *= relative[i] * relative[j] } }
        return roundingMethod.rounding(
            covariance: matrix, count: width, keepsScale: weightScales == .perTensor)
    }

    /// The weights of an output channel as they meet inputs in steps of `inputScale`.
    private func row(_ channel: Int, inputScale: Double) -> [Float] {
        let groupInputs = layout.isDepthwise ? 1 : layout.groupInputs
        return (0..<layout.taps).flatMap { tap in
            (0..<groupInputs).map { input in
                let relative = Double(inputs[inputChannel(channel, input)].scale) / inputScale
                return Float(Double(weight(channel, tap, input)) * relative)
            }
        }
    }

    /// The least scale of each output channel: none, or what makes the multipliers of all the same. A bias that does not fit by then
    /// gives its channel a scale of its own.
    private func leastScales(inputScale: Double) -> [Double] {
        guard weightScales == .perTensor else { return outputs.map { _ in 0 } }
        let shared = outputs.indices.reduce(0.0) { most, channel in
            let row = row(channel, inputScale: inputScale)
            let own = QuantizedChannel.leastScale(row, bias: bias[channel], inputScale: inputScale)
            return max(most, own / Double(outputs[channel].scale))
        }
        return outputs.map { shared * Double($0.scale) }
    }

    /// Which stored input channel `input` within the group of `output` is.
    private func inputChannel(_ output: Int, _ input: Int) -> Int {
        layout.isDepthwise
            ? output / (layout.outputChannels / layout.inputChannels)
            : output / layout.groupOutputs * layout.groupInputs + input
    }

    /// What rounding the weights of an output channel takes from its mean: `sum (w - rounded w) E[x]`, padding included (Nagel et al. 2019,
    /// "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2, with means that calibration saw).
    private func meanShift(
        of channel: Int, _ values: [Float], _ quantized: QuantizedChannel, inputScale: Double
    ) -> Float {
        let groupInputs = layout.isDepthwise ? 1 : layout.groupInputs
        var shift = 0.0
        for (index, value) in values.enumerated() {
            let input = inputChannel(channel, index % groupInputs)
            let relative = Double(inputs[input].scale) / inputScale
            let error = Double(value) - quantized.scale * Double(quantized.weights[index])
            let mean = Double(inputMeans[input] - padValues[input]) * tapShares[index / groupInputs]
            shift += error * (mean + Double(padValues[input])) / relative
        }
        return Float(shift)
    }

    /// The weights and biases of all output channels.
    private func quantizedChannels(inputScale: Double) -> [QuantizedChannel] {
        guard let memo else { return roundedChannels(inputScale: inputScale) }
        let key = RoundingKey(
            name: name, inputs: inputs, outputs: weightScales == .perTensor ? outputs : [], inputOrder: inputOrder,
            outputOrder: outputOrder, method: roundingMethod, weightScales: weightScales)
        return memo.value(of: key) { roundedChannels(inputScale: inputScale) }
    }

    private func roundedChannels(inputScale: Double) -> [QuantizedChannel] {
        let leastScales = leastScales(inputScale: inputScale)
        let groups = layout.isDepthwise ? layout.outputChannels : layout.outputChannels / layout.groupOutputs
        let roundings = [any WeightRounding](count: groups, threads: threads) {
            rounding(group: $0, inputScale: inputScale)
        }
        return [QuantizedChannel](count: layout.outputChannels, threads: threads) { channel in
            let rounding = roundings[layout.isDepthwise ? channel : channel / layout.groupOutputs]
            let values = row(channel, inputScale: inputScale)
            let quantized = QuantizedChannel(
                values, bias: bias[channel], inputScale: inputScale, least: leastScales[channel], rounding: rounding)
            guard !inputMeans.isEmpty else { return quantized }
            let corrected = bias[channel] + meanShift(of: channel, values, quantized, inputScale: inputScale)
            return quantized.withBias(corrected, inputScale: inputScale)
                ?? QuantizedChannel(
                    values, bias: corrected, inputScale: inputScale, least: leastScales[channel], rounding: rounding)
        }
    }

    /// Quantizes and packs. An accumulator of 32 bits that could leave them is refused: with inputs less zero point in
    /// -255...255 the sum is at most `|bias| + 255 * sum |w|`. Partial sums may wrap: only the whole counts.
    ///
    /// - Throws: `ConversionError.overflow`, or `.unsupported` for a multiplier beyond what the format holds.
    func block() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: layout.byteCount)
        let groupInputs = layout.isDepthwise ? 1 : layout.groupInputs
        // Inputs may come in several scales: weights are brought to the largest, so that no weight grows.
        let inputScale = Double(inputs.map(\.scale).max() ?? 1)
        let channels = quantizedChannels(inputScale: inputScale)
        for channel in 0..<layout.outputChannels {
            let quantized = channels[channel]
            var sum = Int64(quantized.bias)
            var bound = abs(Double(quantized.bias))
            for tap in 0..<layout.taps {
                for input in 0..<groupInputs {
                    let value = quantized.weights[tap * groupInputs + input]
                    if !readsWide {
                        sum -= (Int64(inputs[inputChannel(channel, input)].zeroPoint) + 128) * Int64(value)
                    }
                    bound += abs(Double(value)) * 255
                    bytes[layout.weightsOffset + layout.weightIndex(output: channel, tap: tap, input: input)] =
                        UInt8(bitPattern: value)
                }
            }
            guard hasWideMaps ? Int64(Int32(truncatingIfNeeded: sum)) == sum : bound < 2_147_483_647 else {
                throw ConversionError.overflow(node: name, channel: channel, bound: bound)
            }
            let real = inputScale * quantized.scale / Double(outputs[channel].scale)
            let largest = (hasWideMaps ? FixedPointMultiplier.wideShiftRange : FixedPointMultiplier.shiftRange)
                .upperBound
            guard let multiplier = FixedPointMultiplier(real), multiplier.shift <= largest else {
                throw ConversionError.unsupported(
                    node: name, operation: "convolution", reason: "channel \(channel) needs the multiplier \(real)")
            }
            bytes.store(Int32(sum), at: channel * 4)
            bytes.store(multiplier.multiplier, at: layout.multiplierOffset + channel * 4)
            bytes[layout.shiftOffset + channel] = UInt8(bitPattern: multiplier.shift)
        }
        for channel in 0..<layout.inputChannels {
            let value = inputs[channel].quantize(padValues[channel])
            bytes[layout.padPixelOffset + channel] = UInt8(bitPattern: value) ^ 0x80
        }
        return bytes
    }
}

extension [UInt8] {
    mutating func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        Swift.withUnsafeBytes(of: value.littleEndian) { bytes in
            for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
        }
    }
}
