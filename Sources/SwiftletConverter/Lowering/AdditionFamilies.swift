/// Which operations additions tie together: what they read and make should be in the same steps, channel by channel.
///
/// What it does not do: say which of them may have scales of single channels; `ChannelScales` does.

extension LoweredNetwork {
    /// Operations that make channels, as indices, joined where an addition reads or makes them; most are alone.
    var additionFamilies: [[Int]] {
        var joined = DisjointSets(count: producerCount)
        for (index, operation) in operations.enumerated() {
            guard case .add = operation.kind else { continue }
            for reference in operation.operands.joined() {
                joined.join(inputs.count + index, reference.producer)
            }
        }
        var members: [Int: [Int]] = [:]
        for index in operations.indices where !operations[index].keepsScales {
            members[joined.root(inputs.count + index), default: []].append(index)
        }
        return members.sorted { $0.key < $1.key }.map(\.value)
    }
}
