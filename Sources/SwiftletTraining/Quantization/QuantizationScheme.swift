/// Where a network's int8 form rounds, as training needs to know it: the converter's own answer, made from its lowering.
///
/// What it does not do: find those places; `QuantizationScheme.init(training:...)` of `SwiftletConverter` does.
import SwiftletGraph

public struct QuantizationScheme: Sendable {
    /// A range that is learned: one scale and one zero point of the int8 network.
    public struct Range: Sendable {
        /// The operators of the int8 network whose outputs it covers.
        public var operations: [String]
        /// What training begins with; contains 0.
        public var bounds: ClosedRange<Float>

        public init(operations: [String], bounds: ClosedRange<Float>) {
            self.operations = operations
            self.bounds = bounds
        }
    }

    /// The steps in which a channel of a convolution's input comes.
    public enum InputSteps: Hashable, Sendable {
        /// An index into `ranges`.
        case learned(Int)
        /// A channel of the picture: one grey level, in the network's normalized input.
        case fixed(Float)
    }

    /// The network to train, with its parameters: batch norms in place, parameters named and shaped as in its checkpoint.
    public var graph: Graph
    public var ranges: [Range]
    /// Of each value that int8 rounds, the range of each of its channels.
    public var values: [ValueID: [Int]]
    /// Of each convolution and linear layer, by node, the steps of each input channel.
    public var inputs: [String: [InputSteps]]

    public init(
        graph: Graph, ranges: [Range], values: [ValueID: [Int]], inputs: [String: [InputSteps]]
    ) {
        self.graph = graph
        self.ranges = ranges
        self.values = values
        self.inputs = inputs
    }
}
