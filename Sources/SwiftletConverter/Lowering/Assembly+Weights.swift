/// The weights of convolutions in stored order, with what calibration knows of the inputs that they meet.
///
/// What it does not do: quantize; that is `StoredConvolution`.
import SwiftletFormat
import SwiftletGraph

extension Assembly {
    /// Packs the weights of a convolution in stored order; does nothing for other operations.
    func setWeights(
        _ assembled: inout AssembledOperation, _ operation: LoweredOperation, inputOrder: [Int]
    ) throws {
        let weights: LoweredOperation.ConvolutionWeights
        switch operation.kind {
        case .convolution(let given, _), .depthwise(let given): weights = given
        default: return
        }
        let layout = ConvolutionLayout(assembled.record)
        let outputOrder = assembled.outputOrder
        let groupInputs = layout.isDepthwise ? 1 : layout.groupInputs
        /// Where the weight of a stored output and a stored input of its group stands in `[output][input of the group]`.
        @Sendable func original(_ output: Int, _ input: Int) -> Int {
            // A stored group holds the inputs of one original group, sorted: find which of them stands here.
            let place =
                layout.isDepthwise
                ? 0 : inputOrder[output / layout.groupOutputs * layout.groupInputs + input] % groupInputs
            return outputOrder[output] * groupInputs + place
        }
        switch weights {
        case .real(let weight, let bias, let padValues):
            let values = weight.values
            let stored = StoredConvolution(
                name: operation.name, layout: layout,
                weight: { output, tap, input in values[original(output, input) * layout.taps + tap] },
                bias: outputOrder.map { bias[$0] },
                inputs: inputOrder.map { scales(operation.operands[0][$0]) },
                padValues: inputOrder.map { padValues?[$0] ?? 0 },
                outputs: assembled.outputQuantization, readsWide: assembled.input.channelBytes == 2,
                hasWideMaps: network.hasWideMaps(operation),
                inputMeans: inputMeans(operation.operands[0], order: inputOrder),
                tapShares: operation.window.tapShares(of: operation.inputShape, outputs: operation.outputShape),
                covariance: {
                    covariance(operation, layout, group: $0, inputOrder: inputOrder, outputOrder: outputOrder)
                }, roundingMethod: inputs.roundingMethod, weightScales: inputs.weightScales,
                inputOrder: inputOrder, outputOrder: outputOrder, memo: inputs.memo, threads: inputs.threads)
            assembled.parameters = try stored.block()
        case .integer(let convolution):
            let values = convolution.weights
            assembled.parameters = try integerConvolutionBlock(
                name: operation.name, convolution, layout: layout, outputOrder: outputOrder,
                readsWide: assembled.input.channelBytes == 2, hasWideMaps: network.hasWideMaps(operation),
                weight: { output, tap, input in
                    let place = original(output, input)
                    return values[(place / groupInputs * layout.taps + tap) * groupInputs + place % groupInputs]
                })
        }
    }

    /// The means of an operand's channels in stored order; empty when one of them is not known.
    private func inputMeans(_ references: [ChannelReference], order: [Int]) -> [Float] {
        let known = references.map { reference -> Float? in
            guard let operation = network.operation(of: reference.producer) else {
                return network.inputs[reference.producer].value.flatMap { inputs.means[$0]?[reference.channel] }
            }
            return inputs.means[operation.value]?[operation.valueChannel(reference.channel)]
        }
        return known.contains { $0 == nil } ? [] : order.map { known[$0]! }
    }

    /// How the inputs of a stored group vary together, `[tap][stored input]` both ways; nil where it is not known.
    private func covariance(
        _ operation: LoweredOperation, _ layout: ConvolutionLayout, group: Int, inputOrder: [Int], outputOrder: [Int]
    ) -> [Double]? {
        guard let known = inputs.covariances[operation.value] else { return nil }
        if layout.isDepthwise {
            // The value's channel; each input channel makes as many of them as the multiplier says.
            let multiplier = layout.outputChannels / layout.inputChannels
            return known.groups[operation.valueChannel(outputOrder[group]) / multiplier]
        }
        let inputs = layout.groupInputs
        let order = inputOrder[(group * inputs)..<((group + 1) * inputs)].map { $0 % inputs }
        let matrix = known.groups[inputOrder[group * inputs] / inputs]
        let places = (0..<layout.taps).flatMap { tap in order.map { tap * inputs + $0 } }
        return places.flatMap { row in places.map { matrix[row * known.width + $0] } }
    }
}

extension Window {
    /// For each tap the share of outputs for which it lies inside the map; elsewhere it meets padding.
    func tapShares(of input: Shape, outputs: Shape) -> [Double] {
        func shares(_ kernel: Int, _ stride: Int, _ padding: Int, _ dilation: Int, _ size: Int, _ count: Int)
            -> [Double]
        {
            (0..<kernel).map { tap in
                let inside = (0..<count).filter { 0..<size ~= $0 * stride - padding + tap * dilation }.count
                return Double(inside) / Double(count)
            }
        }
        let rows = shares(kernel.height, stride.height, padding.top, dilation.height, input.height, outputs.height)
        let columns = shares(kernel.width, stride.width, padding.left, dilation.width, input.width, outputs.width)
        return rows.flatMap { row in columns.map { row * $0 } }
    }
}
