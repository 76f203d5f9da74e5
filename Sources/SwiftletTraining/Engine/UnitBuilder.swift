/// Turns the nodes of a graph into units, fusing what follows a convolution into it.
///
/// Where it trains, nodes that move channels make no unit: a value is the list of its channels' sources until somebody computes
/// with it, and then one unit gathers them. (ShuffleNetV2: 1.2 times as fast as a unit a node.)
import SwiftletGraph

struct UnitBuilder {
    let graph: Graph
    let batchSize: Int
    /// One a thread.
    let multipliers: [MatrixMultiplier]
    let isTrained: Bool
    var maps: [ValueID: Map] = [:]
    /// What is rounded as int8 will; nil where nothing is.
    var quantization: Quantization?
    /// Values whose maps are still to be rounded by a unit of their own.
    private var unrounded: [ValueID] = []
    /// Values that nobody has computed with yet.
    private var moved: [ValueID: [ChannelSource]] = [:]
    private(set) var units: [Unit] = []
    private(set) var parameters: [Parameter] = []
    private(set) var buffers: [Parameter] = []
    private(set) var masks: [(weight: Parameter, mask: Parameter, node: Node)] = []
    /// Nodes that an earlier unit has taken in.
    private var fused: Set<String> = []

    init(graph: Graph, batchSize: Int, multipliers: [MatrixMultiplier], isTrained: Bool) {
        self.graph = graph
        self.batchSize = batchSize
        self.multipliers = multipliers
        self.isTrained = isTrained
    }

    mutating func build() throws {
        for node in graph.nodes where !fused.contains(node.name) {
            if !move(node) {
                try build(node)
                roundValues()
            }
        }
        if moved[graph.output] != nil { _ = map(graph.output) }
    }

    private mutating func build(_ node: Node) throws {
        let sources = node.inputs.map { map($0) }
        switch node.operation {
        case .convolution(let convolution):
            let inputs = sources[0].shape.channels
            let taps = convolution.window.kernel.height * convolution.window.kernel.width
            let isDepthwise =
                convolution.groups == inputs && convolution.outputChannels == inputs && convolution.padValues == nil
            let layout: ParameterLayout =
                isDepthwise
                ? .depthwise(channels: inputs, taps: taps)
                : .convolution(
                    inputs: inputs / convolution.groups, taps: taps,
                    places: convolution.groups == 1 && !convolution.hasBias ? places(behind: node) : [])
            addConvolution(
                node, weight: parameter("weight", node, layout, isDecayed: true),
                bias: convolution.hasBias ? parameter("bias", node, .plain, isDecayed: false) : nil,
                groups: convolution.groups, window: convolution.window, padValues: convolution.padValues)
        case .learnedGroupConvolution:
            let inputs = sources[0].shape.channels
            let layout = ParameterLayout.convolution(inputs: inputs, taps: 1, places: places(behind: node))
            let weight = parameter("weight", node, layout, isDecayed: true)
            let mask = buffer("mask", node, layout)
            for index in 0..<weight.count { weight.values[index] *= mask.values[index] }
            masks.append((weight, mask, node))
            addConvolution(node, weight: weight, bias: nil, groups: 1, window: Window(kernel: .one))
        case .linear:
            let layout = ParameterLayout.convolution(inputs: sources[0].shape.channels, taps: 1)
            addConvolution(
                node, weight: parameter("weight", node, layout, isDecayed: true),
                bias: parameter("bias", node, .plain, isDecayed: false), groups: 1, window: Window(kernel: .one))
        case .batchNorm:
            let (normalization, value) = normalization(node, bias: nil, from: node.outputs[0], batchNorm: node)
            let output: Map
            if isDeferred(value) {
                output = Map(showing: sources[0], deferred: normalization)
                maps[value] = output
            } else {
                output = makeMap(value)
            }
            units.append(
                NormalizationUnit(name: node.name, source: sources[0], output: output, normalization: normalization))
        case .activation(let activation):
            units.append(
                ActivationUnit(
                    name: node.name, source: sources[0], output: makeMap(node.outputs[0]), activation: activation))
        case .pool(let kind, let window):
            addPool(node, kind, window)
        case .globalAveragePool:
            let shape = sources[0].shape
            addPool(node, .average, Window(kernel: Extent(height: shape.height, width: shape.width)))
        case .add:
            units.append(AddUnit(name: node.name, sources: sources, outputs: [makeMap(node.outputs[0])]))
        case .binary(let kind):
            units.append(
                BinaryUnit(
                    name: node.name, first: sources[0], second: sources[1], output: makeMap(node.outputs[0]),
                    kind: kind))
        case .pixelIndex(let index):
            units.append(
                PixelIndexUnit(
                    name: node.name, source: sources[0], output: makeMap(node.outputs[0]), index: index))
        case .interpolate(let points):
            units.append(
                InterpolationUnit(
                    name: node.name, source: sources[0], output: makeMap(node.outputs[0]), points: points))
        case .join(let axis):
            units.append(
                JoinUnit(
                    name: node.name, first: sources[0], second: sources[1], output: makeMap(node.outputs[0]),
                    axis: axis))
        case .concat, .split, .channelShuffle, .channelIndex: preconditionFailure("\(node.name) only moves channels")
        case .flatten:
            units.append(FlattenUnit(name: node.name, sources: sources, outputs: [makeMap(node.outputs[0])]))
        case .dropout(let rate):
            units.append(
                DropoutUnit(
                    name: node.name, source: sources[0], output: makeMap(node.outputs[0]), rate: rate,
                    seed: UInt64(units.count)))
        }
    }

