/// Folds `(pixel - mean) / deviation` into the first convolutions: the network then takes pixels of 0 to 255.
///
/// What it does not do: resize or reorder colours.
import SwiftletGraph

extension Graph {
    /// The same network for raw pixels: `W' = W / deviation`, `b' = b - sum(W * mean / deviation)`.
    ///
    /// Padding held zeros among normalized pixels, which are means among raw ones: padded convolutions get `padValues`.
    /// An input that something else than a convolution reads is normalized by a 1x1 depthwise convolution first
    /// ("normalization").
    ///
    /// - Throws: `PassError.badNormalization` unless there is one mean and one deviation above zero an input channel.
    public func foldingNormalization(_ preprocessing: Preprocessing) throws -> Graph {
        let channels = inputShape.channels
        let (mean, deviation) = (preprocessing.mean, preprocessing.deviation)
        guard mean.count == channels, deviation.count == channels, mean.allSatisfy(\.isFinite),
            deviation.allSatisfy({ $0.isFinite && $0 > 0 })
        else { throw PassError.badNormalization(channels: channels, means: mean.count, deviations: deviation) }
        let scale = deviation.map { 1 / $0 }
        let shift = zip(mean, deviation).map { -$0 / $1 }

        let readers = consumers(of: input).map { nodes[$0].operation }
        let foldable = output != input && readers.allSatisfy { if case .convolution = $0 { true } else { false } }
        var rewriter = GraphRewriter(self)
        if !foldable {
            let normalized = try rewriter.append(
                .convolution(
                    Convolution(outputChannels: channels, window: Window(kernel: .one), groups: channels, hasBias: true)
                ),
                name: "normalization", inputs: [rewriter[input]],
                parameters: [
                    "weight": Tensor(shape: [channels, 1, 1, 1], values: scale),
                    "bias": Tensor(shape: [channels], values: shift),
                ])
            rewriter.replace(input, with: normalized[0])
        }
        for node in nodes {
            guard foldable, node.inputs == [input], case .convolution(let convolution) = node.operation else {
                try rewriter.keep(node)
                continue
            }
            let (weight, bias) = try affineInputsFolded(into: node, scale, shift)
            let pads = (0..<channels).map { (convolution.padValues?[$0] ?? 0) * deviation[$0] + mean[$0] }
            let isPadded = convolution.window.padding != .none
            try rewriter.keep(node, weight: weight, bias: bias, padValues: isPadded ? pads : nil)
        }
        return rewriter.finished()
    }
}
