/// Biases that give back what int8 as a whole takes from means: the model is run beside float on the same pictures.
///
/// What rounding its weights takes from a layer's mean is given back when they are packed (`StoredConvolution`). But layers round and
/// clamp what they make as well, and the means of channels drift. Of the drift that is seen, part is inherited, and goes
/// when the layers before are mended; each convolution's bias takes back the rest. A bias is felt by those outputs alone
/// that the activation does not clamp, and which these are changes with it, hence a few rounds. What they leave, for clamps do not
/// let through just what is given back before them, the last convolution makes up for: nothing behind it could.
///
/// Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", appendix D, which mends
/// layers one after the other; that each knows its own part lets all be mended at once.
/// What it does not do: see through tables; what is behind one counts as inherited.
import Foundation
import SwiftletFormat
import SwiftletGraph
import SwiftletHost

struct EmpiricalBiasCorrection {
    /// Pictures that are looked at.
    static let pictures = 128
    static let rounds = 3
    /// A channel of which less is left unclamped is taken to feel its bias as if this much were: to mend the mean of a few outputs, many that are
    /// clamped would be let loose.
    fileprivate static let leastSlope = 0.3

    /// The float means of the channels of values, over the very pictures of `batches`.
    let means: [ValueID: [Float]]
    let batches: PixelBatches
    let threads: Int

    /// - Parameters:
    ///   - first: the operation from which on biases are corrected.
    ///   - file: writes a network into a file.
    /// - Throws: what the data set throws.
    func correct(_ network: inout AssembledNetwork, from first: Int = 0, file: (AssembledNetwork) throws -> [UInt8])
        throws
    {
        try mend(&network, from: first, file: file)
        let last = network.lastConvolution
        if first < last { try mend(&network, from: last, file: file) }
    }

    private func mend(
        _ network: inout AssembledNetwork, from first: Int, file: (AssembledNetwork) throws -> [UInt8]
    ) throws {
        let uncorrected = network.operations.map(\.parameters)
        /// What each convolution's biases have been lowered by.
        var corrections = network.operations.map { [Double](repeating: 0, count: $0.outputOrder.count) }
        for _ in 0..<Self.rounds {
            let model = try ModelFile(contents: file(network), path: "the converted model")
            let seen = try ChannelWatcher.watch(model, network.operations, over: batches, threads: threads)
            var drifts = Drifts(network)
            for index in network.operations.indices.dropFirst(first) {
                var operation = network.operations[index]
                operation.parameters = uncorrected[index]
                let found = drifts.add(
                    operation, seen[index], means: means[operation.value], correction: corrections[index])
                corrections[index] = operation.lowerBiases(by: found)
                network.operations[index].parameters = operation.parameters
            }
        }
    }
}

/// By how many of its steps the mean of a channel is above that of float.
private struct Drift {
    /// As it is.
    var seen = 0.0
    /// As it will be when all convolutions up to it have been mended.
    var own = 0.0
    var scale = 1.0
}

/// Of each slot of each buffer.
private struct Drifts {
    private var drifts: [[Drift]]

    init(_ network: AssembledNetwork) {
        drifts = network.buffers.map { Array(repeating: Drift(), count: $0.pixelBytes) }
    }

    /// Takes in what an operation was seen to make, after all operations before it.
    ///
    /// - Parameters:
    ///   - means: of its value's channels in float.
    ///   - correction: what the biases were lowered by when that was seen.
    /// - Returns: what they should be lowered by.
    mutating func add(
        _ operation: AssembledOperation, _ statistics: ChannelWatcher.Statistics, means: [Float]?, correction: [Double]
    ) -> [Double] {
        guard let means else { return correction }
        let seen = operation.outputQuantization.enumerated().map { position, quantization in
            let real = Double(means[operation.valueOrder[position]])
            return statistics.means[position] - Double(quantization.zeroPoint) - real / Double(quantization.scale)
        }
        let inputs = operation.input.slots.map { drifts[operation.input.buffer][$0] }
        var correction = correction
        var own = seen
        switch operation.record.operatorKind {
        case .convolution, .depthwiseConvolution:
            // What will be gone of what it inherits, in steps of its accumulators.
            let gone = operation.sums(of: inputs.map { $0.seen - $0.own })
            for channel in seen.indices {
                let unclamped = statistics.unclamped[channel]
                let slope = max(unclamped, EmpiricalBiasCorrection.leastSlope)
                correction[channel] +=
                    seen[channel] / (slope * operation.multiplier(channel)) - gone[channel] * unclamped / slope
                own[channel] = 0
            }
        case .lookup, .multiply, .maximum, .minimum, .concatenate:
            own = seen.map { _ in 0 }
        default:
            for operand in [operation.input] + (operation.second.map { [$0] } ?? []) {
                for (channel, slot) in operand.slots.enumerated() {
                    let input = drifts[operand.buffer][slot]
                    let share = input.scale / Double(operation.outputQuantization[channel].scale)
                    own[channel] -= share * (input.seen - input.own)
                }
            }
        }
        for (position, slot) in operation.output.slots.enumerated() {
            drifts[operation.output.buffer][slot] = Drift(
                seen: seen[position], own: own[position],
                scale: Double(operation.outputQuantization[position].scale))
        }
        return correction
    }
}

