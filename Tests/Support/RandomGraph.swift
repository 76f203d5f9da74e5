/// Small random networks with random parameters, for tests that compare ways of computing them.
///
/// What it does not do: make networks that could be trained; only that compute finite numbers of moderate size.
import Foundation
import SwiftletGraph

/// `e` to the `value`, in float through double.
func exponential(_ value: Float) -> Float { Float(exp(Double(value))) }

extension Graph {
    /// Fills every parameter: weights of variance 1 / fan-in, biases and batch norms around their usual values, masks as
    /// condensation leaves them.
    public mutating func randomizeParameters(using generator: inout SeededGenerator) {
        for node in nodes {
            let masks = condensedMask(of: node, using: &generator)
            for (name, shape) in parameterShapes where name.hasPrefix("\(node.name).") {
                let suffix = name.dropFirst(node.name.count + 1)
                guard !suffix.contains(".") else { continue }
                if suffix == "mask" {
                    parameters[name] = masks
                    continue
                }
                let fanIn = shape.dropFirst().reduce(1, *)
                let range: ClosedRange<Float> =
                    switch suffix {
                    case "running_var": 0.3...2
                    case "weight" where shape.count == 1: 0.5...1.5
                    case "weight": -(3 / Float(fanIn)).squareRoot()...(3 / Float(fanIn)).squareRoot()
                    default: -0.5...0.5
                    }
                let count = shape.reduce(1, *)
                parameters[name] = Tensor(
                    shape: shape, values: (0..<count).map { _ in Float.random(in: range, using: &generator) })
            }
        }
    }

    private func condensedMask(of node: Node, using generator: inout SeededGenerator) -> Tensor? {
        guard case .learnedGroupConvolution(let learned) = node.operation else { return nil }
        let inputs = shape(of: node.inputs[0]).channels
        var mask: [Float] = []
        for _ in 0..<learned.groups {
            let kept = Set((0..<inputs).shuffled(using: &generator).prefix(inputs / learned.condensationFactor))
            let row: [Float] = (0..<inputs).map { kept.contains($0) ? 1 : 0 }
            for _ in 0..<(learned.outputChannels / learned.groups) { mask += row }
        }
        return Tensor(shape: [learned.outputChannels, inputs, 1, 1], values: mask)
    }

    /// Random values of the shape of the graph's input.
    public func randomInput(
        in range: ClosedRange<Float> = -1...1, using generator: inout SeededGenerator
    ) -> [Float] {
        (0..<inputShape.elementCount).map { _ in Float.random(in: range, using: &generator) }
    }
}

/// Builds random graphs of the operators of the zoo's networks.
public struct RandomGraph {
    private var graph: Graph
    private var generator: SeededGenerator

    /// A network of about `layers` layers that ends in `classes` logits, parameters filled.
    public static func make(seed: UInt64, layers: Int = 8, classes: Int = 3) -> Graph {
        var builder = RandomGraph(seed: seed)
        do {
            return try builder.build(layers: layers, classes: classes)
        } catch {
            preconditionFailure("seed \(seed): \(error)")
        }
    }

