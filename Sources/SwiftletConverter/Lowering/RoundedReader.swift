/// A convolution or a mean as far as roundings go: which error the steps of its inputs and weights leave in what it makes.
///
/// What it does not do: choose steps; `ChannelScales` does, by asking.
import SwiftletGraph

struct RoundedReader {
    /// Of the network's operations.
    let operation: Int
    let inputs: [ChannelReference]
    /// Of each input channel, the squares of all weights that it meets.
    let squares: [Double]
    /// Of each output channel, the largest weight of each input of its group.
    private let largest: [[Double]]
    private let firstInput: [Int]
    /// Of each output channel, the squares of its weights for each input of its group.
    private let rowSquares: [[Double]]
    private let taps: Double

    /// A mean has none.
    var hasWeights: Bool { !largest.isEmpty }

    init?(_ network: LoweredNetwork, _ index: Int) {
        let operation = network.operations[index]
        self.operation = index
        let weight: Tensor
        let groups: Int
        switch operation.kind {
        case .convolution(.real(let tensor, _, _), let count): (weight, groups) = (tensor, count)
        case .depthwise(.real(let tensor, _, _)): (weight, groups) = (tensor, operation.inputShape.channels)
        case .mean:
            // As a depthwise convolution whose weights are not rounded.
            inputs = operation.operands[0]
            squares = Array(repeating: 1, count: inputs.count)
            (largest, rowSquares, firstInput, taps) = ([], [], [], 1)
            return
        default: return nil
        }
        inputs = operation.operands[0]
        let (outputs, groupInputs) = (weight.shape[0], weight.shape[1])
        let taps = weight.elementCount / (outputs * groupInputs)
        var squares = [Double](repeating: 0, count: inputs.count)
        var rowSquares = [[Double]](repeating: Array(repeating: 0, count: groupInputs), count: outputs)
        largest = (0..<outputs).map { output in
            let first = output / (outputs / groups) * groupInputs
            return (0..<groupInputs).map { input in
                var most: Float = 0
                for tap in 0..<taps {
                    let value = weight.values[(output * groupInputs + input) * taps + tap]
                    most = max(most, abs(value))
                    squares[first + input] += Double(value) * Double(value)
                    rowSquares[output][input] += Double(value) * Double(value)
                }
                return Double(most)
            }
        }
        firstInput = (0..<outputs).map { $0 / (outputs / groups) * groupInputs }
        self.squares = squares
        self.rowSquares = rowSquares
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

    /// Of each output channel, the step that its largest weight asks for, in steps of its inputs.
    func steps(scales: [Double]) -> [Double] {
        largest.indices.map { output in
            largest[output].indices.reduce(0) {
                max($0, largest[output][$1] * scales[firstInput[output] + $1] / 127)
            }
        }
    }

    /// The same where the weights of all output channels have one scale: the mean over those of the relative error of each, since
    /// whoever reads a channel scales it to what it needs.
    ///
    /// - Parameter outputs: the scale of each output channel, which the steps of its weights are proportional to.
    func relativeErrorOfOneScale(
        scales: [Double], powers: [Double], variances: [Double], outputs: [Double]
    ) -> Double {
        let shared = zip(steps(scales: scales), outputs).reduce(0) { max($0, $1.0 / $1.1) }
        var sum = 0.0
        for (output, squares) in rowSquares.enumerated() {
            let (first, step) = (firstInput[output], shared * outputs[output])
            var (signal, rounding, noise) = (Double.leastNormalMagnitude, 0.0, 0.0)
            for (input, square) in squares.enumerated() {
                let scale = scales[first + input]
                signal += square * powers[first + input]
                noise += square * scale * scale / 12
                rounding += variances[first + input] / (scale * scale)
            }
            sum += min(1, (noise + step * step / 12 * rounding * taps) / signal)
        }
        return sum / Double(max(rowSquares.count, 1))
    }
}
