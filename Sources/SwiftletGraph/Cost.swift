/// Multiply-accumulates and parameters of a network, counted as papers do.
///
/// What it does not do: measure time; `SwiftletProfiler` does.

extension Graph {
    /// Multiply-accumulates of one node for one image: convolutions and fully connected layers, bias and the rest free.
    /// A learned group convolution counts what is left after condensation.
    public func macs(of node: Node) -> Int {
        let input = values[node.inputs[0]].shape
        let output = values[node.outputs[0]].shape
        switch node.operation {
        case .convolution(let convolution):
            let kernel = convolution.window.kernel
            return output.elementCount * kernel.height * kernel.width * (input.channels / convolution.groups)
        case .learnedGroupConvolution(let convolution):
            return output.elementCount * (input.channels / convolution.condensationFactor)
        case .linear(let outputs):
            return input.channels * outputs
        default:
            return 0
        }
    }

    /// Multiply-accumulates of the whole network for one image.
    public var macs: Int { nodes.reduce(0) { $0 + macs(of: $1) } }

    /// Trained values: weights, biases, batch norm's scale and shift; running statistics and masks are not counted.
    /// A learned group convolution counts what is left after condensation.
    public var parameterCount: Int {
        let excluded: Set<Substring> = ["running_mean", "running_var", "mask"]
        var count = 0
        for (name, shape) in parameterShapes where !excluded.contains(name.split(separator: ".").last!) {
            count += shape.reduce(1, *)
        }
        for node in nodes {
            guard case .learnedGroupConvolution(let convolution) = node.operation else { continue }
            let dense = convolution.outputChannels * values[node.inputs[0]].shape.channels
            count -= dense - dense / convolution.condensationFactor
        }
        return count
    }
}
