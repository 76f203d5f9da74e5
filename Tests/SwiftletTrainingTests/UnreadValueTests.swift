import SwiftletGraph
import Testing

@testable import SwiftletTraining

/// Values that nobody reads: an imported network may hold them.
@Suite struct UnreadValueTests {
    @Test func aBranchThatNobodyReadsGetsNoGradient() throws {
        var graph = Graph(name: "unread", input: Shape(height: 4, width: 4, channels: 3))
        func convolve(_ name: String, _ input: ValueID) throws -> ValueID {
            let convolution = Convolution(outputChannels: 8, window: .centred(3), hasBias: true)
            return try graph.append(.convolution(convolution), name: name, input: input)
        }
        let first = try convolve("first", graph.input)
        _ = try convolve("unread", first)
        let second = try convolve("second", convolve("middle", first))
        let halves = try graph.append(.split([4, 4]), name: "split", inputs: [second])
        let pool = try graph.append(.globalAveragePool, name: "pool", input: halves[0])
        graph.output = try graph.append(.linear(outputs: 3), name: "classifier", input: pool)
        GraphInitializer.initialize(&graph, seed: 3)
        let engine = try Engine(graph: graph, batchSize: 2, threads: 2, isTrained: true)
        for index in 0..<(2 * graph.inputShape.elementCount) { engine.input.values[index] = Float(index % 7) - 3 }
        for step in 0..<3 {
            let loss = CrossEntropy(labels: [0, 2], smoothing: 0)
            _ = engine.train(count: 2, Mode(isTraining: true, step: UInt64(step)), loss: loss) { _ in }
            for parameter in engine.parameters where parameter.name.hasPrefix("unread") {
                #expect(parameter.gradient.values.allSatisfy { $0 == 0 }, "\(parameter.name), step \(step)")
            }
            // The second half of "second" is read by nobody either.
            let bias = try #require(engine.parameters.first { $0.name == "second.bias" }).gradient.values
            #expect(bias[4...].allSatisfy { $0 == 0 }, "step \(step): \(bias)")
            #expect(bias[..<4].contains { $0 != 0 })
        }
    }
}
