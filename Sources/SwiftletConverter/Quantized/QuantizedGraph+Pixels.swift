/// A quantized network that takes pictures: bytes of 0...255, which stand for int8 less 128.
///
/// What it does not do: resize or crop; the decoder's rows already have the input's size.
import SwiftletGraph
import SwiftletQuantizer

extension QuantizedGraph {
    /// The same network with pixels as its first input. Where the network's own quantization makes each pixel itself less 128,
    /// as that of most converters does, nothing is added; else one table a channel.
    func takingPixels(_ preprocessing: Preprocessing) -> QuantizedGraph {
        let input = values[inputs[0]]
        let tables = (0..<input.shape.channels).map { channel in
            (0...255).map { pixel in
                input.quantization.quantize(
                    (Float(pixel) - preprocessing.mean[channel]) / preprocessing.deviation[channel])
            }
        }
        guard tables.contains(where: { $0 != (-128...127).map { Int8($0) } }) else { return self }
        var graph = self
        graph.values.append(
            Value(name: "pixels", shape: input.shape, quantization: AffineQuantization(scale: 1, zeroPoint: -128)))
        graph.nodes.insert(
            Node(name: "pixels", operation: .lookup(tables), inputs: [values.count], output: inputs[0]), at: 0)
        graph.inputs[0] = values.count
        return graph
    }
}
