/// Moves each channel of linear values to the middle of its range, so that all channels are well held by one zero point.
///
/// An int8 map has one zero point. Between a convolution without activation and those that read it, as in MobileNetV2's
/// bottlenecks, one channel may be -20 to 2 and the next one -3 to 30: wherever the zero point lies, each leaves half of its
/// numbers unused. Lowered by `m`, a channel costs nothing: its convolution's bias loses `m`, and each convolution that reads it
/// adds `m` times its weights to its own biases, which is what high-bias absorption does (Nagel et al. 2019, "Data-Free
/// Quantization Through Weight Equalization and Bias Correction", section 4.1.3), but exact, since nothing clamps in between.
/// A sum of lowered values is lowered by the sum of their `m`.
///
/// What it does not do: find ranges; touch values that an activation, a pool, a padded convolution or the output reads.
import SwiftletGraph

extension Graph {
    /// The values whose channels can be lowered, for whoever looks at their ranges.
    public var centrableValues: Set<ValueID> { Set(Centring(self).makers.keys) }

    /// The same network, with channels lowered such that the widest of the values that additions tie together becomes narrowest.
    ///
    /// - Parameter bounds: what each channel of the centrable values covers; a value without any stays as it is.
    /// - Returns: the network as it is where no float holds what its biases would be.
    /// - Throws: `GraphError` for parameters that are missing.
    public func centringChannels(_ bounds: [ValueID: [ClosedRange<Float>]]) throws -> Graph {
        let lowered = Centring(self).middles(of: bounds)
        guard !lowered.isEmpty else { return self }
        let centred = try GraphRewriter.rewrite(self) { rewriter, node in
            guard case .convolution = node.operation else { return try rewriter.keep(node) }
            let (own, read) = (lowered[node.outputs[0]], lowered[node.inputs[0]])
            guard own != nil || read != nil else { return try rewriter.keep(node) }
            var weight = try requiredParameter("weight", of: node)
            var bias = try biasOrZeros(of: node, outputs: weight.shape[0])
            if let read { (weight, bias) = try affineInputsFolded(into: node, read.map { _ in 1 }, read) }
            if let own { for channel in bias.indices { bias[channel] -= own[channel] } }
            try rewriter.keep(node, weight: weight, bias: bias)
        }
        return centred.hasFiniteParameters ? centred : self
    }
}

/// Which values can be lowered, and by whom.
private struct Centring {
    let graph: Graph
    /// Of each value that can be lowered, the convolutions whose lowering lowers it, by what they make, and how many times.
    private(set) var makers: [ValueID: [ValueID: Int]] = [:]

    /// Lowering one convolution moves the middles of others' sums; what is left to gain after these rounds is little.
    private static let rounds = 8

    init(_ graph: Graph) {
        self.graph = graph
        var absorbed: Set<ValueID> = []
        for node in graph.nodes.reversed() {
            for value in node.outputs where value != graph.output {
                let readers = graph.consumers(of: value).map { graph.nodes[$0] }
                let isAbsorbed = readers.allSatisfy { reader in
                    switch reader.operation {
                    case .convolution(let convolution): convolution.window.padding == .none
                    case .add: absorbed.contains(reader.outputs[0])
                    default: false
                    }
                }
                if isAbsorbed && !readers.isEmpty { absorbed.insert(value) }
            }
        }
        for node in graph.nodes where absorbed.contains(node.outputs[0]) {
            switch node.operation {
            case .convolution: makers[node.outputs[0]] = [node.outputs[0]: 1]
            case .add:
                let sum = node.inputs.reduce(into: [:]) { $0.merge(makers[$1] ?? [:], uniquingKeysWith: +) }
                if !sum.isEmpty { makers[node.outputs[0]] = sum }
            default: break
            }
        }
    }

    /// By how much each value is lowered: one convolution after the other to the middle of all that it lowers.
    func middles(of bounds: [ValueID: [ClosedRange<Float>]]) -> [ValueID: [Float]] {
        var lowered: [ValueID: [Float]] = [:]
        let order = makers.keys.sorted()
        for value in order {
            lowered[value] = Array(repeating: 0, count: graph.shape(of: value).channels)
        }
        for _ in 0..<Self.rounds {
            for maker in order where makers[maker]?[maker] != nil {
                let affected = order.filter { makers[$0]?[maker] != nil && bounds[$0] != nil }
                let times = Float(affected.compactMap { makers[$0]?[maker] }.max() ?? 1)
                for channel in 0..<graph.shape(of: maker).channels {
                    let low = affected.map { bounds[$0]![channel].lowerBound - lowered[$0]![channel] }.min() ?? 0
                    let high = affected.map { bounds[$0]![channel].upperBound - lowered[$0]![channel] }.max() ?? 0
                    let step = (low + high) / 2 / times
                    for value in order {
                        guard let count = makers[value]?[maker] else { continue }
                        lowered[value]![channel] += step * Float(count)
                    }
                }
            }
        }
        return lowered.filter { $0.value.contains { $0 != 0 } }
    }
}