    private init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        let size = Int.random(in: 5...9, using: &generator)
        graph = Graph(
            name: "random \(seed)", input: Shape(height: size, width: size + seed.nonzeroBitCount % 3, channels: 3))
    }

    private mutating func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    private mutating func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &generator)! }

    private mutating func build(layers: Int, classes: Int) throws -> Graph {
        var value = graph.input
        for layer in 0..<layers { value = try append("l\(layer)", to: value) }
        if random(0...1) == 0 {
            value = try graph.append(.globalAveragePool, name: "pool", input: value)
        } else {
            value = try graph.append(.flatten, name: "flatten", input: value)
            if random(0...1) == 0 { value = try graph.append(.activation(.relu), name: "flatRelu", input: value) }
        }
        value = try graph.append(.dropout(rate: 0.5), name: "dropout", input: value)
        graph.output = try graph.append(.linear(outputs: classes), name: "classifier", input: value)
        graph.randomizeParameters(using: &generator)
        return graph
    }

    private mutating func append(_ name: String, to value: ValueID) throws -> ValueID {
        let channels = graph.shape(of: value).channels
        switch random(0...12) {
        case 0...3: return try appendConvolution(name, to: value)
        case 4: return try graph.append(.batchNorm(BatchNorm()), name: name, input: value)
        case 5: return try graph.append(.activation(pick([.relu, .relu6])), name: name, input: value)
        case 6:
            let window =
                random(0...1) == 0
                ? pick([.centred(3, stride: random(1...2)), Window(kernel: Extent(1), stride: Extent(1))])
                : crookedWindow(over: graph.shape(of: value), isDilated: false, keepingShape: false)
            return try graph.append(.pool(pick([.max, .average]), window), name: name, input: value)
        case 7:  // A residual: the branch keeps the shape.
            let branch = try appendConvolution("\(name).branch", to: value, keepingShape: true)
            return try graph.append(.add, name: name, inputs: [value, branch])[0]
        case 8:  // Dense connectivity, or a split and transformed half.
            guard channels >= 2, random(0...1) == 0 else {
                let branch = try appendConvolution("\(name).branch", to: value, keepingShape: true)
                return try graph.append(.concat, name: name, inputs: [value, branch])[0]
            }
            let halves = try graph.append(
                .split([channels / 2, channels - channels / 2]), name: "\(name).split", inputs: [value])
            let branch = try appendConvolution("\(name).branch", to: halves[1], keepingShape: true)
            return try graph.append(.concat, name: name, inputs: [halves[0], branch])[0]
        case 9: return try appendGate(name, to: value)
        case 10, 11: return try appendPixels(name, to: value)
        default:
            if let groups = [4, 3, 2].first(where: { channels % $0 == 0 }) {
                return try graph.append(.channelShuffle(groups: groups), name: name, input: value)
            }
            let indices = (0..<random(1...8)).map { _ in random(0...channels - 1) }
            return try graph.append(.channelIndex(indices), name: name, input: value)
        }
    }

    /// Squeeze and excitation, a gate of one channel, a product with a branch, or the greater of two maps.
    private mutating func appendGate(_ name: String, to value: ValueID) throws -> ValueID {
        let kind = random(0...3)
        guard kind < 2 else {
            let branch = try appendConvolution("\(name).branch", to: value, keepingShape: true)
            let operation = kind == 2 ? BinaryKind.multiply : pick([.maximum, .minimum])
            return try graph.append(.binary(operation), name: name, inputs: [value, branch])[0]
        }
        var gate = value
        if kind == 0 { gate = try graph.append(.globalAveragePool, name: "\(name).mean", input: value) }
        let outputs = kind == 0 ? graph.shape(of: value).channels : 1
        gate = try graph.append(
            .convolution(Convolution(outputChannels: outputs, window: Window(kernel: .one), hasBias: true)),
            name: "\(name).gate", input: gate)
        let activation = pick([Activation.sigmoid, .hardSigmoid(slope: 1 / 6, offset: 0.5)])
        gate = try graph.append(.activation(activation), name: "\(name).sigmoid", input: gate)
        return try graph.append(
            .binary(.multiply), name: name, inputs: Bool.random(using: &generator) ? [value, gate] : [gate, value])[0]
    }

    /// Padding, cuts, steps, flips; resizing; a map below or beside another.
    private mutating func appendPixels(_ name: String, to value: ValueID) throws -> ValueID {
        let shape = graph.shape(of: value)
        switch random(0...2) {
        case 0:
            let fill = pick([Float(0), 0.75, -2])
            func indices(_ size: Int) -> [Int?] {
                let all = Array(0..<size)
                switch random(0...4) {
                case 0: return [nil] + all.map { $0 } + [nil, nil]
                case 1: return (-1...size).map { min(max($0, 0), size - 1) }
                case 2: return all.reversed()
                case 3: return Array(all.dropFirst(min(1, size - 1)))
                default: return all.filter { $0 % 2 == 0 }
                }
            }
            let index = PixelIndex(rows: indices(shape.height), columns: indices(shape.width), fill: fill)
            return try graph.append(.pixelIndex(index), name: name, input: value)
        case 1:
            func points(_ size: Int) -> [Interpolation.Point] {
                let count = random(max(1, size / 2)...min(size * 2, 16))
                return (0..<count).map { index in
                    let place = max(0, (Float(index) + 0.5) * Float(size) / Float(count) - 0.5)
                    let low = min(Int(place), size - 1)
                    return .init(
                        low: low, high: min(low + 1, size - 1), fraction: low + 1 < size ? place - Float(low) : 0)
                }
            }
            let resize = Interpolation(rows: points(shape.height), columns: points(shape.width))
            return try graph.append(.interpolate(resize), name: name, input: value)
        default:
            guard max(shape.height, shape.width) <= 16 else { return value }
            let branch = try appendConvolution("\(name).branch", to: value, keepingShape: true)
            return try graph.append(.join(pick([.rows, .columns])), name: name, inputs: [value, branch])[0]
        }
    }

    /// A window with sizes, strides and paddings of its own in every direction. Every window without dilation has a tap
    /// inside of the map.
    private mutating func crookedWindow(over shape: Shape, isDilated: Bool, keepingShape: Bool) -> Window {
        func side(_ size: Int, _ random: (ClosedRange<Int>) -> Int) -> (Int, Int, Int, Int, Int) {
            let dilation = isDilated ? random(1...3) : 1
            let kernel = random(1...4)
            let span = (kernel - 1) * dilation + 1
            let before = random(0...(span - 1))
            let after = keepingShape ? span - 1 - before : max(random(0...(span - 1)), span - size - before)
            return (kernel, keepingShape ? 1 : random(1...3), dilation, before, after)
        }
        let rows = side(shape.height) { random($0) }
        let columns = side(shape.width) { random($0) }
        return Window(
            kernel: Extent(height: rows.0, width: columns.0), stride: Extent(height: rows.1, width: columns.1),
            padding: Padding(top: rows.3, left: columns.3, bottom: rows.4, right: columns.4),
            dilation: Extent(height: rows.2, width: columns.2))
    }

    /// Dense, grouped, depthwise or learned; with and without bias, batch norm, activation.
    private mutating func appendConvolution(
        _ name: String, to value: ValueID, keepingShape: Bool = false
    ) throws -> ValueID {
        let channels = graph.shape(of: value).channels
        let kernel = pick([1, 1, 3, 3, 5])
        let window =
            random(0...2) == 0
            ? crookedWindow(over: graph.shape(of: value), isDilated: random(0...1) == 0, keepingShape: keepingShape)
            : Window.centred(kernel, stride: keepingShape ? 1 : random(1...2))
        var convolution = Convolution(
            outputChannels: keepingShape ? channels : random(1...14), window: window, hasBias: random(0...1) == 0)
        var operation = Operator.convolution(convolution)
        switch random(0...3) {
        case 0:
            convolution.outputChannels = channels
            convolution.groups = channels
            operation = .convolution(convolution)
        case 1 where channels % 2 == 0 && convolution.outputChannels % 2 == 0:
            convolution.groups = 2
            operation = .convolution(convolution)
        case 2 where channels % 2 == 0 && convolution.outputChannels % 2 == 0:
            operation = .learnedGroupConvolution(
                LearnedGroupConvolution(
                    outputChannels: convolution.outputChannels, groups: 2, condensationFactor: 2))
        default: break
        }
        var value = try graph.append(operation, name: "\(name).conv", input: value)
        if random(0...2) == 0, graph.shape(of: value).channels % 2 == 0 {
            value = try graph.append(.channelShuffle(groups: 2), name: "\(name).shuffle", input: value)
        }
        if random(0...1) == 0 { value = try graph.append(.batchNorm(BatchNorm()), name: "\(name).norm", input: value) }
        if random(0...1) == 0 { value = try graph.append(.activation(.relu), name: "\(name).relu", input: value) }
        return value
    }
}
