/// LoweredNetwork with scales and slots -> records and parameter blocks in the order of the file.
///
/// Here channel orders are settled: a dense convolution reads its inputs and writes its outputs in the order of their
/// slots, with its weights permuted to match; so that a channel table is needed only where the slots have gaps.
/// What it does not do: place rings (the planner) or bytes (the writer).
import SwiftletFormat
import SwiftletGraph
import SwiftletPlanner
import SwiftletQuantizer

/// Channels of a buffer: what an operator reads or writes.
struct AssembledOperand {
    var buffer: Int
    /// One a channel, in stored order.
    var slots: [Int]
}

/// An operator that is ready to be written, all but offsets.
struct AssembledOperation {
    var name: String
    var record: OperatorRecord
    var input: AssembledOperand
    var second: AssembledOperand?
    var output: AssembledOperand
    var parameters: [UInt8] = []
    /// Counted as the file does: inputs first, then operators.
    var producers: [Int]
    var scratchBuffer: Int?
    var multiplyAccumulates = 0
    var window: Window
    /// What calibration and reports know the output as.
    var value: ValueID
    /// The operation's output channel that stands at each stored position.
    var outputOrder: [Int]
    /// The graph's channel that does.
    var valueOrder: [Int]
    /// Of each stored output channel.
    var outputQuantization: [AffineQuantization]
}

struct AssembledBuffer {
    var name: String
    var pixelBytes: Int
    var width: Int
    var height: Int
    var isOutput: Bool

    var rowBytes: Int { pixelBytes * width }
}

/// An input or an output of the network.
struct AssembledMap {
    var name: String
    var buffer: Int
    var slots: [Int]
    var shape: Shape
    var quantization: AffineQuantization
    /// Whether pairs of channels are Int16.
    var isWide = false
}

struct AssembledNetwork {
    var operations: [AssembledOperation]
    var buffers: [AssembledBuffer]
    var inputs: [AssembledMap]
    var outputs: [AssembledMap]
    /// Whether inputs are pushed as pixels of 0...255; else as int8.
    var inputsArePixels: Bool

    /// The operators that wait for rows of `producer`.
    func consumers(of producer: Int) -> [Int] {
        operations.indices.filter { operations[$0].producers.contains(producer) }
    }

    /// The same network as rows and buffers alone.
    var planProblem: PlanProblem {
        PlanProblem(
            buffers: buffers.map {
                .init(name: $0.name, rowBytes: $0.rowBytes, height: $0.height, isOutput: $0.isOutput)
            },
            sources: inputs.map { .init(buffer: $0.buffer, height: $0.shape.height) },
            steps: operations.map { operation in
                operation.parameters.withUnsafeBytes { bytes in
                    // An operator without parameters has no rows in tables: any address will do.
                    withUnsafePointer(to: operation.record) { record in
                        PlanProblem.Step(
                            operation.record, block: bytes.baseAddress ?? UnsafeRawPointer(record),
                            producers: operation.producers,
                            reads: [operation.input.buffer] + (operation.second.map { [$0.buffer] } ?? []),
                            writes: operation.output.buffer, scratch: operation.scratchBuffer)
                    }
                }
            },
            stateBytes: StateLayout(
                inputs: inputs.count, operators: operations.count,
                kernelRows: max(2, operations.map { Int($0.record.kernelHeight) }.max() ?? 2)
            ).byteCount,
            alignment: StateLayout.alignment)
    }
}

struct Assembly {
    private let network: LoweredNetwork
    private let scales: ScaleAssignment
    private let assignment: BufferAssignment
    private let means: [ValueID: [Float]]
    private let covariances: [ValueID: ConvolutionCovariances]
    private var buffers: [AssembledBuffer]
    private let omitsWeights: Bool

    /// - Throws: `ConversionError` for what the format cannot hold.
    ///
    /// - Parameters:
    ///   - means: of each channel of values on real pictures; biases of what reads others are not corrected.
    ///   - omitsWeights: packs none: the result can be planned, not written.
    static func assemble(
        _ network: LoweredNetwork, scales: ScaleAssignment, means: [ValueID: [Float]] = [:],
        covariances: [ValueID: ConvolutionCovariances] = [:], inputsArePixels: Bool, omitsWeights: Bool = false
    ) throws -> AssembledNetwork {
        var assembly = Assembly(
            network, scales: scales, means: means, covariances: covariances, omitsWeights: omitsWeights)
        let operations = try network.operations.indices.map { try assembly.assemble($0) }
        return AssembledNetwork(
            operations: operations, buffers: assembly.buffers,
            inputs: network.inputs.enumerated().map { producer, input in
                let channels = (0..<input.shape.channels).map { ChannelReference(producer: producer, channel: $0) }
                return assembly.map(.init(name: input.name, channels: channels, shape: input.shape))
            },
            outputs: network.outputs.map { assembly.map($0) }, inputsArePixels: inputsArePixels)
    }

