/// Linear layers -> convolutions, so that flattening disappears and one kind of layer is left.
///
/// What it does not do: move batch norms that stand between a flatten and a linear layer; fold those first.
import SwiftletGraph

extension Graph {
    /// The same network with every linear layer as a convolution of the same name.
    ///
    /// A linear layer that reads a flattened HxWxC map becomes an HxW convolution of that map, its weights reordered from
    /// NHWC; one that reads a 1x1 map becomes a 1x1 convolution. Activations may stand between. A flatten that something
    /// else reads is kept.
    public func replacingLinears() throws -> Graph {
        /// By old value, the unflattened new value that holds the same numbers.
        var maps: [ValueID: ValueID] = [:]
        return try GraphRewriter.rewrite(self) { rewriter, node in
            switch node.operation {
            case .flatten:
                let map = maps[node.inputs[0]] ?? rewriter[node.inputs[0]]
                let shape = rewriter.result.shape(of: map)
                if shape.height == 1, shape.width == 1 {
                    return rewriter.replace(node.outputs[0], with: map)
                }
                maps[node.outputs[0]] = map
                if needsFlattened(node.outputs[0]) {
                    let flat = try rewriter.append(.flatten, name: node.name, inputs: [map])[0]
                    rewriter.replace(node.outputs[0], with: flat)
                }
            case .activation where maps[node.inputs[0]] != nil:
                let map = try rewriter.append(node.operation, name: node.name, inputs: [maps[node.inputs[0]]!])[0]
                maps[node.outputs[0]] = map
                if needsFlattened(node.outputs[0]) {
                    let flat = try rewriter.append(.flatten, name: "\(node.name).flatten", inputs: [map])[0]
                    rewriter.replace(node.outputs[0], with: flat)
                }
            case .linear(let outputs):
                let map = maps[node.inputs[0]] ?? rewriter[node.inputs[0]]
                let shape = rewriter.result.shape(of: map)
                let window = Window(kernel: Extent(height: shape.height, width: shape.width))
                let weight = try requiredParameter("weight", of: node)
                let output = try rewriter.append(
                    .convolution(Convolution(outputChannels: outputs, window: window, hasBias: true)), name: node.name,
                    inputs: [map],
                    parameters: [
                        "weight": kernel(weight, over: shape), "bias": try requiredParameter("bias", of: node),
                    ])
                rewriter.replace(node.outputs[0], with: output[0])
            default:
                try rewriter.keep(node)
            }
        }
    }

    /// Whether anything but linear layers, directly or behind activations, reads the flattened `value`.
    private func needsFlattened(_ value: ValueID) -> Bool {
        if value == output { return true }
        return consumers(of: value).contains { index in
            switch nodes[index].operation {
            case .linear, .activation, .flatten: false
            default: true
            }
        }
    }

    /// `[outputs, height * width * channels]` in NHWC order as `[outputs, channels, height, width]`.
    private func kernel(_ weight: Tensor, over shape: Shape) -> Tensor {
        let outputs = weight.shape[0]
        let taps = shape.height * shape.width
        var values: [Float] = []
        values.reserveCapacity(weight.elementCount)
        for output in 0..<outputs {
            for channel in 0..<shape.channels {
                for tap in 0..<taps {
                    values.append(weight.values[(output * taps + tap) * shape.channels + channel])
                }
            }
        }
        return Tensor(shape: [outputs, shape.channels, shape.height, shape.width], values: values)
    }
}
