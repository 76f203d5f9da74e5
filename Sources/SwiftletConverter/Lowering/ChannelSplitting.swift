/// Splits operations that keep channels apart, where the producers that they read side by side live for different times.
///
/// In a dense block the early channels are held until the last layer has read them, the late ones for hardly a row; at the
/// block's begin most of its channels have not been made at all. All that read such a concat are batch norms and pools:
/// one of those is as many operations as there are producers, each reading a buffer of its own and writing its share of the
/// channels. No byte moves more than before, and no weight is written twice. (Memory shared by the features of a dense block:
/// Pleiss et al. 2017, "Memory-Efficient Implementation of DenseNets", for training.)
/// What it does not do: split what a convolution or an addition reads; that must lie in one buffer.
import SwiftletGraph

extension LoweredNetwork {
    /// The same network with shares ("name.0", "name.1", ...) in place of the operations that could be split.
    ///
    /// - Parameter leastChannels: producers that follow each other stay together until they have so many channels.
    func splittingChannels(leastChannels: Int) -> LoweredNetwork {
        var groups = producerGroups(leastChannels: leastChannels)
        var split = self
        split.operations = []
        // Of each channel of each producer: who makes it now.
        var made = inputs.enumerated().map { producer, input in
            (0..<input.shape.channels).map { ChannelReference(producer: producer, channel: $0) }
        }
        for operation in operations {
            let operands = operation.operands.map { $0.map { made[$0.producer][$0.channel] } }
            let shares = operation.isSplittable ? operation.shares { groups.root($0) } : []
            guard shares.count > 1 else {
                var whole = operation
                whole.operands = operands
                split.operations.append(whole)
                made.append(split.references(count: operation.outputShape.channels))
                continue
            }
            // A share waits for all rows that the whole waits for: made early, its rows would have to be kept.
            let waits = Set(operands[0].map(\.producer)).sorted()
            var outputs = [ChannelReference?](repeating: nil, count: operation.outputShape.channels)
            for (index, channels) in shares.enumerated() {
                var share = operation.share(channels, named: "\(operation.name).\(index)")
                share.operands = [channels.map { operands[0][$0] }]
                share.waits = waits
                split.operations.append(share)
                for (channel, reference) in zip(channels, split.references(count: channels.count)) {
                    outputs[channel] = reference
                }
            }
            made.append(outputs.map { $0! })
        }
        for index in outputs.indices {
            split.outputs[index].channels = outputs[index].channels.map { made[$0.producer][$0.channel] }
        }
        return split
    }

    /// The channels of the operation appended last.
    private func references(count: Int) -> [ChannelReference] {
        (0..<count).map { ChannelReference(producer: producerCount - 1, channel: $0) }
    }

    /// Producers that must write into one buffer, or may as well.
    private func producerGroups(leastChannels: Int) -> DisjointSets {
        var sets = DisjointSets(count: producerCount)
        // Whose rows each producer's rows are made from, however far back.
        var ancestors = [Set<Int>](repeating: [], count: producerCount)
        for (index, operation) in operations.enumerated() {
            let producers = producers(of: operation)
            ancestors[inputs.count + index] = producers.reduce(into: Set(producers)) { $0.formUnion(ancestors[$1]) }
            guard operation.isSplittable else {
                for operand in operation.operands {
                    for reference in operand { sets.join(operand[0].producer, reference.producer) }
                }
                continue
            }
            // Maps that do not follow from each other live for about the same time.
            for (position, producer) in producers.enumerated() {
                for earlier in producers[..<position] where !ancestors[producer].contains(earlier) {
                    sets.join(earlier, producer)
                }
            }
        }
        for output in outputs {
            for reference in output.channels { sets.join(output.channels[0].producer, reference.producer) }
        }
        for operation in operations where operation.isSplittable {
            joinNarrow(producers(of: operation), leastChannels: leastChannels, &sets)
        }
        return sets
    }

    /// Joins producers, which ascend, from the first on into runs of at least `leastChannels`.
    private func joinNarrow(_ producers: [Int], leastChannels: Int, _ sets: inout DisjointSets) {
        var run = producers[0]
        var channels = 0
        for producer in producers {
            if channels < leastChannels || sets.root(producer) == sets.root(run) {
                sets.join(run, producer)
            } else {
                run = producer
                channels = 0
            }
            channels += shape(of: producer).channels
        }
    }
}

extension LoweredOperation {
    /// Whether it can be taken apart: output channel `c` is made of input channel `c` alone, and no integers are given.
    fileprivate var isSplittable: Bool {
        switch kind {
        case .depthwise(.real): outputShape.channels == inputShape.channels
        case .maxPool, .averagePool: integers == nil
        default: false
        }
    }

    /// The channels that come from each group of producers, by their first.
    fileprivate func shares(group: (Int) -> Int) -> [[Int]] {
        var numbers: [Int: Int] = [:]
        var shares: [[Int]] = []
        for (channel, reference) in operands[0].enumerated() {
            let root = group(reference.producer)
            if numbers[root] == nil {
                numbers[root] = shares.count
                shares.append([])
            }
            shares[numbers[root]!].append(channel)
        }
        return shares
    }

    /// The same operation on some of its channels; operands are left to the caller.
    fileprivate func share(_ channels: [Int], named name: String) -> LoweredOperation {
        var share = self
        share.name = name
        share.inputShape.channels = channels.count
        share.outputShape.channels = channels.count
        share.valueChannels = channels.map { valueChannel($0) }
        if case .depthwise(.real(let weight, let bias, let padValues)) = kind {
            share.kind = .depthwise(
                .real(
                    weight: weight.selecting(outputs: channels), bias: channels.map { bias[$0] },
                    padValues: padValues.map { values in channels.map { values[$0] } }))
        }
        return share
    }
}

extension Tensor {
    /// The weights of some output channels.
    fileprivate func selecting(outputs: [Int]) -> Tensor {
        let size = elementCount / shape[0]
        return Tensor(
            shape: [outputs.count] + shape.dropFirst(),
            values: outputs.flatMap { values[$0 * size..<($0 + 1) * size] })
    }
}
