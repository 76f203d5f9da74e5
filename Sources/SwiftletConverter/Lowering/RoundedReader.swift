/// A convolution or a mean as far as roundings go: which error the steps of its inputs and weights leave in what it makes.
///
/// What it does not do: choose steps; `ChannelScales` does, by asking.
import SwiftletGraph

struct RoundedReader {
    let inputs: [ChannelReference]
    /// Of each input channel, the squares of all weights that it meets.
    let squares: [Double]
    /// Of each output channel, the largest weight of each input of its group.
    private let largest: [[Double]]
    private let firstInput: [Int]
    private let taps: Double

    init?(_ network: LoweredNetwork, _ index: Int) {
        let operation = network.operations[index]
        let weight: Tensor
        let groups: Int
        switch operation.kind {
        case .convolution(.real(let tensor, _, _), let count): (weight, groups) = (tensor, count)
        case .depthwise(.real(let tensor, _, _)): (weight, groups) = (tensor, operation.inputShape.channels)
        case .mean:
            // As a depthwise convolution whose weights are not rounded.
            inputs = operation.operands[0]
            squares = Array(repeating: 1, count: inputs.count)
            (largest, firstInput, taps) = ([], [], 1)
            return
        default: return nil
        }
        inputs = operation.operands[0]
        let (outputs, groupInputs) = (weight.shape[0], weight.shape[1])
        let taps = weight.elementCount / (outputs * groupInputs)
        var squares = [Double](repeating: 0, count: inputs.count)
        largest = (0..<outputs).map { output in
            let first = output / (outputs / groups) * groupInputs
            return (0..<groupInputs).map { input in
                var most: Float = 0
                for tap in 0..<taps {
                    let value = weight.values[(output * groupInputs + input) * taps + tap]
                    most = max(most, abs(value))
                    squares[first + input] += Double(value) * Double(value)
                }
                return Double(most)
            }
        }
        firstInput = (0..<outputs).map { $0 / (outputs / groups) * groupInputs }
        self.squares = squares
        self.taps = Double(taps)
    }

    /// - Parameters:
    ///   - scales: of each input channel.
    ///   - powers: the mean square of each.
    ///   - variances: what is left of it without the mean, whose part biases give back.
    func relativeError(scales: [Double], powers: [Double], variances: [Double]) -> Double {
        var signal = Double.leastNormalMagnitude
        var noise = 0.0
        for channel in inputs.indices {
            signal += squares[channel] * powers[channel]
            noise += squares[channel] * scales[channel] * scales[channel] / 12
        }
        for (output, weights) in largest.enumerated() {
            let first = firstInput[output]
            var step = 0.0
            var steps = 0.0
            for (input, weight) in weights.enumerated() {
                let scale = scales[first + input]
                step = max(step, weight * scale / 127)
                steps += variances[first + input] / (scale * scale)
            }
            noise += step * step / 12 * steps * taps
        }
        return noise / signal
    }
}
