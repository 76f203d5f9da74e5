/// Every operator of a `QuantizedGraph` written down as its specification says it: whole maps, one plain loop each, wide integers.
///
/// Written from "The arithmetic", not from the kernels. What it does not do: rows, packed weights, speed.
import SwiftletArithmetic
import SwiftletConverter
import SwiftletFormat
import SwiftletGraph
import TestSupport

enum IntegerModel {
    /// The output of one operator.
    static func run(_ operation: QuantizedOperation, _ inputs: [IntegerMap], output shape: Shape) -> IntegerMap {
        let input = inputs[0]
        switch operation {
        case .convolution(let convolution):
            return IntegerReference.convolve(
                input, weights: convolution.weights, bias: convolution.bias,
                scales: convolution.multipliers.map(scale), groups: convolution.groups,
                inputZeroPoint: Int32(convolution.inputZeroPoint), window: window(convolution.window, shape),
                range: range(convolution.bounds))
        case .maxPool(let frame, let bounds):
            return IntegerReference.maxPool(input, window: window(frame, shape), range: range(bounds))
        case .averagePool(let frame, let bounds):
            return IntegerReference.averagePool(input, window: window(frame, shape), range: range(bounds))
        case .mean(let multiplier, let zeroPoint, let bounds):
            return IntegerReference.mean(
                input, inputZeroPoint: Int32(zeroPoint), scale: scale(multiplier), range: range(bounds))
        case .binary(let binary): return run(binary, inputs, shape)
        case .lookup(let tables):
            return make(shape) { y, x, c in
                tables[tables.count == 1 ? 0 : c][Int(input[y, x, c]) + 128]
            }
        case .softmax(let softmax, let bounds): return run(softmax, input, shape, bounds)
        case .rearrange(let map):
            return make(shape) { y, x, c in
                guard let row = map.rows[y], let column = map.columns[x],
                    let channel = map.channels.map({ $0[c] }) ?? c
                else { return map.fill }
                return input[row, column, channel]
            }
        case .resizeBilinear(let rows, let columns):
            return make(shape) { y, x, c in
                var sum: Int64 = 0
                let (row, column) = (rows[y], columns[x])
                for (source, weight) in [(row.low, 1024 - row.fraction), (row.high, row.fraction)] {
                    for (place, share) in [(column.low, 1024 - column.fraction), (column.high, column.fraction)] {
                        sum += Int64(input[Int(source), Int(place), c]) * Int64(weight) * Int64(share)
                    }
                }
                return Int8(truncatingIfNeeded: (sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20))
            }
        case .concatenateRows, .concatenateColumns, .concatenateChannels:
            return make(shape) { y, x, c in
                var (y, x, c) = (y, x, c)
                for map in inputs {
                    if y < map.height, x < map.width, c < map.channels { return map[y, x, c] }
                    switch operation {
                    case .concatenateRows: y -= map.height
                    case .concatenateColumns: x -= map.width
                    default: c -= map.channels
                    }
                }
                return 0
            }
        case .selectChannels(let channels): return make(shape) { y, x, c in input[y, x, channels[c]] }
        }
    }

    private static func run(_ binary: QuantizedBinary, _ inputs: [IntegerMap], _ shape: Shape) -> IntegerMap {
        let second =
            binary.constant.map {
                IntegerMap(
                    height: $0.shape.height, width: $0.shape.width, channels: $0.shape.channels, values: $0.values)
            } ?? inputs[1]
        func value(_ map: IntegerMap, _ y: Int, _ x: Int, _ c: Int) -> Int32 {
            Int32(map[map.height == 1 ? 0 : y, map.width == 1 ? 0 : x, map.channels == 1 ? 0 : c])
        }
        let scales = binary.multipliers.map(scale)
        let range = range(binary.bounds)
        return make(shape) { y, x, channel in
            let (a, b) = (value(inputs[0], y, x, channel), value(second, y, x, channel))
            let (left, right) = (a - Int32(binary.firstZeroPoint), b - Int32(binary.secondZeroPoint))
            var result: Int32
            switch binary.kind {
            case .add:
                let (first, last) = (scales[0](left << 20), scales[1](right << 20))
                result = scales[2]((binary.negatesFirst ? -first : first) &+ (binary.negatesSecond ? -last : last))
            case .multiply: result = scales[0](left * right)
            case .prelu: result = left >= 0 ? scales[0](left) : scales[1](left * right)
            case .maximum: return clamp(max(a, b), range)
            default: return clamp(min(a, b), range)
            }
            result += range.zeroPoint
            return clamp(result, range)
        }
    }

    private static func run(
        _ softmax: QuantizedSoftmax, _ input: IntegerMap, _ shape: Shape, _ bounds: OutputBounds
    ) -> IntegerMap {
        guard case .table(let table, let outputScale) = softmax else { return input }
        return make(shape) { y, x, c in
            let values = (0..<input.channels).map { Int(input[y, x, $0]) }
            let terms = values.map { table[values.max()! - $0] }
            // The processor's own Float32.
            let inverse = 1 / (terms.reduce(0, +) * outputScale)
            let rounded = Int32((terms[c] * inverse).rounded(.toNearestOrAwayFromZero))
            return clamp(rounded + Int32(bounds.zeroPoint), range(bounds))
        }
    }

    private static func scale(_ multiplier: FixedPointMultiplier) -> IntegerScale {
        IntegerScale(multiplier: multiplier.multiplier, shift: Int(multiplier.shift))
    }

    private static func range(_ bounds: OutputBounds) -> IntegerRange {
        IntegerRange(zeroPoint: Int32(bounds.zeroPoint), low: Int32(bounds.low), high: Int32(bounds.high))
    }

    private static func clamp(_ value: Int32, _ range: IntegerRange) -> Int8 {
        Int8(max(range.low, min(range.high, value)))
    }

    private static func window(_ window: Window, _ output: Shape) -> IntegerWindow {
        IntegerWindow(
            kernel: (window.kernel.height, window.kernel.width), stride: (window.stride.height, window.stride.width),
            dilation: (window.dilation.height, window.dilation.width),
            padding: (window.padding.top, window.padding.left), output: (output.height, output.width))
    }

    private static func make(_ shape: Shape, _ value: (Int, Int, Int) -> Int8) -> IntegerMap {
        var values: [Int8] = []
        for y in 0..<shape.height {
            for x in 0..<shape.width { for channel in 0..<shape.channels { values.append(value(y, x, channel)) } }
        }
        return IntegerMap(height: shape.height, width: shape.width, channels: shape.channels, values: values)
    }
}
