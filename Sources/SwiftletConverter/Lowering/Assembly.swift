/// LoweredNetwork with scales and slots -> records and parameter blocks in the order of the file.
///
/// What it does not do: order channels (`Assembly+Orders`), pack weights (`Assembly+Weights`), place rings (the planner) or
/// bytes (the writer).
import SwiftletArithmetic
import SwiftletFormat
import SwiftletGraph
import SwiftletQuantizer

struct Assembly {
    let network: LoweredNetwork
    let scales: ScaleAssignment
    let assignment: BufferAssignment
    let inputs: InputKnowledge
    private var buffers: [AssembledBuffer]
    private let omitsWeights: Bool

    /// - Throws: `ConversionError` for what the format cannot hold.
    ///
    /// - Parameters:
    ///   - inputs: how weights are rounded, and what is known for that.
    ///   - omitsWeights: packs none: the result can be planned, not written.
    static func assemble(
        _ network: LoweredNetwork, scales: ScaleAssignment, inputs: InputKnowledge = InputKnowledge(),
        inputsArePixels: Bool, omitsWeights: Bool = false
    ) throws -> AssembledNetwork {
        var assembly = Assembly(network, scales: scales, inputs: inputs, omitsWeights: omitsWeights)
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
        _ network: LoweredNetwork, scales: ScaleAssignment, inputs: InputKnowledge, omitsWeights: Bool
    ) {
        self.network = network
        self.omitsWeights = omitsWeights
        self.inputs = inputs
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
        var map = AssembledMap(
            name: output.name, buffer: assignment.buffer[output.channels[0].producer],
            slots: assignment.slots(of: output.channels), shape: output.shape,
            quantization: scales(output.channels[0]), isWide: output.isWide)
        if network.channelBytes(of: output.channels[0].producer) == 2 {
            // To whoever reads it a number of 16 bits is two channels.
            map.isWide = true
            map.slots = map.slots.flatMap { [$0, $0 + 1] }
            map.shape.channels *= 2
        }
        return map
    }

    private func operand(_ references: [ChannelReference], order: [Int]) -> AssembledOperand {
        let slots = assignment.slots(of: references)
        return AssembledOperand(
            buffer: assignment.buffer[references[0].producer], slots: order.map { slots[$0] },
            channelBytes: network.channelBytes(of: references[0].producer))
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
        if operation.isWide && operation.integers == nil {
            try setWideBounds(&record, operation, scale: outputScale.scale)
        } else {
            if let low = operation.clamp.low { record.activationMin = outputScale.quantize(low) }
            if let high = operation.clamp.high { record.activationMax = outputScale.quantize(high) }
        }
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
                (-128...127).map { value in
                    let real = activation.value(at: input.dequantize(Int8(value)))
                    return outputScale.quantize(operation.clamp.apply(real))
                }
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
                assembled.parameters = block(
                    try (isShared ? [0] : inputOrder).map { channel in
                        try .mean(
                            node: operation.name, pairs[channel].0, output: pairs[channel].1, pixels: pixels)
                    })
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
            assembled.parameters = block(
                try FixedPointMultiplier.addition(
                    node: operation.name, scales(first[0]), scales(second[0]), output: outputScale,
                    leftShift: network.hasWideMaps(operation) ? AddLayout.wideLeftShift : AddLayout.leftShift))
        case .binary, .pixelIndex, .interpolate, .join:
            try setMaps(&assembled, operation)
        }
        if operation.operands.count > 1 { assembled.second = operand(operation.operands[1], order: inputOrder) }
        if assembled.input.channelBytes == 2 { assembled.record.flags.insert(.readsWide) }
        if assembled.second?.channelBytes == 2 { assembled.record.flags.insert(.secondIsWide) }
        if operation.isWide { assembled.record.flags.insert(.writesWide) }
        if !omitsWeights { try setWeights(&assembled, operation, inputOrder: inputOrder) }
        return assembled
    }

    private func block(_ multipliers: [FixedPointMultiplier]) -> [UInt8] {
        IntegerForm.Block.multipliers(multipliers, constant: nil).bytes(inputOrder: [])
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
}
