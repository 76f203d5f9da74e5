/// One scale for all weights of a convolution, and what equalizing its output channels wins back.
import SwiftletFormat
import SwiftletGraph
import SwiftletQuantizer
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite struct WeightScalesTests {
    /// Output channels whose weights differ by up to 64 times, as folded batch norms leave them.
    private func network(seed: UInt64) throws -> CalibratedNetwork {
        var graph = Graph(name: "uneven", input: Shape(height: 10, width: 10, channels: 3))
        var value = try graph.convolution("stem", graph.input, to: 16, .centred(3))
        value = try graph.append(.activation(.relu), name: "relu", input: value)
        value = try graph.convolution("depthwise", value, to: 16, .centred(3), groups: 16)
        value = try graph.append(.activation(.relu6), name: "relu6", input: value)
        graph.output = try graph.convolution("last", value, to: 12, Window(kernel: .one))
        var generator = SeededGenerator(seed: seed)
        graph.randomizeParameters(using: &generator)
        for node in graph.nodes where node.name == "stem" || node.name == "depthwise" {
            guard var weight = graph.parameter("weight", of: node) else { continue }
            let row = weight.values.count / weight.shape[0]
            for index in weight.values.indices {
                weight.values[index] /= Float(1 << (index / row % 7))
            }
            graph.setParameter("weight", of: node, to: weight)
        }
        return try CalibratedNetwork(graph, seed: seed)
    }

    private func calibration(
        _ network: CalibratedNetwork, _ weights: WeightScales, equalizes: Bool = true
    ) -> Calibration {
        var calibration = Calibration(
            ranges: network.ranges, channels: network.channels, equalizesChannels: equalizes)
        calibration.weightScales = weights
        return calibration
    }

    /// Signal to noise of the scores, in decibels.
    private func sqnr(_ network: CalibratedNetwork, _ weights: WeightScales, equalizes: Bool) throws -> Double {
        let model = try Converter.convert(
            network.graph, calibration: calibration(network, weights, equalizes: equalizes), architecture: "test",
            classNames: [], preprocessing: Preprocessing(resize: .stretch, colorOrder: .rgb, mean: [], deviation: []))
        return try network.outputSQNR(model)
    }

    @Test(arguments: [true, false])
    func oneScaleForAllWeightsIsOneMultiplierForAllOutputs(equalizes: Bool) throws {
        for seed in UInt64(1)...3 {
            let network = try network(seed: seed)
            let assembled = try Converter.assemble(
                network.graph, calibration: calibration(network, .perTensor, equalizes: equalizes),
                leastSplitChannels: Converter.leastSplitChannels)
            for operation in assembled.operations {
                let layout = ConvolutionLayout(operation.record)
                let real = (0..<layout.outputChannels).map { channel in
                    let mantissa = operation.parameters.withUnsafeBytes {
                        Int32(
                            littleEndian: $0.loadUnaligned(
                                fromByteOffset: layout.multiplierOffset + channel * 4, as: Int32.self))
                    }
                    let shift = Int8(bitPattern: operation.parameters[layout.shiftOffset + channel])
                    return Double(sign: .plus, exponent: Int(shift), significand: Double(mantissa))
                }
                let (least, most) = (real.min() ?? 0, real.max() ?? 0)
                // What Float32 rounds of scales.
                #expect(most <= least * 1.00001, "seed \(seed) \(operation.name): \(least) to \(most)")
            }
        }
    }

    @Test func equalizedChannelsLoseLessToOneScale() throws {
        var (plain, equalized) = (0.0, 0.0)
        for seed in UInt64(1)...6 {
            let network = try network(seed: seed)
            plain += try sqnr(network, .perTensor, equalizes: false) / 6
            equalized += try sqnr(network, .perTensor, equalizes: true) / 6
        }
        #expect(
            equalized > plain + 0.5, "one scale for all: \(plain) dB, with scales of single channels \(equalized) dB")
    }

    @Test func aScaleForEachChannelLosesLeast() throws {
        for seed in UInt64(1)...3 {
            let network = try network(seed: seed)
            let one = try sqnr(network, .perTensor, equalizes: false)
            let each = try sqnr(network, .perChannel, equalizes: false)
            #expect(each > one, "seed \(seed): \(one) dB with one scale, \(each) dB with one a channel")
        }
    }
}