    private init(
        _ network: LoweredNetwork, scales: ScaleAssignment, means: [ValueID: [Float]],
        covariances: [ValueID: ConvolutionCovariances], omitsWeights: Bool
    ) {
        self.network = network
        self.omitsWeights = omitsWeights
        self.means = means
        self.covariances = covariances
        self.scales = scales
        let assignment = BufferAssignment(network)
        self.assignment = assignment
        let outputBuffers = Set(network.outputs.map { assignment.buffer[$0.channels[0].producer] })
        buffers = assignment.pixelBytes.indices.map { index in
            let producer = assignment.buffer.firstIndex(of: index)!
            let shape = network.shape(of: producer)
            return AssembledBuffer(
                name: network.operation(of: producer)?.name ?? network.inputs[producer].name,
                pixelBytes: assignment.pixelBytes[index], width: shape.width, height: shape.height,
                isOutput: outputBuffers.contains(index))
        }
    }

    private func map(_ output: LoweredNetwork.Output) -> AssembledMap {
        AssembledMap(
            name: output.name, buffer: assignment.buffer[output.channels[0].producer],
            slots: assignment.slots(of: output.channels), shape: output.shape,
            quantization: scales(output.channels[0]), isWide: output.isWide)
    }

    private func operand(_ references: [ChannelReference], order: [Int]) -> AssembledOperand {
        let slots = assignment.slots(of: references)
        return AssembledOperand(buffer: assignment.buffer[references[0].producer], slots: order.map { slots[$0] })
    }

    private mutating func assemble(_ index: Int) throws -> AssembledOperation {
        let operation = network.operations[index]
        let producer = network.inputs.count + index
        let first = operation.operands[0]
        let outputs = (0..<operation.outputShape.channels).map { ChannelReference(producer: producer, channel: $0) }
        let (inputOrder, outputOrder) = orders(operation, producer: producer)

        var record = OperatorRecord()
        try setGeometry(&record, operation)
        let outputScale = scales(outputs[0])
        if let low = operation.clamp.low { record.activationMin = outputScale.quantize(low) }
        if let high = operation.clamp.high { record.activationMax = outputScale.quantize(high) }
        record.outputZeroPoint = outputScale.zeroPoint
        record.outputScale = outputScale.scale
        var assembled = AssembledOperation(
            name: operation.name, record: record, input: operand(first, order: inputOrder),
            output: operand(outputs, order: outputOrder), producers: network.producers(of: operation),
            window: operation.window, value: operation.value, outputOrder: outputOrder,
            valueOrder: outputOrder.map { operation.valueChannel($0) },
            outputQuantization: outputOrder.map { scales(outputs[$0]) })

        if let integers = operation.integers { set(integers, of: &assembled, operation, inputOrder: inputOrder) }
        switch operation.kind {
        case .convolution(_, let groups):
            assembled.record.kind = OperatorKind.convolution.rawValue
            assembled.record.groups = UInt16(groups)
        case .depthwise: assembled.record.kind = OperatorKind.depthwiseConvolution.rawValue
        case .maxPool: assembled.record.kind = OperatorKind.maxPool.rawValue
        case .averagePool: assembled.record.kind = OperatorKind.averagePool.rawValue
        case .other(let kind): assembled.record.kind = kind.rawValue
        case .function(let activation):
            assembled.record.kind = OperatorKind.lookup.rawValue
            let inputs = Set(first.map { scales($0) }).count == 1 ? [scales(first[0])] : first.map { scales($0) }
            let tables = inputs.map { input in
                (-128...127).map { outputScale.quantize(activation.value(at: input.dequantize(Int8($0)))) }
            }
            assembled.parameters = IntegerForm.Block.tables(tables).bytes(inputOrder: inputOrder)
        case .mean:
            let input = scales(first[0])
            assembled.record.kind = OperatorKind.globalAveragePool.rawValue
            if operation.integers == nil {
                assembled.record.inputZeroPoint = input.zeroPoint
                let pixels = operation.inputShape.height * operation.inputShape.width
                let pairs = zip(first, outputs).map { (scales($0), scales($1)) }
                let isShared = pairs.allSatisfy { $0 == pairs[0] }
                assembled.parameters = try (isShared ? [0] : inputOrder).flatMap { channel in
                    try meanBlock(
                        name: operation.name, pairs[channel].0, output: pairs[channel].1, pixels: pixels)
                }
            }
            assembled.scratchBuffer = buffers.count
            buffers.append(
                AssembledBuffer(
                    name: "\(operation.name) sums", pixelBytes: 4 * operation.inputShape.channels, width: 1, height: 1,
                    isOutput: false))
        case .add:
            let second = operation.operands[1]
            assembled.record.kind = OperatorKind.add.rawValue
            assembled.record.inputZeroPoint = scales(first[0]).zeroPoint
            assembled.record.secondZeroPoint = scales(second[0]).zeroPoint
            assembled.parameters = try additionBlock(
                name: operation.name, scales(first[0]), scales(second[0]), output: outputScale)
        }
        if operation.operands.count > 1 { assembled.second = operand(operation.operands[1], order: inputOrder) }
        if !omitsWeights { try setWeights(&assembled, operation, inputOrder: inputOrder) }
        return assembled
    }

