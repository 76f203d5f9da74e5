/// Moves channel shuffles and indices behind the batch norms and activations that follow them, so that a convolution in
/// front meets its batch norm and its activation.
///
/// What it does not do: remove shuffles; the lowering folds them into the order of the next weights.
import SwiftletGraph

extension Graph {
    /// The same network, in which no batch norm or activation alone reads a channel shuffle or a permuting channel index.
    /// CondenseNet shuffles between a convolution and its batch norm; ShuffleNet's order is left as it is.
    public func sinkingShuffles() throws -> Graph {
        var graph = self
        // Each round moves a shuffle by one node; there are fewer rounds than nodes.
        while let moved = try graph.sinkingShufflesOnce() { graph = moved }
        return graph
    }

    /// Nil when nothing is left to move.
    private func sinkingShufflesOnce() throws -> Graph? {
        var changed = false
        let graph = try GraphRewriter.rewrite(self) { rewriter, node in
            if elementwiseFollower(of: node) != nil {
                // Appended behind its follower, which reads nothing else.
                return rewriter.replace(node.outputs[0], with: rewriter[node.inputs[0]])
            }
            guard let producer = producer(of: node.inputs[0]).map({ nodes[$0] }),
                elementwiseFollower(of: producer)?.name == node.name,
                let order = permutation(of: producer)
            else { return try rewriter.keep(node) }
            changed = true
            var parameters: [String: Tensor] = [:]
            for suffix in ["weight", "bias", "running_mean", "running_var"] {
                guard let tensor = parameter(suffix, of: node) else { continue }
                // Output channel i of the shuffle is its input channel order[i].
                var values = tensor.values
                for (channel, value) in tensor.values.enumerated() { values[order[channel]] = value }
                parameters[suffix] = Tensor(shape: tensor.shape, values: values)
            }
            let early = try rewriter.append(
                node.operation, name: node.name, inputs: [rewriter[node.inputs[0]]], parameters: parameters)
            let shuffled = try rewriter.append(producer.operation, name: producer.name, inputs: early)
            rewriter.replace(node.outputs[0], with: shuffled[0])
        }
        return changed ? graph : nil
    }

    /// The batch norm or activation that alone reads `node`, which permutes channels.
    private func elementwiseFollower(of node: Node) -> Node? {
        guard permutation(of: node) != nil, let follower = onlyConsumer(of: node.outputs[0]) else { return nil }
        switch follower.operation {
        case .batchNorm, .activation: return follower
        default: return nil
        }
    }

    /// Which input channel each output channel of a shuffle or an index is, if each input appears exactly once.
    private func permutation(of node: Node) -> [Int]? {
        let channels = shape(of: node.inputs[0]).channels
        switch node.operation {
        case .channelShuffle(let groups):
            return (0..<channels).map { $0 % groups * (channels / groups) + $0 / groups }
        case .channelIndex(let indices):
            return indices.count == channels && Set(indices).count == channels ? indices : nil
        default:
            return nil
        }
    }
}
