/// A network of a few kilobytes that holds each operator of the float graphs once.
///
/// What it does not do: operators that only come from graphs which are quantized already.
import SwiftletGraph

extension Graph {
    /// With a channel table, too: shuffled halves of which one is convolved.
    public static func everyOperator() throws -> Graph {
        var graph = Graph(name: "small", input: Shape(height: 9, width: 7, channels: 3))
        let stem = try graph.convolution("stem", graph.input, to: 8, .centred(3))
        let halves = try graph.append(.split([4, 4]), name: "split", inputs: [stem])
        let depthwise = try graph.convolution("depthwise", halves[1], to: 4, .centred(3), groups: 4)
        let joined = try graph.append(.concat, name: "concat", inputs: [halves[0], depthwise])[0]
        let shuffled = try graph.append(.channelShuffle(groups: 2), name: "shuffle", input: joined)
        let grouped = try graph.convolution("grouped", shuffled, to: 8, Window(kernel: .one), groups: 2)
        let sum = try graph.append(.add, name: "add", inputs: [stem, grouped])[0]
        let largest = try graph.append(.pool(.max, .centred(3, stride: 2)), name: "max", input: sum)
        let average = try graph.append(.pool(.average, .centred(3)), name: "average", input: largest)
        let mean = try graph.append(.globalAveragePool, name: "mean", input: average)
        graph.output = try graph.append(.linear(outputs: 4), name: "classifier", input: mean)
        var generator = SeededGenerator(seed: 5)
        graph.randomizeParameters(using: &generator)
        return graph
    }
}
