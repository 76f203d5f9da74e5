/// The operators that may have maps of 16 bits, written down as their specification says it: whole maps, plain loops.
///
/// What it does not do: rows, packed weights, speed.
import SwiftletArithmetic
import SwiftletConverter
import SwiftletGraph
import TestSupport

enum WideModel {
    struct Map {
        var shape: Shape
        var values: [Int]

        subscript(y: Int, x: Int, channel: Int) -> Int { values[(y * shape.width + x) * shape.channels + channel] }

        /// Nil outside of the map.
        func tap(_ y: Int, _ x: Int, _ channel: Int) -> Int? {
            0..<shape.height ~= y && 0..<shape.width ~= x ? self[y, x, channel] : nil
        }
    }

    /// `x` times a multiplier of 16 bits, once rounded, halves up.
    static func scale(_ multiplier: FixedPointMultiplier, _ x: Int) -> Int {
        let reduced = min((Int(multiplier.multiplier) + 32768) / 65536, 32767)
        let divisor = 1 << (15 - Int(multiplier.shift))
        let sum = x * reduced + divisor / 2
        return sum >= 0 ? sum / divisor : -((-sum + divisor - 1) / divisor)
    }

    /// - Parameter areWide: which of the inputs have 16 bits.
    static func run(
        _ node: QuantizedGraph.Node, inputs: [Map], areWide: [Bool], output: QuantizedGraph.Value
    ) -> Map {
        let shape = output.shape
        guard output.isWide || areWide.contains(true) else {
            let bytes = inputs.map { map in
                IntegerMap(
                    height: map.shape.height, width: map.shape.width, channels: map.shape.channels,
                    values: map.values.map { Int8($0) })
            }
            return Map(
                shape: shape, values: IntegerModel.run(node.operation, bytes, output: shape).values.map { Int($0) })
        }
        func clamp(_ value: Int, _ bounds: OutputBounds) -> Int {
            let (low, high) = (Int(bounds.low), Int(bounds.high))
            let range = output.isWide ? low * 256...high * 256 + 255 : low...high
            return min(max(value + Int(bounds.zeroPoint), range.lowerBound), range.upperBound)
        }
        func taps(_ window: Window, _ y: Int, _ x: Int, _ channel: Int) -> [Int?] {
            (0..<window.kernel.height).flatMap { ky in
                (0..<window.kernel.width).map { kx in
                    inputs[0].tap(
                        y * window.stride.height - window.padding.top + ky * window.dilation.height,
                        x * window.stride.width - window.padding.left + kx * window.dilation.width, channel)
                }
            }
        }
        switch node.operation {
        case .convolution(let convolution):
            let groupInputs = inputs[0].shape.channels / convolution.groups
            let groupOutputs = shape.channels / convolution.groups
            let count = convolution.window.kernel.height * convolution.window.kernel.width
            return make(shape) { y, x, channel in
                var sum = Int(convolution.bias[channel])
                for input in 0..<groupInputs {
                    let source = channel / groupOutputs * groupInputs + input
                    for (tap, value) in taps(convolution.window, y, x, source).enumerated() {
                        guard let value else { continue }
                        let weight = convolution.weights[(channel * count + tap) * groupInputs + input]
                        sum += (value - Int(convolution.inputZeroPoint)) * Int(weight)
                    }
                }
                return clamp(scale(convolution.multipliers[channel], sum), convolution.bounds)
            }
        case .maxPool(let window, let bounds):
            return make(shape) { y, x, channel in
                clamp(taps(window, y, x, channel).compactMap { $0 }.max() ?? -32768, bounds)
            }
        case .averagePool(let window, let bounds):
            return make(shape) { y, x, channel in
                let values = taps(window, y, x, channel).compactMap { $0 }
                let (sum, count) = (values.reduce(0, +), max(values.count, 1))
                return clamp((sum > 0 ? sum + count / 2 : sum - count / 2) / count, bounds)
            }
        case .mean(let multiplier, let zeroPoint, let bounds):
            return make(shape) { _, _, channel in
                let pixels = inputs[0].shape.height * inputs[0].shape.width
                let sum = (0..<pixels).reduce(0) { $0 + inputs[0].values[$1 * shape.channels + channel] }
                return clamp(scale(multiplier, sum - pixels * Int(zeroPoint)), bounds)
            }
        case .binary(let binary):
            let scales = binary.multipliers.map { IntegerScale(multiplier: $0.multiplier, shift: Int($0.shift)) }
            return make(shape) { y, x, channel in
                let first = scales[0](Int32(inputs[0][y, x, channel] - Int(binary.firstZeroPoint)) << 15)
                let second = scales[1](Int32(inputs[1][y, x, channel] - Int(binary.secondZeroPoint)) << 15)
                let sum = (binary.negatesFirst ? -first : first) &+ (binary.negatesSecond ? -second : second)
                return clamp(Int(scales[2](sum)), binary.bounds)
            }
        case .selectChannels(let channels):
            return make(shape) { y, x, channel in inputs[0][y, x, channels[channel]] }
        default:  // Concatenation of channels.
            return make(shape) { y, x, channel in
                channel < inputs[0].shape.channels
                    ? inputs[0][y, x, channel] : inputs[1][y, x, channel - inputs[0].shape.channels]
            }
        }
    }

    private static func make(_ shape: Shape, _ value: (Int, Int, Int) -> Int) -> Map {
        var values: [Int] = []
        for y in 0..<shape.height {
            for x in 0..<shape.width { for channel in 0..<shape.channels { values.append(value(y, x, channel)) } }
        }
        return Map(shape: shape, values: values)
    }
}
