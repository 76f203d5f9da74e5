/// Which channels that flow must have one scale.
///
/// Each operation has a scale of its own, even when it writes beside others into one buffer: a convolution that reads them
/// takes the differences into its weights. Only what must agree is made to: the channels of an operand of `add`, a product or
/// `mean`, those that an output shows, and what is joined or compared. Pools and whatever copies pass scales through. What it does not do: choose scales; `ScaleAssignment` does.
import SwiftletGraph

struct ScaleGroups {
    /// The group of each channel of each producer; the picture's is that of producer 0.
    private(set) var groups: [[Int]]

    /// - Parameter own: for operations whose channels have scales of their own, the group of each channel, from
    ///   `network.producerCount` on.
    init(_ network: LoweredNetwork, own: [Int: [Int]] = [:]) {
        groups = [Array(repeating: 0, count: network.inputs[0].shape.channels)]
        for (index, operation) in network.operations.enumerated() {
            if operation.keepsScales {
                groups.append(operation.operands[0].map { groups[$0.producer][$0.channel] })
            } else {
                groups.append(
                    own[index] ?? Array(repeating: index + 1, count: operation.outputShape.channels))
            }
        }
        var sets = DisjointSets(count: network.producerCount + own.values.reduce(0) { $0 + $1.count })
        func unify(_ references: [ChannelReference], _ sets: inout DisjointSets) {
            // Channels with scales of their own have them where whoever reads them can do with that.
            if self(references[0]) >= network.producerCount { return }
            for reference in references.dropFirst() { sets.join(self(references[0]), self(reference)) }
        }
        // Shares of one operation agree as its whole would: in what they make, and pools that clamp in what they read.
        var first: [ValueID: Int] = [:]
        for (index, operation) in network.operations.enumerated()
        where operation.valueChannels != nil && own[index] == nil {
            if operation.keepsScales && operation.clamp.low == nil { continue }
            let group = self(ChannelReference(producer: network.inputs.count + index, channel: 0))
            sets.join(first[operation.value, default: group], group)
            first[operation.value] = group
        }
        for operation in network.operations {
            switch operation.kind {
            case .add, .mean, .binary(.multiply, _): for operand in operation.operands { unify(operand, &sets) }
            case .binary, .join:
                for operand in operation.operands { unify(operand, &sets) }
                sets.join(self(operation.operands[0][0]), self(operation.operands[1][0]))
            // What is filled in is one number for all channels.
            case .pixelIndex(let index): if index.hasFill { unify(operation.operands[0], &sets) }
            case .maxPool, .averagePool: if operation.clamp.low != nil { unify(operation.operands[0], &sets) }
            case .convolution, .depthwise, .function, .interpolate, .other: break
            }
        }
        for output in network.outputs { unify(output.channels, &sets) }
        groups = groups.map { $0.map { sets.root($0) } }
    }

    func callAsFunction(_ reference: ChannelReference) -> Int { groups[reference.producer][reference.channel] }
}
