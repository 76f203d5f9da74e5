/// QuantizedGraph -> LoweredNetwork: the integers stay as they are, movement of channels becomes references.
///
/// Channels that go straight from an input to an output or into a concatenation are copied by an operator, for an input's
/// channels lie where the pushed row has them. What it does not do: check integers that `ModelReader` checks.
import SwiftletFormat
import SwiftletGraph
import SwiftletQuantizer

struct QuantizedLowering {
    private let graph: QuantizedGraph
    private var operations: [LoweredOperation] = []
    private var quantizations: [AffineQuantization]
    /// The channels of each value that has been reached.
    private var channels: [Int: [ChannelReference]] = [:]

    /// - Returns: the network, and the scale of what each producer makes.
    static func lower(_ graph: QuantizedGraph) throws -> (LoweredNetwork, [AffineQuantization]) {
        try graph.check()
        var lowering = QuantizedLowering(graph)
        return try lowering.run()
    }

    private init(_ graph: QuantizedGraph) {
        self.graph = graph
        quantizations = graph.inputs.map { graph.values[$0].quantization }
    }

    private mutating func run() throws -> (LoweredNetwork, [AffineQuantization]) {
        for (index, input) in graph.inputs.enumerated() {
            channels[input] = references(to: index, count: graph.values[input].shape.channels)
        }
        for node in graph.nodes { try lower(node) }
        var outputs: [LoweredNetwork.Output] = []
        for output in graph.outputs {
            let value = graph.values[output]
            let found = try resolved(output, for: "the output")
            let isComputed = found.allSatisfy { $0.producer >= graph.inputs.count }
            outputs.append(
                LoweredNetwork.Output(
                    name: value.name,
                    channels: isComputed ? found : copy(found, name: value.name, value: value),
                    shape: value.shape, isWide: isWide(output)))
        }
        let network = LoweredNetwork(
            inputs: graph.inputs.map { .init(name: graph.values[$0].name, shape: graph.values[$0].shape) },
            operations: operations, outputs: outputs)
        return (network, quantizations)
    }

    private func isWide(_ value: Int) -> Bool {
        graph.nodes.contains { node in
            guard node.output == value, case .softmax(.fixedPoint(_, _, _, let isWide), _) = node.operation else {
                return false
            }
            return isWide
        }
    }

    private func references(to producer: Int, count: Int) -> [ChannelReference] {
        (0..<count).map { ChannelReference(producer: producer, channel: $0) }
    }

    private func resolved(_ value: Int, for name: String) throws -> [ChannelReference] {
        guard let found = channels[value] else {
            throw ConversionError.wrongInput(reason: "\(name) reads \(graph.values[value].name), which nothing makes")
        }
        return found
    }

    /// An operation that makes of each value just that value.
    private mutating func copy(
        _ operand: [ChannelReference], name: String, value: QuantizedGraph.Value
    ) -> [ChannelReference] {
        emit(
            name: name, .other(.lookup), operands: [operand], input: value.shape, output: value,
            integers: IntegerForm(block: .tables([(-128...127).map { Int8($0) }])))
    }

    private mutating func emit(
        name: String, _ kind: LoweredOperation.Kind, window: Window = Window(kernel: .one),
        operands: [[ChannelReference]], input: Shape, output: QuantizedGraph.Value, integers: IntegerForm
    ) -> [ChannelReference] {
        operations.append(
            LoweredOperation(
                name: name, kind: kind, window: window, operands: operands, inputShape: input,
                outputShape: output.shape, isWide: output.isWide, integers: integers, value: 0))
        quantizations.append(output.quantization)
        return references(to: graph.inputs.count + operations.count - 1, count: output.shape.channels)
    }

