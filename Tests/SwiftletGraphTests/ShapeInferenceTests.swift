import Testing

@testable import SwiftletGraph

@Suite struct ShapeInferenceTests {
    @Test func aStridedConvolutionHalvesTheMap() throws {
        var graph = Graph(name: "one", input: Shape(height: 224, width: 224, channels: 3))
        let value = try graph.append(
            .convolution(Convolution(outputChannels: 32, window: .centred(3, stride: 2))), name: "stem", input: 0)
        #expect(graph.shape(of: value) == Shape(height: 112, width: 112, channels: 32))
        graph.output = value
        #expect(graph.macs == 112 * 112 * 32 * 27)
        #expect(graph.parameterCount == 32 * 27)
    }

    @Test func groupsThatDoNotDivideAreRefusedByName() {
        var graph = Graph(name: "one", input: Shape(height: 8, width: 8, channels: 6))
        #expect(
            throws: GraphError.wrongInputs(
                node: "conv", operation: "convolution", reason: "4 groups do not divide 6 to 8 channels")
        ) {
            try graph.append(
                .convolution(Convolution(outputChannels: 8, window: .centred(3), groups: 4)), name: "conv", inputs: [0])
        }
    }

    @Test func samePaddingPutsTheOddRowAtTheBottom() {
        let padding = Padding.same(
            input: Shape(height: 224, width: 225, channels: 3), kernel: Extent(3), stride: Extent(2))
        #expect(padding == Padding(top: 0, left: 1, bottom: 1, right: 1))
    }
}
