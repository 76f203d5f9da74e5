/// Networks whose numbers leave what 32-bit floats hold: calibration says so, whatever looks at them before.
import SwiftletGraph
import SwiftletQuantizer
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite struct NotFiniteTests {
    /// Linear 1x1 convolutions, which are centred before ranges are chosen.
    private func network(weights: [[Float]]) throws -> Graph {
        var graph = Graph(name: "huge", input: Shape(height: 4, width: 4, channels: 1))
        var value = graph.input
        for (index, row) in weights.enumerated() {
            value = try graph.convolution("layer\(index)", value, to: 2)
            let inputs = index == 0 ? 1 : 2
            let values = (0..<2).flatMap { output in (0..<inputs).map { row[(output + $0) % row.count] } }
            graph.parameters["layer\(index).weight"] = Tensor(shape: [2, inputs, 1, 1], values: values)
            graph.parameters["layer\(index).bias"] = Tensor(shape: [2], values: [0, 0])
        }
        graph.output = value
        return graph
    }

    @Test(arguments: [
        // Infinity, and then infinity less infinity.
        [[3e38, -3e38], [3e38, -3e38], [3e38, -3e38]],
        // Channels from -3e38 to 3e38, which are further apart than any float.
        [[1e36, -1e36], [1, 0.1], [3e38, 1]],
    ])
    func channelsBeyondFloatsAreRefusedByName(weights: [[Float]]) throws {
        let network = PixelNetwork(graph: try network(weights: weights))
        var generator = SeededGenerator(seed: 1)
        let pictures = (0..<3).map { _ in (0..<16).map { _ in UInt8.random(in: 1...255, using: &generator) } }
        let dataSet = GivenPictures(format: network.inputFormat, pictures: pictures)
        var options = ConversionOptions()
        options.calibrationCount = pictures.count
        do {
            _ = try ConversionPipeline.convert(network, calibration: dataSet, options: options)
            Issue.record("\(weights) was converted")
        } catch let error as CalibrationError {
            guard case .notFinite = error else { throw error }
        }
    }
}
