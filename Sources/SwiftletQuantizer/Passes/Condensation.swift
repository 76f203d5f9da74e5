/// Learned group convolution -> channel index + grouped convolution (Huang et al. 2018, section 3.2, figure 4).
///
/// What it does not do: choose which inputs survive; training has, in the mask.
import SwiftletGraph

extension Graph {
    /// The same network with each learned group convolution as a choice of inputs ("name.index") and a grouped 1x1
    /// convolution ("name") of `inputs / condensationFactor` inputs a group. Output channels keep their order.
    ///
    /// - Throws: `PassError.unevenMask` when a group keeps another number of inputs than condensation leaves,
    ///   `.raggedMask` when the outputs of one group do not keep the same.
    public func condensed() throws -> Graph {
        try GraphRewriter.rewrite(self) { rewriter, node in
            guard case .learnedGroupConvolution(let learned) = node.operation else { return try rewriter.keep(node) }
            let inputs = shape(of: node.inputs[0]).channels
            let weight = try requiredParameter("weight", of: node).values
            let kept = try survivingInputs(of: node, learned, inputs: inputs)
            let groupOutputs = learned.outputChannels / learned.groups
            let groupInputs = inputs / learned.condensationFactor

            var condensed: [Float] = []
            condensed.reserveCapacity(learned.outputChannels * groupInputs)
            for output in 0..<learned.outputChannels {
                condensed += kept[output / groupOutputs].map { weight[output * inputs + $0] }
            }
            var input = rewriter[node.inputs[0]]
            let indices = Array(kept.joined())
            if indices != Array(0..<inputs) {
                input = try rewriter.append(.channelIndex(indices), name: "\(node.name).index", inputs: [input])[0]
            }
            let output = try rewriter.append(
                .convolution(
                    Convolution(
                        outputChannels: learned.outputChannels, window: Window(kernel: .one), groups: learned.groups)),
                name: node.name, inputs: [input],
                parameters: ["weight": Tensor(shape: [learned.outputChannels, groupInputs, 1, 1], values: condensed)])
            rewriter.replace(node.outputs[0], with: output[0])
        }
    }

    /// The inputs that each group's mask keeps, ascending.
    private func survivingInputs(of node: Node, _ learned: LearnedGroupConvolution, inputs: Int) throws -> [[Int]] {
        let mask = try requiredParameter("mask", of: node).values
        let groupOutputs = learned.outputChannels / learned.groups
        return try (0..<learned.groups).map { group in
            func kept(_ output: Int) -> [Int] { (0..<inputs).filter { mask[output * inputs + $0] != 0 } }
            let survivors = kept(group * groupOutputs)
            let expected = inputs / learned.condensationFactor
            guard survivors.count == expected else {
                throw PassError.unevenMask(
                    node: node.name, group: group, kept: survivors.count, expected: expected, inputs: inputs)
            }
            for output in group * groupOutputs..<(group + 1) * groupOutputs where kept(output) != survivors {
                throw PassError.raggedMask(node: node.name, group: group, output: output)
            }
            return survivors
        }
    }
}
