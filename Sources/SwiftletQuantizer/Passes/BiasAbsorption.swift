/// Moves what a channel hardly ever falls below into the biases of those who read it: high-bias absorption.
///
/// Behind a ReLU a channel of a high bias may be 5 to 7 on any picture, and of a range of 0 to 7 five parts hold nothing. The
/// channel is lowered by its floor, and each convolution that reads it adds the floor times its weights to its own biases. That is
/// exact wherever the channel is above its floor and, with ReLU6, stays below 6.
///
/// Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.1.3.
/// What it does not do: find floors; touch channels that are padded, since a border of zeros would be below the floor.
import SwiftletGraph

extension Graph {
    /// - Parameters:
    ///   - floors: of each channel of values that activations make, 0 or more.
    ///   - peaks: the largest number of each of those channels: one that reaches 6 behind a ReLU6 keeps its bias.
    /// - Returns: the network as it is where no float holds what its biases would be.
    /// - Throws: `GraphError` for parameters that are missing.
    public func absorbingHighBiases(_ floors: [ValueID: [Float]], peaks: [ValueID: [Float]]) throws -> Graph {
        /// By the name of the convolution that makes a value, and of each that reads it.
        var lowered: [String: [Float]] = [:]
        var absorbed: [String: [Float]] = [:]
        for node in nodes {
            guard case .convolution = node.operation, let next = onlyConsumer(of: node.outputs[0]),
                case .activation(let activation) = next.operation, activation == .relu || activation == .relu6,
                var floor = floors[next.outputs[0]], let peak = peaks[next.outputs[0]], next.outputs[0] != output
            else { continue }
            if activation == .relu6 { for channel in floor.indices where peak[channel] >= 6 { floor[channel] = 0 } }
            guard floor.contains(where: { $0 > 0 }) else { continue }
            let readers = consumers(of: next.outputs[0]).map { nodes[$0] }
            guard readers.allSatisfy({ $0.operation.isUnpaddedConvolution }) else { continue }
            lowered[node.name] = floor
            for reader in readers { absorbed[reader.name] = floor }
        }
        let result = try GraphRewriter.rewrite(self) { rewriter, node in
            guard lowered[node.name] != nil || absorbed[node.name] != nil else { return try rewriter.keep(node) }
            var weight = try requiredParameter("weight", of: node)
            var bias = try biasOrZeros(of: node, outputs: weight.shape[0])
            if let floor = absorbed[node.name] {
                (weight, bias) = try affineInputsFolded(into: node, floor.map { _ in 1 }, floor)
            }
            if let floor = lowered[node.name] { for channel in bias.indices { bias[channel] -= floor[channel] } }
            try rewriter.keep(node, weight: weight, bias: bias)
        }
        return result.hasFiniteParameters ? result : self
    }
}

extension Operator {
    fileprivate var isUnpaddedConvolution: Bool {
        guard case .convolution(let convolution) = self else { return false }
        return convolution.window.padding == .none
    }
}