    /// Enters given integers: bounds, zero points, and the block of an operator that has no weights.
    private func set(
        _ integers: IntegerForm, of assembled: inout AssembledOperation, _ operation: LoweredOperation,
        inputOrder: [Int]
    ) {
        assembled.record.activationMin = integers.bounds.low
        assembled.record.activationMax = integers.bounds.high
        assembled.record.outputZeroPoint = integers.bounds.zeroPoint
        assembled.record.inputZeroPoint = integers.inputZeroPoint
        assembled.record.secondZeroPoint = integers.secondZeroPoint
        assembled.record.flags = integers.flags
        assembled.parameters = integers.block.bytes(inputOrder: inputOrder)
    }

    /// The means of an operand's channels in stored order; empty when one of them is not known.
    private func inputMeans(_ references: [ChannelReference], order: [Int]) -> [Float] {
        let known = references.map { reference -> Float? in
            guard let operation = network.operation(of: reference.producer) else {
                return network.inputs[reference.producer].value.flatMap { means[$0]?[reference.channel] }
            }
            return means[operation.value]?[operation.valueChannel(reference.channel)]
        }
        return known.contains { $0 == nil } ? [] : order.map { known[$0]! }
    }

    /// For each tap of a window the share of outputs for which it lies inside the map.
    private func tapShares(_ operation: LoweredOperation) -> [Double] {
        let (window, input, output) = (operation.window, operation.inputShape, operation.outputShape)
        func shares(_ kernel: Int, _ stride: Int, _ padding: Int, _ dilation: Int, _ size: Int, _ count: Int)
            -> [Double]
        {
            (0..<kernel).map { tap in
                let inside = (0..<count).filter { 0..<size ~= $0 * stride - padding + tap * dilation }.count
                return Double(inside) / Double(count)
            }
        }
        let rows = shares(
            window.kernel.height, window.stride.height, window.padding.top, window.dilation.height, input.height,
            output.height)
        let columns = shares(
            window.kernel.width, window.stride.width, window.padding.left, window.dilation.width, input.width,
            output.width)
        return rows.flatMap { row in columns.map { row * $0 } }
    }

    /// How the inputs of a stored group vary together, `[tap][stored input]` both ways; nil where it is not known.
    private func covariance(
        _ operation: LoweredOperation, _ layout: ConvolutionLayout, group: Int, inputOrder: [Int], outputOrder: [Int]
    ) -> [Double]? {
        guard let known = covariances[operation.value] else { return nil }
        if layout.isDepthwise {
            // The value's channel; each input channel makes as many of them as the multiplier says.
            let multiplier = layout.outputChannels / layout.inputChannels
            return known.groups[operation.valueChannel(outputOrder[group]) / multiplier]
        }
        let inputs = layout.groupInputs
        let order = inputOrder[(group * inputs)..<((group + 1) * inputs)].map { $0 % inputs }
        let matrix = known.groups[inputOrder[group * inputs] / inputs]
        let places = (0..<layout.taps).flatMap { tap in order.map { tap * inputs + $0 } }
        return places.flatMap { row in places.map { matrix[row * known.width + $0] } }
    }

    // MARK: Orders

    /// The order in which an operation meets its input channels, and that in which it writes its output channels.
    private func orders(_ operation: LoweredOperation, producer: Int) -> (inputs: [Int], outputs: [Int]) {
        let slots = assignment.slots(of: operation.operands[0])
        if case .convolution(_, let groups) = operation.kind {
            return groupedOrders(operation, inputSlots: slots, outputSlots: assignment.slots[producer], groups: groups)
        }
        guard operation.keepsChannelsApart else {
            return (Array(slots.indices), Array(0..<operation.outputShape.channels))
        }
        let inputs = slots.indices.sorted { (slots[$0], $0) < (slots[$1], $1) }
        let multiplier = operation.outputShape.channels / operation.inputShape.channels
        return (inputs, inputs.flatMap { input in (0..<multiplier).map { input * multiplier + $0 } })
    }

