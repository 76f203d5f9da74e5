/// The scale and the zero point of every channel that flows.
///
/// Each group of channels that must agree (`ScaleGroups`) has one; or each channel of an operation has (`ChannelScales`). What
/// it does not do: choose ranges; calibration or training does.
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
        var own: [Int: [Int]] = [:]
        for (index, quantizations) in channels.sorted(by: { $0.key < $1.key }) {
            let first = network.producerCount + given.count
            own[index] = Array(first..<(first + quantizations.count))
            given += quantizations
        }
        let shared = ScaleGroups(network, own: own)
        groups = shared.groups
        var merged: [Int: ClosedRange<Float>] = [:]
        for (index, operation) in network.operations.enumerated()
        where !operation.keepsScales && channels[index] == nil {
            guard let range = ranges[operation.value] else {
                throw ConversionError.noRange(value: names(operation.value))
            }
            let root = groups[network.inputs.count + index][0]
            merged[root] =
                merged[root].map {
                    min($0.lowerBound, range.lowerBound)...max($0.upperBound, range.upperBound)
                } ?? range
        }
        // What is filled in around a map is of its scale, too.
        for operation in network.operations {
            guard case .pixelIndex(let index) = operation.kind, index.hasFill else { continue }
            let first = operation.operands[0][0]
            let root = groups[first.producer][first.channel]
            guard let range = merged[root] else { continue }
            merged[root] = min(range.lowerBound, index.fill)...max(range.upperBound, index.fill)
        }
        for (root, range) in merged { quantization[root] = AffineQuantization(range) }
        for (index, own) in given.enumerated() { quantization[network.producerCount + index] = own }
        // The picture's scale is given: whatever shares a group with it takes its.
        quantization[groups[0][0]] = input
    }

    func callAsFunction(_ reference: ChannelReference) -> AffineQuantization {
        let quantization = quantization[groups[reference.producer][reference.channel]]!
        return isWide[reference.producer] ? quantization.widened : quantization
    }
}