    private mutating func lower(_ node: QuantizedGraph.Node) throws {
        let inputs = try node.inputs.map { try resolved($0, for: node.name) }
        let shapes = node.inputs.map { graph.values[$0].shape }
        let output = graph.values[node.output]
        func emit(
            _ kind: LoweredOperation.Kind, window: Window = Window(kernel: .one), _ integers: IntegerForm
        ) -> [ChannelReference] {
            self.emit(
                name: node.name, kind, window: window, operands: inputs, input: shapes[0], output: output,
                integers: integers)
        }
        switch node.operation {
        case .convolution(let convolution):
            try check(convolution, input: shapes[0], output: output.shape, name: node.name)
            let isDepthwise = convolution.groups == shapes[0].channels && convolution.groups > 1
            channels[node.output] = emit(
                isDepthwise
                    ? .depthwise(.integer(convolution))
                    : .convolution(.integer(convolution), groups: convolution.groups),
                window: convolution.window,
                IntegerForm(bounds: convolution.bounds, inputZeroPoint: convolution.inputZeroPoint))
        case .maxPool(let window, let bounds):
            channels[node.output] = emit(.maxPool, window: window, IntegerForm(bounds: bounds))
        case .averagePool(let window, let bounds):
            channels[node.output] = emit(.averagePool, window: window, IntegerForm(bounds: bounds))
        case .mean(let multiplier, let zeroPoint, let bounds):
            channels[node.output] = emit(
                .mean,
                IntegerForm(
                    bounds: bounds, inputZeroPoint: zeroPoint,
                    block: .multipliers([multiplier], constant: nil)))
        case .lookup(let tables):
            channels[node.output] = emit(.other(.lookup), IntegerForm(block: .tables(tables)))
        case .softmax(let softmax, let bounds):
            channels[node.output] = emit(.other(.softmax), softmax.form(bounds))
        case .rearrange(let map):
            channels[node.output] = emit(
                .other(.rearrange),
                IntegerForm(flags: map.channels == nil ? [] : .mapsChannels, block: .rearrangement(map)))
        case .resizeBilinear(let rows, let columns):
            var bytes: [UInt8] = []
            for point in rows + columns { Swift.withUnsafeBytes(of: point) { bytes += $0 } }
            channels[node.output] = emit(.other(.resizeBilinear), IntegerForm(block: .bytes(bytes)))
        case .binary(let binary):
            channels[node.output] = try lower(binary, node, inputs: inputs, shapes: shapes, output: output)
        case .concatenateRows:
            try checkJoin(node, shapes, \.height)
            channels[node.output] = join(node, inputs, shapes, joinsRows: true)
        case .concatenateColumns:
            try checkJoin(node, shapes, \.width)
            channels[node.output] = join(node, inputs, shapes, joinsRows: false)
        case .concatenateChannels:
            try checkJoin(node, shapes, \.channels)
            var joined: [ChannelReference] = []
            for (index, operand) in inputs.enumerated() {
                let isInput = operand.contains { $0.producer < graph.inputs.count }
                joined += isInput ? copy(operand, name: node.name, value: graph.values[node.inputs[index]]) : operand
            }
            channels[node.output] = joined
        case .selectChannels(let indices): channels[node.output] = indices.map { inputs[0][$0] }
        }
    }

    private func check(_ convolution: QuantizedConvolution, input: Shape, output: Shape, name: String) throws {
        let kernel = convolution.window.kernel
        let count = output.channels * kernel.height * kernel.width * input.channels / max(convolution.groups, 1)
        guard convolution.groups > 0, input.channels % convolution.groups == 0,
            output.channels % convolution.groups == 0, convolution.weights.count == count,
            convolution.bias.count == output.channels, convolution.multipliers.count == output.channels
        else {
            throw ConversionError.wrongInput(
                reason: """
                    \(name) has \(convolution.weights.count) weights, \(convolution.bias.count) biases and \
                    \(convolution.multipliers.count) multipliers; \(input) to \(output) in \(convolution.groups) groups takes \
                    \(count) and \(output.channels) each
                    """)
        }
    }

