/// Computes a graph in float, one plain loop an operator: slow and obvious, for comparing other ways of computing with it.
///
/// Sums are taken in double, so that what differs is the other side's rounding. What it does not do: train; batch norm uses
/// its running statistics, dropout passes.
import Foundation
import SwiftletGraph

/// A feature map with its numbers, rows x columns x channels.
public struct FeatureMap {
    public var shape: Shape
    public var values: [Float]

    public init(_ shape: Shape, values: [Float]) {
        precondition(shape.elementCount == values.count, "\(shape) does not hold \(values.count) values")
        self.shape = shape
        self.values = values
    }

    public init(_ shape: Shape) { self.init(shape, values: Array(repeating: 0, count: shape.elementCount)) }

    public subscript(y: Int, x: Int, channel: Int) -> Float {
        get { values[(y * shape.width + x) * shape.channels + channel] }
        set { values[(y * shape.width + x) * shape.channels + channel] = newValue }
    }

    /// Whether row `y` and column `x` lie in the map.
    func contains(_ y: Int, _ x: Int) -> Bool { (0..<shape.height).contains(y) && (0..<shape.width).contains(x) }
}

public enum ReferenceInterpreter {
    /// The output for one picture, `graph.inputShape` in NHWC order.
    public static func run(_ graph: Graph, input: [Float]) -> [Float] {
        runAll(graph, input: input)[graph.output]!.values
    }

    /// Every value of the graph for one picture.
    ///
    /// - Parameter replace: is given each value as it has been computed, and returns what later nodes read.
    public static func runAll(
        _ graph: Graph, input: [Float], replace: (ValueID, FeatureMap) -> FeatureMap = { $1 }
    ) -> [ValueID: FeatureMap] {
        var maps = [graph.input: FeatureMap(graph.inputShape, values: input)]
        for node in graph.nodes {
            let outputs = compute(node, of: graph, node.inputs.map { maps[$0]! })
            for (value, map) in zip(node.outputs, outputs) {
                precondition(map.shape == graph.shape(of: value), "\(node.name) made \(map.shape)")
                maps[value] = replace(value, map)
            }
        }
        return maps
    }