extension AssembledNetwork {
    /// The last operation that has a bias; 0 where none has.
    var lastConvolution: Int { operations.lastIndex { $0.record.operatorKind == .convolution } ?? 0 }
}

extension AssembledOperation {
    /// The accumulators' real value in steps of the output.
    fileprivate func multiplier(_ channel: Int) -> Double {
        let layout = ConvolutionLayout(record)
        let mantissa = parameters.withUnsafeBytes {
            Int32(littleEndian: $0.loadUnaligned(fromByteOffset: layout.multiplierOffset + channel * 4, as: Int32.self))
        }
        let shift = Int8(bitPattern: parameters[layout.shiftOffset + channel])
        return scalbn(Double(mantissa), Int(shift) - 31)
    }

    private func weight(_ layout: ConvolutionLayout, output: Int, tap: Int, input: Int) -> Double {
        let place = layout.weightsOffset + layout.weightIndex(output: output, tap: tap, input: input)
        return Double(Int8(bitPattern: parameters[place]))
    }

    /// The mean of each output channel, in steps of its accumulators, of what a convolution's weights make of `inputs`: a number for each
    /// stored input channel, 0 in padding.
    fileprivate func sums(of inputs: [Double]) -> [Double] {
        let layout = ConvolutionLayout(record)
        let shares = window.tapShares(
            of: Shape(height: Int(record.inputHeight), width: Int(record.inputWidth), channels: layout.inputChannels),
            outputs: Shape(
                height: Int(record.outputHeight), width: Int(record.outputWidth), channels: layout.outputChannels))
        let groupInputs = layout.isDepthwise ? 1 : layout.groupInputs
        return (0..<layout.outputChannels).map { channel in
            let first =
                layout.isDepthwise
                ? channel / (layout.outputChannels / layout.inputChannels)
                : channel / layout.groupOutputs * layout.groupInputs
            var sum = 0.0
            for tap in 0..<layout.taps {
                for input in 0..<groupInputs {
                    sum += weight(layout, output: channel, tap: tap, input: input) * shares[tap] * inputs[first + input]
                }
            }
            return sum
        }
    }

    /// Lowers the biases of a convolution, but none so far that a sum could leave 32 bits: such a bias dwarfs what there is to
    /// give back.
    ///
    /// - Returns: what they have been lowered by.
    fileprivate mutating func lowerBiases(by wanted: [Double]) -> [Double] {
        guard record.operatorKind == .convolution || record.operatorKind == .depthwiseConvolution else { return wanted }
        let layout = ConvolutionLayout(record)
        let groupInputs = layout.isDepthwise ? 1 : layout.groupInputs
        let hasBytes = record.flags.isDisjoint(with: .wideMaps)
        return wanted.enumerated().map { channel, amount in
            var bound = 0.0
            for tap in 0..<layout.taps {
                for input in 0..<groupInputs {
                    // Where a map has 16 bits, sums have 64, and the bias alone must fit.
                    if hasBytes { bound += 255 * abs(weight(layout, output: channel, tap: tap, input: input)) }
                }
            }
            let bias = parameters.withUnsafeBytes {
                Int32(littleEndian: $0.loadUnaligned(fromByteOffset: channel * 4, as: Int32.self))
            }
            let lowered = (Double(bias) - amount).rounded(.toNearestOrAwayFromZero)
            guard abs(lowered) + bound < 2_147_483_647 else { return 0 }
            parameters.store(Int32(lowered), at: channel * 4)
            return Double(bias) - lowered
        }
    }
}
