/// How much those that read a map feel of an error in each of its channels.
///
/// A convolution multiplies it by its weights, so a channel counts with the sum of their squares (as in `ChannelScales`); to
/// a sum, a pool or the output all channels are alike. A channel whose numbers are small may be all that the next layer
/// looks at: the plain ratio of signal to noise does not see it.
/// What it does not do: follow an error any further.
import SwiftletGraph

struct FeltWeights {
    /// Of each value that is read, for each reader, the weight of each channel; 0 where the reader does not look.
    private var readers: [ValueID: [[Double]]] = [:]

    init(_ graph: Graph) throws {
        let network = try Lowering.lower(graph)
        func add(_ operand: [ChannelReference], _ squares: [Double]) {
            let producers = Set(operand.map(\.producer))
            for producer in producers {
                guard let operation = network.operation(of: producer) else { continue }
                var weights = [Double](repeating: 0, count: operation.outputShape.channels)
                for (reference, square) in zip(operand, squares) where reference.producer == producer {
                    weights[reference.channel] += square
                }
                readers[operation.value, default: []].append(weights)
            }
        }
        for index in network.operations.indices {
            if let reader = RoundedReader(network, index) {
                add(reader.inputs, reader.squares)
            } else {
                for operand in network.operations[index].operands { add(operand, operand.map { _ in 1 }) }
            }
        }
        for output in network.outputs { add(output.channels, output.channels.map { _ in 1 }) }
    }

    /// The weight of each stored channel: the mean over its readers, each of which gets a signal of 1.
    func weights(of errors: LayerErrors) -> [Double] {
        let order = errors.operation.channelOrder
        var sum = order.map { _ in 0.0 }
        for reader in readers[errors.operation.value] ?? [] {
            let signal = order.indices.reduce(0) { $0 + reader[order[$1]] * errors.channels[$1].signal }
            guard signal > 0 else { continue }
            for position in order.indices { sum[position] += reader[order[position]] / signal }
        }
        return sum.contains { $0 > 0 } ? sum : order.map { _ in 1 }
    }
}
