/// The order of channels: a dense convolution reads its inputs and writes its outputs in the order of their slots, with its
/// weights permuted to match; so that a channel table is needed only where the slots have gaps.
///
/// What it does not do: give channels their slots; that is `BufferAssignment`.
import SwiftletGraph

extension Assembly {
    /// The order in which an operation meets its input channels, and that in which it writes its output channels.
    func orders(_ operation: LoweredOperation, producer: Int) -> (inputs: [Int], outputs: [Int]) {
        let slots = assignment.slots(of: operation.operands[0])
        if case .convolution(_, let groups) = operation.kind {
            return groupedOrders(operation, inputSlots: slots, outputSlots: assignment.slots[producer], groups: groups)
        }
        guard operation.keepsChannelsApart else {
            return (Array(slots.indices), Array(0..<operation.outputShape.channels))
        }
        let inputs = slots.indices.sorted { (slots[$0], $0) < (slots[$1], $1) }
        let multiplier = operation.outputShape.channels / operation.inputShape.channels
        return (inputs, inputs.flatMap { input in (0..<multiplier).map { input * multiplier + $0 } })
    }

    /// Inputs by slot within each group, groups by their first slot, outputs by slot within each group.
    private func groupedOrders(
        _ operation: LoweredOperation, inputSlots: [Int], outputSlots: [Int], groups: Int
    ) -> (inputs: [Int], outputs: [Int]) {
        let groupInputs = operation.inputShape.channels / groups
        let groupOutputs = operation.outputShape.channels / groups
        let inputs = (0..<groups).map { group in
            (group * groupInputs..<(group + 1) * groupInputs).sorted { (inputSlots[$0], $0) < (inputSlots[$1], $1) }
        }
        let order = (0..<groups).sorted { first, second in
            (inputSlots[inputs[first][0]], first) < (inputSlots[inputs[second][0]], second)
        }
        let outputs = order.flatMap { group in
            (group * groupOutputs..<(group + 1) * groupOutputs).sorted { outputSlots[$0] < outputSlots[$1] }
        }
        return (order.flatMap { inputs[$0] }, outputs)
    }
}