    // MARK: Movement

    /// Notes where the channels of a node's outputs come from, if it only moves them.
    private mutating func move(_ node: Node) -> Bool {
        let inputs = node.inputs.map { channels(of: $0) }
        switch node.operation {
        case .concat: moved[node.outputs[0]] = Array(inputs.joined())
        case .split(let counts):
            var first = 0
            for (output, count) in zip(node.outputs, counts) {
                moved[output] = Array(inputs[0][first..<(first + count)])
                first += count
            }
        case .channelShuffle(let groups):
            let perGroup = inputs[0].count / groups
            moved[node.outputs[0]] = inputs[0].indices.map { inputs[0][$0 % groups * perGroup + $0 / groups] }
        case .channelIndex(let indices): moved[node.outputs[0]] = indices.map { inputs[0][$0] }
        default: return false
        }
        // Outside of training every value can be looked at.
        if !isTrained { for output in node.outputs { _ = map(output) } }
        return true
    }

    private func channels(of value: ValueID) -> [ChannelSource] {
        if let known = moved[value] { return known }
        let map = maps[value]!
        return (0..<map.shape.channels).map { ChannelSource(map: map, channel: $0) }
    }

    /// The map of a value, which is made now if its channels are still elsewhere.
    private mutating func map(_ value: ValueID) -> Map {
        if let known = maps[value] { return known }
        let output = makeMap(value)
        units.append(MoveUnit(name: graph.values[value].name, channels: moved[value]!, output: output))
        moved[value] = nil
        return output
    }

    private mutating func makeMap(_ value: ValueID, deferred: Normalization? = nil) -> Map {
        let map = Map(shape: graph.shape(of: value), batchSize: batchSize, deferred: deferred)
        maps[value] = map
        if quantization?.scheme.values[value] != nil { unrounded.append(value) }
        return map
    }

    /// Rounds what the last unit has made, where int8 would.
    private mutating func roundValues() {
        guard let quantization else { return }
        for value in unrounded {
            let output = Map(shape: graph.shape(of: value), batchSize: batchSize)
            units.append(
                FakeQuantizeUnit(
                    name: graph.values[value].name, source: maps[value]!, output: output,
                    ranges: quantization.scheme.values[value]!.map { quantization.ranges[$0] }))
            maps[value] = output
        }
        unrounded = []
    }

    /// Whether the reader of `value` normalizes it, chunk by chunk in the cache: in training, one convolution alone.
    private func isDeferred(_ value: ValueID) -> Bool {
        guard isTrained, quantization == nil, let reader = onlyConsumer(of: value) else { return false }
        switch reader.operation {
        case .convolution, .learnedGroupConvolution, .linear: return true
        default: return false
        }
    }

    private mutating func addPool(_ node: Node, _ kind: PoolKind, _ window: Window) {
        units.append(
            PoolUnit(
                name: node.name, source: map(node.inputs[0]), output: makeMap(node.outputs[0]), kind: kind,
                window: window, batchSize: batchSize))
    }

