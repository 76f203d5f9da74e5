/// What is between one operator and float, channel by channel: sums over pictures, and where they come from.
///
/// An output's own error is taken apart by comparing it with the int8 value that is nearest to what float makes of the same
/// inputs: from float to there it is rounding or, beyond the range, saturation; from there on it is weights and biases.
/// What it does not do: judge.
import Foundation
import SwiftletGraph
import SwiftletQuantizer

struct LayerErrors {
    /// Sums over the outputs of one channel.
    struct Channel {
        var quantization: AffineQuantization
        /// Of the squares of float.
        var signal = 0.0
        /// Of the squares of the three differences.
        var total = 0.0
        var own = 0.0
        var inherited = 0.0
        /// Of the own differences themselves.
        var shift = 0.0
        /// Parts of `own`: outputs beyond the range, rounding inside of it, and what weights and biases do.
        var saturation = 0.0
        var rounding = 0.0
        var weights = 0.0
        /// Extremes of float on int8's inputs, and of int8.
        var local = (low: Float.infinity, high: -Float.infinity)
        var stored = (low: Float.infinity, high: -Float.infinity)

        /// Whether int8 says the same of every output, though float does not.
        var isDead: Bool { stored.low == stored.high && local.high > local.low }

        /// - Parameter nearest: the number that could be stored and is nearest to `f`.
        fileprivate mutating func add(reference: Float, local f: Float, int8 q: Float, nearest: Float) {
            signal += Double(reference) * Double(reference)
            total += square(q - reference)
            own += square(q - f)
            inherited += square(f - reference)
            shift += Double(q - f)
            // More than half a step away, with room for what Float32 rounds.
            if abs(nearest - f) > 0.501 * quantization.scale {
                saturation += square(nearest - f)
            } else {
                rounding += square(nearest - f)
            }
            weights += square(q - nearest)
            local = (min(local.low, f), max(local.high, f))
            stored = (min(stored.low, q), max(stored.high, q))
        }
    }

    /// Sums over scores.
    struct Scores {
        private(set) var signal = 0.0
        private(set) var noise = 0.0

        mutating func add(_ scores: [Float], _ changed: [Float]) {
            for (a, b) in zip(scores, changed) {
                signal += square(a)
                noise += square(b - a)
            }
        }
    }

    let operation: ConvertedOperation
    /// The node of the graph that the operator, or the share of it, comes from.
    let layer: String
    /// In the operator's stored order.
    private(set) var channels: [Channel]
    /// What float makes of int8's inputs, all channels together.
    private(set) var statistics: ValueStatistics
    /// Whether the layer can have 16 bits.
    let canBeKept: Bool
    /// Outputs of one channel.
    private(set) var count = 0
    var saturated = 0
    /// With the operator's own error alone.
    var scores = Scores()

    init(_ operation: ConvertedOperation, layer: String, canBeKept: Bool = true) {
        self.operation = operation
        self.layer = layer
        self.canBeKept = canBeKept
        channels = operation.quantization.map { Channel(quantization: $0) }
        statistics = ValueStatistics(name: operation.name)
    }

    /// Takes in one picture's maps, `[pixel][channel of the value]`.
    mutating func add(reference: [Float], local: [Float], int8: [Float]) {
        let stride = operation.valueChannels
        let pixels = reference.count / stride
        var own: [Float] = []
        own.reserveCapacity(pixels * channels.count)
        for (position, channel) in operation.channelOrder.enumerated() {
            var sums = channels[position]
            for index in Swift.stride(from: channel, to: pixels * stride, by: stride) {
                let nearest = operation.real(operation.nearest(local[index], position: position), position: position)
                sums.add(reference: reference[index], local: local[index], int8: int8[index], nearest: nearest)
                own.append(local[index])
            }
            channels[position] = sums
        }
        statistics.add(own)
        count += pixels
    }

    /// Adds what int8 makes of its inputs, less what float makes of them, to a map of the value.
    func addOwn(from local: [Float], to int8: [Float], in values: UnsafeMutableBufferPointer<Float>) {
        for channel in operation.channelOrder {
            for index in Swift.stride(from: channel, to: values.count, by: operation.valueChannels) {
                values[index] += int8[index] - local[index]
            }
        }
    }

    /// The sum of a part of the error over all channels, each as much as its weight.
    func sum(_ part: KeyPath<Channel, Double>, weights: [Double]? = nil) -> Double {
        channels.indices.reduce(0) { $0 + channels[$1][keyPath: part] * (weights?[$1] ?? 1) }
    }

    func report(_ operation: ConvertedOperation, weights: FeltWeights, options: ConversionOptions) -> LayerReport {
        let felt = weights.weights(of: self)
        let ends = operation.ends
        // The widest, where channels have scales of their own.
        let widest = operation.quantization.max { $0.scale < $1.scale }!
        func ratio(_ part: KeyPath<Channel, Double>) -> Double { decibels(signal: sum(\.signal), noise: sum(part)) }
        return LayerReport(
            name: operation.name, sqnr: ratio(\.total), own: ratio(\.own), inherited: ratio(\.inherited),
            scores: scores.signal > 0 ? decibels(signal: scores.signal, noise: scores.noise) : nil,
            low: widest.scale * Float(ends.lowerBound - Int(widest.zeroPoint)),
            high: widest.scale * Float(ends.upperBound - Int(widest.zeroPoint)),
            saturation: Double(saturated) / Double(max(count * channels.count, 1)),
            explanation: LayerExplanation(self, weights: felt, options: options))
    }
}

/// 10 log10 of the ratio, -120...120.
func decibels(signal: Double, noise: Double) -> Double {
    noise > 0 ? max(-120, min(10 * log10(max(signal / noise, 1e-12)), 120)) : 120
}

private func square(_ value: Float) -> Double { Double(value) * Double(value) }
