/// Small networks of separable blocks with shortcuts and windows of all kinds: what can be recomputed.
import SwiftletGraph

public enum SeparableNetwork {
    /// A stem, `blocks` blocks and a classifier, at least 5 columns wide all the way; parameters filled.
    public static func make(seed: UInt64, blocks: Int) throws -> Graph {
        var generator = SeededGenerator(seed: seed)
        func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        var graph = Graph(
            name: "separable \(seed)", input: Shape(height: random(9...14), width: random(12...24), channels: 3))
        func convolve(_ name: String, _ value: ValueID, to channels: Int, _ window: Window, groups: Int = 1) throws
            -> ValueID
        {
            let convolution = Convolution(
                outputChannels: channels, window: window, groups: groups, hasBias: random(0...1) == 0)
            return try graph.append(.convolution(convolution), name: name, input: value)
        }
        var value = try convolve("stem", graph.input, to: 2 * random(2...4), .centred(3, stride: random(1...2)))
        for block in 0..<blocks {
            let shape = graph.shape(of: value)
            let isKept = random(0...1) == 0
            var inner = value
            if random(0...3) > 0 {
                inner = try convolve(
                    "b\(block).expand", value, to: 2 * random(3...9), Window(kernel: .one), groups: random(1...2))
                if random(0...1) == 0 {
                    inner = try graph.append(.activation(.relu6), name: "b\(block).relu", input: inner)
                }
            }
            let channels = graph.shape(of: inner).channels
            let window = self.window(over: shape, keepsShape: isKept, random)
            inner = try convolve("b\(block).depthwise", inner, to: channels, window, groups: channels)
            inner = try convolve(
                "b\(block).project", inner, to: isKept ? shape.channels : 2 * random(2...5), Window(kernel: .one))
            value =
                isKept && random(0...2) > 0
                ? try graph.append(.add, name: "b\(block).add", inputs: [value, inner])[0] : inner
            if random(0...5) == 0 {
                value = try graph.append(.pool(.max, .centred(3)), name: "b\(block).pool", input: value)
            }
        }
        value = try convolve("head", value, to: random(1...3) * 20, Window(kernel: .one))
        value = try graph.append(.globalAveragePool, name: "mean", input: value)
        graph.output = try graph.append(.linear(outputs: 4), name: "classifier", input: value)
        graph.randomizeParameters(using: &generator)
        return graph
    }

    /// A window with sizes and paddings of its own, strided only while the map is wide.
    private static func window(over shape: Shape, keepsShape: Bool, _ random: (ClosedRange<Int>) -> Int) -> Window {
        func side(_ size: Int) -> (kernel: Int, stride: Int, dilation: Int, before: Int, after: Int) {
            let dilation = random(1...2)
            let kernel = random(1...4)
            let span = (kernel - 1) * dilation + 1
            let before = random(0...(span - 1))
            if keepsShape { return (kernel, 1, dilation, before, span - 1 - before) }
            let isWide = size >= 11
            let after = isWide ? random(0...(span - 1)) : max(span - 1 - before, 0)
            return (kernel, isWide ? random(1...2) : 1, dilation, before, after)
        }
        let (rows, columns) = (side(shape.height), side(shape.width))
        return Window(
            kernel: Extent(height: rows.kernel, width: columns.kernel),
            stride: Extent(height: rows.stride, width: columns.stride),
            padding: Padding(top: rows.before, left: columns.before, bottom: rows.after, right: columns.after),
            dilation: Extent(height: rows.dilation, width: columns.dilation))
    }
}