    private static func compute(_ node: Node, of graph: Graph, _ inputs: [FeatureMap]) -> [FeatureMap] {
        let input = inputs[0]
        func parameter(_ suffix: String) -> [Float] { graph.parameter(suffix, of: node)!.values }
        switch node.operation {
        case .convolution(let convolution):
            let bias = convolution.hasBias ? parameter("bias") : nil
            return [convolve(input, convolution, weight: parameter("weight"), bias: bias)]
        case .learnedGroupConvolution(let learned):
            let masked = zip(parameter("weight"), parameter("mask")).map { $0 * $1 }
            let dense = Convolution(outputChannels: learned.outputChannels, window: Window(kernel: .one))
            return [convolve(input, dense, weight: masked, bias: nil)]
        case .linear(let outputs):
            let dense = Convolution(outputChannels: outputs, window: Window(kernel: .one), hasBias: true)
            return [convolve(input, dense, weight: parameter("weight"), bias: parameter("bias"))]
        case .batchNorm(let batchNorm):
            let (weight, bias) = (parameter("weight"), parameter("bias"))
            let (mean, variance) = (parameter("running_mean"), parameter("running_var"))
            return [
                perElement(input) { value, channel in
                    let deviation = (Double(variance[channel]) + Double(batchNorm.epsilon)).squareRoot()
                    return Float(
                        (Double(value) - Double(mean[channel])) / deviation * Double(weight[channel])
                            + Double(bias[channel]))
                }
            ]
        case .activation(let activation):
            return [perElement(input) { value, _ in apply(activation, value) }]
        case .pool(let kind, let window):
            return [pool(input, kind, window)]
        case .globalAveragePool:
            let whole = Window(kernel: Extent(height: input.shape.height, width: input.shape.width))
            return [pool(input, .average, whole)]
        case .add:
            return [FeatureMap(input.shape, values: zip(input.values, inputs[1].values).map { $0 + $1 })]
        case .binary(let kind):
            return [combine(kind, input, inputs[1], to: graph.shape(of: node.outputs[0]))]
        case .pixelIndex(let index):
            var output = FeatureMap(graph.shape(of: node.outputs[0]))
            for (y, row) in index.rows.enumerated() {
                for (x, column) in index.columns.enumerated() {
                    for channel in 0..<input.shape.channels {
                        guard let row, let column else {
                            output[y, x, channel] = index.fill
                            continue
                        }
                        output[y, x, channel] = input[row, column, channel]
                    }
                }
            }
            return [output]
        case .interpolate(let resize):
            return [interpolate(input, resize)]
        case .join(let axis):
            let second = inputs[1]
            var output = FeatureMap(graph.shape(of: node.outputs[0]))
            for y in 0..<output.shape.height {
                for x in 0..<output.shape.width {
                    for channel in 0..<output.shape.channels {
                        output[y, x, channel] =
                            input.contains(y, x)
                            ? input[y, x, channel]
                            : axis == .rows
                                ? second[y - input.shape.height, x, channel] : second[y, x - input.shape.width, channel]
                    }
                }
            }
            return [output]
        case .concat:
            return [
                select(
                    inputs.enumerated().flatMap { map, input in (0..<input.shape.channels).map { (map, $0) } }, inputs)
            ]
        case .split(let counts):
            var first = 0
            return counts.map { count in
                defer { first += count }
                return select((first..<(first + count)).map { (0, $0) }, inputs)
            }
        case .channelShuffle(let groups):
            var order = Array(repeating: 0, count: input.shape.channels)
            let perGroup = input.shape.channels / groups
            for group in 0..<groups {
                for index in 0..<perGroup { order[index * groups + group] = group * perGroup + index }
            }
            return [select(order.map { (0, $0) }, inputs)]
        case .channelIndex(let indices):
            return [select(indices.map { (0, $0) }, inputs)]
        case .flatten:
            return [FeatureMap(Shape(height: 1, width: 1, channels: input.values.count), values: input.values)]
        case .dropout:
            return [input]
        }
    }