    private mutating func addConvolution(
        _ node: Node, weight: Parameter, bias: Parameter?, groups: Int, window: Window, padValues: [Float]? = nil
    ) {
        var batchNorm: Node?
        var value = node.outputs[0]
        // The order of the weights' rows does the work of the shuffle behind them.
        if case .convolution(_, _, let places) = weight.layout, !places.isEmpty {
            let shuffle = onlyConsumer(of: value)!
            value = shuffle.outputs[0]
            fused.insert(shuffle.name)
        }
        if let next = onlyConsumer(of: value), case .batchNorm = next.operation, bias == nil {
            batchNorm = next
            value = next.outputs[0]
            fused.insert(next.name)
        }
        let (normalization, final) = normalization(node, bias: bias, from: value, batchNorm: batchNorm)
        let isDeferred = !normalization.isIdentity && isDeferred(final)
        let output = makeMap(final, deferred: isDeferred ? normalization : nil)
        units.append(
            ConvolutionUnit(
                name: node.name, source: map(node.inputs[0]), output: output, weight: weight,
                weightQuantizer: quantization?.quantizer(of: weight, node, groups: groups),
                normalization: normalization, groups: groups, window: window, padValues: padValues,
                batchSize: batchSize, multipliers: multipliers, isTrained: isTrained))
    }

    /// Where the outputs of a dense convolution lie so that the shuffle that alone reads them has nothing left to do; empty where
    /// there is none.
    private func places(behind node: Node) -> [Int] {
        guard isTrained, quantization == nil, let reader = onlyConsumer(of: node.outputs[0]),
            case .channelShuffle(let groups) = reader.operation
        else { return [] }
        let channels = graph.shape(of: node.outputs[0]).channels
        let perGroup = channels / groups
        return (0..<channels).map { $0 % perGroup * groups + $0 / perGroup }
    }

    /// The normalization of `value`'s map with the activation that alone reads it; and the value that then stands there.
    private mutating func normalization(
        _ node: Node, bias: Parameter?, from value: ValueID, batchNorm: Node?
    ) -> (Normalization, ValueID) {
        var final = value
        var activation: Activation?
        // Outside of training, what an int8 clamp cannot stand for keeps its input where it can be looked at.
        if let next = onlyConsumer(of: value), case .activation(let kind) = next.operation,
            quantization?.scheme.values[value] == nil, isTrained || kind == .relu || kind == .relu6
        {
            activation = kind
            final = next.outputs[0]
            fused.insert(next.name)
        }
        var parameters: Normalization.BatchNormParameters?
        if let batchNorm, case .batchNorm(let configuration) = batchNorm.operation {
            parameters = .init(
                configuration: configuration, gamma: parameter("weight", batchNorm, .plain, isDecayed: false),
                beta: parameter("bias", batchNorm, .plain, isDecayed: false), mean: buffer("running_mean", batchNorm),
                variance: buffer("running_var", batchNorm))
        }
        let normalization = Normalization(
            channels: graph.shape(of: value).channels, batchNorm: parameters, bias: bias, activation: activation,
            threads: multipliers.count)
        return (normalization, final)
    }

    private func onlyConsumer(of value: ValueID) -> Node? {
        let consumers = graph.consumers(of: value)
        return value != graph.output && consumers.count == 1 ? graph.nodes[consumers[0]] : nil
    }

    private mutating func parameter(
        _ suffix: String, _ node: Node, _ layout: ParameterLayout, isDecayed: Bool
    ) -> Parameter {
        let parameter = Parameter(
            name: "\(node.name).\(suffix)", tensor: graph.parameter(suffix, of: node)!, layout: layout,
            isDecayed: isDecayed, threads: multipliers.count, isTrained: isTrained)
        parameters.append(parameter)
        return parameter
    }

    private mutating func buffer(_ suffix: String, _ node: Node, _ layout: ParameterLayout = .plain) -> Parameter {
        let buffer = Parameter(
            name: "\(node.name).\(suffix)", tensor: graph.parameter(suffix, of: node)!, layout: layout,
            isDecayed: false, threads: multipliers.count, isTrained: false)
        buffers.append(buffer)
        return buffer
    }
}
