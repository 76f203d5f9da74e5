/// The scale and the zero point of every channel that flows.
///
/// Each operation has a scale of its own, even when it writes beside others into one buffer: a convolution that reads them
/// takes the differences into its weights; or each of its channels has one (`ChannelScales`). Only what must agree is made to:
/// the channels of an operand of `add` and `mean`. Pools pass scales through. What it does not do: choose ranges; calibration
/// does.
import SwiftletGraph
import SwiftletQuantizer

struct ScaleAssignment {
    /// One a group of channels that share a scale.
    private var quantization: [Int: AffineQuantization] = [:]
    /// The group of each channel of each producer.
    private var groups: [[Int]] = []
    /// Of each producer, whether it makes 16 bits a channel.
    private var isWide: [Bool] = []

    /// Scales that are given: one a producer.
    init(_ network: LoweredNetwork, given: [AffineQuantization]) {
        groups = (0..<network.producerCount).map {
            Array(repeating: $0, count: network.shape(of: $0).channels)
        }
        for (producer, value) in given.enumerated() { quantization[producer] = value }
        isWide = Array(repeating: false, count: network.producerCount)  // What is given is as it should be.
    }

    /// - Parameters:
    ///   - ranges: the calibrated range of each value that an operation makes.
    ///   - channels: the quantization of each channel of operations where they have scales of their own.
    ///   - input: of the pushed picture.
    init(
        _ network: LoweredNetwork, ranges: [ValueID: ClosedRange<Float>], channels: [Int: [AffineQuantization]] = [:],
        input: AffineQuantization, names: (ValueID) -> String
    )
        throws
    {
        isWide = (0..<network.producerCount).map { network.channelBytes(of: $0) == 2 }
        // Groups of single channels come behind those of whole producers.
        var given: [AffineQuantization] = []
        groups = [Array(repeating: 0, count: network.inputs[0].shape.channels)]
        for (index, operation) in network.operations.enumerated() {
            if operation.keepsScales {
                groups.append(operation.operands[0].map { groups[$0.producer][$0.channel] })
            } else if let own = channels[index] {
                let first = network.producerCount + given.count
                groups.append(Array(first..<(first + own.count)))
                given += own
            } else {
                groups.append(Array(repeating: index + 1, count: operation.outputShape.channels))
            }
        }
        var sets = DisjointSets(count: network.producerCount + given.count)
        func unify(_ references: [ChannelReference], _ sets: inout DisjointSets) {
            // Channels with scales of their own have them where whoever reads them can do with that.
            if groups[references[0].producer][references[0].channel] >= network.producerCount { return }
            for reference in references.dropFirst() {
                sets.join(
                    groups[references[0].producer][references[0].channel], groups[reference.producer][reference.channel]
                )
            }
        }
        for operation in network.operations {
            switch operation.kind {
            case .add, .mean: for operand in operation.operands { unify(operand, &sets) }
            case .maxPool, .averagePool: if operation.clamp.low != nil { unify(operation.operands[0], &sets) }
            case .convolution, .depthwise, .function, .other: break
            }
        }
        for output in network.outputs { unify(output.channels, &sets) }

        var merged: [Int: ClosedRange<Float>] = [:]
        for (index, operation) in network.operations.enumerated()
        where !operation.keepsScales && channels[index] == nil {
            guard let range = ranges[operation.value] else {
                throw ConversionError.noRange(value: names(operation.value))
            }
            let root = sets.root(index + 1)
            merged[root] =
                merged[root].map {
                    min($0.lowerBound, range.lowerBound)...max($0.upperBound, range.upperBound)
                } ?? range
        }
        for (root, range) in merged { quantization[root] = AffineQuantization(range) }
        for (index, own) in given.enumerated() { quantization[network.producerCount + index] = own }
        // The picture's scale is given: whatever shares a group with it takes its.
        quantization[sets.root(0)] = input
        groups = groups.map { $0.map { sets.root($0) } }
    }

    func callAsFunction(_ reference: ChannelReference) -> AffineQuantization {
        let quantization = quantization[groups[reference.producer][reference.channel]]!
        return isWide[reference.producer] ? quantization.widened : quantization
    }
}