    /// Inputs by slot within each group, groups by their first slot, outputs by slot within each group.
    private func groupedOrders(
        _ operation: LoweredOperation, inputSlots: [Int], outputSlots: [Int], groups: Int
    ) -> (inputs: [Int], outputs: [Int]) {
        let groupInputs = operation.inputShape.channels / groups
        let groupOutputs = operation.outputShape.channels / groups
        let inputs = (0..<groups).map { group in
            (group * groupInputs..<(group + 1) * groupInputs).sorted { (inputSlots[$0], $0) < (inputSlots[$1], $1) }
        }
        let order = (0..<groups).sorted { first, second in
            (inputSlots[inputs[first][0]], first) < (inputSlots[inputs[second][0]], second)
        }
        let outputs = order.flatMap { group in
            (group * groupOutputs..<(group + 1) * groupOutputs).sorted { outputSlots[$0] < outputSlots[$1] }
        }
        return (order.flatMap { inputs[$0] }, outputs)
    }

    // MARK: Fields

    private func setGeometry(_ record: inout OperatorRecord, _ operation: LoweredOperation) throws {
        func field(_ value: Int, _ what: String, limit: Int = 0xFFFF) throws -> UInt16 {
            guard value <= limit else {
                throw ConversionError.tooLarge(what: "\(what) of \(operation.name)", value: value, limit: limit)
            }
            return UInt16(value)
        }
        let window = operation.window
        let most = Int(ModelReader.windowLimit)
        record.kernelHeight = try field(window.kernel.height, "kernel height", limit: most)
        record.kernelWidth = try field(window.kernel.width, "kernel width", limit: most)
        record.strideHeight = try field(window.stride.height, "stride", limit: most)
        record.strideWidth = try field(window.stride.width, "stride", limit: most)
        record.dilationHeight = try field(window.dilation.height, "dilation", limit: most)
        record.dilationWidth = try field(window.dilation.width, "dilation", limit: most)
        record.paddingTop = try field(window.padding.top, "padding", limit: most)
        record.paddingLeft = try field(window.padding.left, "padding", limit: most)
        let rows = Int(ModelReader.heightLimit)
        record.inputHeight = try field(operation.inputShape.height, "height", limit: rows)
        record.inputWidth = try field(operation.inputShape.width, "width")
        record.inputChannels = try field(operation.inputShape.channels, "number of input channels")
        record.outputHeight = try field(operation.outputShape.height, "height", limit: rows)
        record.outputWidth = try field(operation.outputShape.width, "width")
        record.outputChannels = try field(operation.outputShape.channels, "number of output channels")
    }

    /// Packs the weights of a convolution in stored order; does nothing for other operations.
    private func setWeights(
        _ assembled: inout AssembledOperation, _ operation: LoweredOperation, inputOrder: [Int]
    ) throws {
        let weights: LoweredOperation.ConvolutionWeights
        switch operation.kind {
        case .convolution(let given, _), .depthwise(let given): weights = given
        case .maxPool, .averagePool, .mean, .add, .function, .other: return
        }
        let layout = ConvolutionLayout(assembled.record)
        let outputOrder = assembled.outputOrder
        let groupInputs = layout.isDepthwise ? 1 : layout.groupInputs
        /// Where the weight of a stored output and a stored input of its group stands in `[output][input of the group]`.
        func original(_ output: Int, _ input: Int) -> Int {
            // A stored group holds the inputs of one original group, sorted: find which of them stands here.
            let place =
                layout.isDepthwise
                ? 0 : inputOrder[output / layout.groupOutputs * layout.groupInputs + input] % groupInputs
            return outputOrder[output] * groupInputs + place
        }
        switch weights {
        case .real(let weight, let bias, let padValues):
            let values = weight.values
            let stored = StoredConvolution(
                name: operation.name, layout: layout,
                weight: { output, tap, input in values[original(output, input) * layout.taps + tap] },
                bias: outputOrder.map { bias[$0] },
                inputs: inputOrder.map { scales(operation.operands[0][$0]) },
                padValues: inputOrder.map { padValues?[$0] ?? 0 },
                outputs: assembled.outputQuantization,
                inputMeans: inputMeans(operation.operands[0], order: inputOrder), tapShares: tapShares(operation),
                covariance: {
                    covariance(operation, layout, group: $0, inputOrder: inputOrder, outputOrder: outputOrder)
                })
            assembled.parameters = try stored.block()
        case .integer(let convolution):
            let values = convolution.weights
            assembled.parameters = try integerConvolutionBlock(
                name: operation.name, convolution, layout: layout, outputOrder: outputOrder,
                weight: { output, tap, input in
                    let place = original(output, input)
                    return values[(place / groupInputs * layout.taps + tap) * groupInputs + place % groupInputs]
                })
        }
        let pixels = operation.outputShape.height * operation.outputShape.width
        assembled.multiplyAccumulates = pixels * operation.outputShape.channels * layout.taps * groupInputs
    }
}