    /// Along `axis` sizes add up, along the others they agree.
    private func checkJoin(_ node: QuantizedGraph.Node, _ shapes: [Shape], _ axis: WritableKeyPath<Shape, Int>) throws {
        var joined = shapes[0]
        joined[keyPath: axis] = shapes.reduce(0) { $0 + $1[keyPath: axis] }
        let fits = shapes.allSatisfy { shape in
            var shape = shape
            shape[keyPath: axis] = joined[keyPath: axis]
            return shape == joined
        }
        guard fits, graph.values[node.output].shape == joined else {
            throw ConversionError.wrongInput(
                reason: "\(node.name) cannot join \(shapes) to \(graph.values[node.output].shape)")
        }
    }

    /// Inputs below or beside each other, two at a time.
    private mutating func join(
        _ node: QuantizedGraph.Node, _ inputs: [[ChannelReference]], _ shapes: [Shape], joinsRows: Bool
    ) -> [ChannelReference] {
        var (joined, shape) = (inputs[0], shapes[0])
        for (operand, next) in zip(inputs, shapes).dropFirst() {
            let before = shape
            if joinsRows { shape.height += next.height } else { shape.width += next.width }
            var value = graph.values[node.output]
            value.shape = shape
            joined = emit(
                name: node.name, .other(.concatenate), operands: [joined, operand], input: before, output: value,
                integers: IntegerForm(flags: joinsRows ? .joinsRows : []))
        }
        return joined
    }

    private mutating func lower(
        _ binary: QuantizedBinary, _ node: QuantizedGraph.Node, inputs: [[ChannelReference]], shapes: [Shape],
        output: QuantizedGraph.Value
    ) throws -> [ChannelReference] {
        guard let second = binary.constant?.shape ?? shapes.dropFirst().first else {
            throw ConversionError.wrongInput(reason: "\(node.name) has no second input")
        }
        func fits(_ size: Int, _ whole: Int) -> Bool { size == whole || size == 1 }
        let shape = output.shape
        for given in [shapes[0], second] {
            guard fits(given.height, shape.height), fits(given.width, shape.width), fits(given.channels, shape.channels)
            else {
                throw ConversionError.wrongInput(
                    reason: "\(node.name) cannot bring \(shapes[0]) and \(second) to \(shape)")
            }
        }
        var flags = OperatorFlags.repeats(first: shapes[0], second: second, output: shape)
        if binary.constant != nil { flags.insert(.secondIsConstant) }
        if binary.negatesFirst { flags.insert(.negatesFirst) }
        if binary.negatesSecond { flags.insert(.negatesSecond) }
        // A map of one channel serves for all: its channel is named again and again.
        let operands = inputs.map { $0.count < shape.channels ? Array(repeating: $0[0], count: shape.channels) : $0 }
        var input = shapes[0]
        input.channels = shape.channels
        return emit(
            name: node.name, .other(binary.kind), operands: operands, input: input, output: output,
            integers: IntegerForm(
                bounds: binary.bounds, inputZeroPoint: binary.firstZeroPoint, secondZeroPoint: binary.secondZeroPoint,
                flags: flags,
                block: .multipliers(binary.multipliers, constant: binary.constant)))
    }
}

extension QuantizedSoftmax {
    fileprivate func form(_ bounds: OutputBounds) -> IntegerForm {
        var bytes: [UInt8] = []
        func append<Value: FixedWidthInteger>(_ value: Value) {
            Swift.withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
        var flags: OperatorFlags = []
        switch self {
        case .table(let table, let scale):
            append(scale.bitPattern)
            for entry in table { append(entry.bitPattern) }
        case .fixedPoint(let multiplier, let leftShift, let smallest, let isWide):
            flags = isWide ? [.isFixedPoint, .isWide] : .isFixedPoint
            append(multiplier)
            append(Int32(leftShift))
            append(Int32(smallest))
        }
        return IntegerForm(bounds: bounds, flags: flags, block: .bytes(bytes))
    }
}
