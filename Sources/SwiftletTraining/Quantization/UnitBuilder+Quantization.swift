/// How units are built for a network that is to be quantized: values that int8 rounds go through a unit that does so.
///
/// What it does not do: decide which; the scheme does.
import SwiftletGraph

extension UnitBuilder {
    struct Quantization {
        var scheme: QuantizationScheme
        /// As the scheme's.
        var ranges: [LearnedRange]

        /// What rounds the weights of `node`.
        func quantizer(of weight: Parameter, _ node: Node, groups: Int) -> WeightQuantizer? {
            guard let inputs = scheme.inputs[node.name] else { return nil }
            let steps: [WeightQuantizer.Steps] = inputs.map { input in
                switch input {
                case .learned(let index): .learned(ranges[index])
                case .fixed(let scale): .fixed(scale)
                }
            }
            return WeightQuantizer(weight: weight, inputs: steps, groups: groups)
        }
    }
}