    private static func combine(
        _ kind: BinaryKind, _ first: FeatureMap, _ second: FeatureMap, to shape: Shape
    ) -> FeatureMap {
        func value(_ map: FeatureMap, _ y: Int, _ x: Int, _ channel: Int) -> Float {
            map[min(y, map.shape.height - 1), min(x, map.shape.width - 1), min(channel, map.shape.channels - 1)]
        }
        var output = FeatureMap(shape)
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                for channel in 0..<shape.channels {
                    let (a, b) = (value(first, y, x, channel), value(second, y, x, channel))
                    switch kind {
                    case .multiply: output[y, x, channel] = a * b
                    case .maximum: output[y, x, channel] = max(a, b)
                    case .minimum: output[y, x, channel] = min(a, b)
                    }
                }
            }
        }
        return output
    }

    private static func interpolate(_ input: FeatureMap, _ resize: Interpolation) -> FeatureMap {
        var output = FeatureMap(
            Shape(height: resize.rows.count, width: resize.columns.count, channels: input.shape.channels))
        for (y, row) in resize.rows.enumerated() {
            for (x, column) in resize.columns.enumerated() {
                for channel in 0..<input.shape.channels {
                    func mix(_ y: Int) -> Double {
                        let fraction = Double(column.fraction)
                        return Double(input[y, column.low, channel]) * (1 - fraction)
                            + Double(input[y, column.high, channel]) * fraction
                    }
                    let fraction = Double(row.fraction)
                    output[y, x, channel] = Float(mix(row.low) * (1 - fraction) + mix(row.high) * fraction)
                }
            }
        }
        return output
    }

    private static func convolve(
        _ input: FeatureMap, _ convolution: Convolution, weight: [Float], bias: [Float]?
    ) -> FeatureMap {
        let window = convolution.window
        var shape = window.outputShape(of: input.shape)!
        shape.channels = convolution.outputChannels
        let groupInputs = input.shape.channels / convolution.groups
        let groupOutputs = convolution.outputChannels / convolution.groups
        var output = FeatureMap(shape)
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                for channel in 0..<shape.channels {
                    var sum = Double(bias?[channel] ?? 0)
                    for i in 0..<groupInputs {
                        let inputChannel = channel / groupOutputs * groupInputs + i
                        for ky in 0..<window.kernel.height {
                            for kx in 0..<window.kernel.width {
                                let row = y * window.stride.height - window.padding.top + ky * window.dilation.height
                                let column = x * window.stride.width - window.padding.left + kx * window.dilation.width
                                let pad = convolution.padValues?[inputChannel] ?? 0
                                let value = input.contains(row, column) ? input[row, column, inputChannel] : pad
                                let tap =
                                    ((channel * groupInputs + i) * window.kernel.height + ky) * window.kernel.width
                                sum += Double(value) * Double(weight[tap + kx])
                            }
                        }
                    }
                    output[y, x, channel] = Float(sum)
                }
            }
        }
        return output
    }

    private static func pool(_ input: FeatureMap, _ kind: PoolKind, _ window: Window) -> FeatureMap {
        var output = FeatureMap(window.outputShape(of: input.shape)!)
        for y in 0..<output.shape.height {
            for x in 0..<output.shape.width {
                for channel in 0..<output.shape.channels {
                    var taps: [Float] = []
                    for ky in 0..<window.kernel.height {
                        for kx in 0..<window.kernel.width {
                            let row = y * window.stride.height - window.padding.top + ky * window.dilation.height
                            let column = x * window.stride.width - window.padding.left + kx * window.dilation.width
                            if input.contains(row, column) { taps.append(input[row, column, channel]) }
                        }
                    }
                    switch kind {
                    case .max: output[y, x, channel] = taps.max() ?? -.infinity
                    case .average:
                        let sum = taps.reduce(0.0) { $0 + Double($1) }
                        output[y, x, channel] = taps.isEmpty ? 0 : Float(sum / Double(taps.count))
                    }
                }
            }
        }
        return output
    }

    private static func apply(_ activation: Activation, _ value: Float) -> Float {
        switch activation {
        case .relu: max(value, 0)
        case .relu6: min(max(value, 0), 6)
        case .leakyReLU(let slope): value < 0 ? slope * value : value
        case .sigmoid: 1 / (1 + exponential(-value))
        case .tanh: 2 / (1 + exponential(-2 * value)) - 1
        case .swish: value / (1 + exponential(-value))
        case .elu(let alpha): value > 0 ? value : alpha * (exponential(value) - 1)
        case .hardSwish: value * min(max(value + 3, 0), 6) / 6
        case .hardSigmoid(let slope, let offset): min(max(slope * value + offset, 0), 1)
        case .power(let scale, let offset, let exponent):
            Float(pow(Double(scale * value + offset), Double(exponent)))
        }
    }

    private static func perElement(_ input: FeatureMap, _ function: (Float, Int) -> Float) -> FeatureMap {
        let channels = input.shape.channels
        return FeatureMap(
            input.shape, values: input.values.enumerated().map { index, value in function(value, index % channels) })
    }

    /// A map whose channel `i` is channel `sources[i].channel` of map `sources[i].map`.
    private static func select(_ sources: [(map: Int, channel: Int)], _ inputs: [FeatureMap]) -> FeatureMap {
        var shape = inputs[0].shape
        shape.channels = sources.count
        var output = FeatureMap(shape)
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                for (channel, source) in sources.enumerated() {
                    output[y, x, channel] = inputs[source.map][y, x, source.channel]
                }
            }
        }
        return output
    }
}
