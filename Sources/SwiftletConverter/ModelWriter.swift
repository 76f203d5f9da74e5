/// Lays out `int8.bin`: the header, then strings, channel tables and parameter blocks, then the records that name them.
///
/// What it does not do: write files (the caller does, atomically) or plan.
import SwiftletFormat
import SwiftletGraph
import SwiftletPlanner

/// What the file says about the network beside its numbers.
struct ModelDescription {
    var architecture: String
    var classNames: [String]
    var preprocessing: Preprocessing
}

struct ModelWriter {
    private var bytes: [UInt8] = Array(repeating: 0, count: MemoryLayout<HeaderRecord>.size)
    private var header = HeaderRecord()
    private var links: [UInt16] = []
    /// Of each operator that has been written: where its parameters lie and those of its stages.
    private var parameters: [(own: UInt32, stages: [UInt32])] = []

    /// - Parameter leastMACs: of the network before anything was recomputed.
    /// - Returns: the file, complete but for self-test and checksum, which `seal` enters.
    static func write(
        _ network: AssembledNetwork, plan: Plan, description: ModelDescription, leastMACs: Int
    ) throws -> [UInt8] {
        var writer = ModelWriter()
        if network.needsRecomputation {
            writer.header.version = HeaderRecord.recomputingVersion
            writer.appendRecomputation(of: network, leastMACs: leastMACs, layerwiseBytes: plan.layerwiseBytes)
        }
        if network.hasWideMaps { writer.header.version = HeaderRecord.wideVersion }
        try writer.write(network, plan: plan, description: description)
        return writer.bytes
    }

    static func seal(_ bytes: inout [UInt8], selfTestSeed: UInt32, selfTestChecksum: UInt32) {
        var header = bytes.withUnsafeBytes { $0.loadUnaligned(as: HeaderRecord.self) }
        header.selfTestSeed = selfTestSeed
        header.selfTestChecksum = selfTestChecksum
        bytes.replace(header, at: 0)
        header.checksum = bytes.withUnsafeBytes {
            Checksum.of(UnsafeRawBufferPointer(rebasing: $0[HeaderRecord.checkedFrom...]))
        }
        bytes.replace(header, at: 0)
    }

    private mutating func write(_ network: AssembledNetwork, plan: Plan, description: ModelDescription) throws {
        try Self.checkLimits(network, plan: plan)
        header.architecture = try append(description.architecture)
        let classNames = try description.classNames.map { try append($0) }
        let inputs = try network.inputs.indices.map { try inputRecord(network, index: $0) }
        let outputs = try network.outputs.map { try outputRecord($0, network) }
        let operators = try network.operations.indices.map { try operatorRecord(network, index: $0) }
        header.inputs = append(inputs, alignment: 8)
        header.outputs = append(outputs, alignment: 8)
        header.operators = append(operators, alignment: 8)
        header.buffers = append(bufferRecords(network, plan: plan), alignment: 8)
        header.classNames = append(classNames, alignment: 4)
        header.segments = append(plan.segments.map { UInt16($0) }, alignment: 2)
        header.links = append(links, alignment: 2)
        header.preprocessing = Self.preprocessingRecord(description.preprocessing)
        header.arenaBytes = UInt32(plan.arenaBytes)
        header.multiplyAccumulates = UInt64(network.multiplyAccumulates)
        header.weightBytes = UInt32(
            network.operations.filter { $0.parametersOf == nil }.reduce(0) { sum, operation in
                sum + operation.parameters.count + operation.stages.reduce(0) { $0 + $1.parameters.count }
            })
        guard bytes.count < ModelReader.arenaLimit - 1 else {
            throw ConversionError.tooLarge(what: "the file", value: bytes.count, limit: ModelReader.arenaLimit - 2)
        }
        header.fileBytes = UInt32(bytes.count)
        bytes.replace(header, at: 0)
    }

    /// - Throws: `ConversionError.tooLarge` for what the records' fields cannot hold.
    private static func checkLimits(_ network: AssembledNetwork, plan: Plan) throws {
        func check(_ value: Int, _ limit: Int, _ what: @autoclosure () -> String) throws {
            guard value <= limit else { throw ConversionError.tooLarge(what: what(), value: value, limit: limit) }
        }
        try check(network.operations.count, 0x7FFE, "the number of operators")
        for buffer in network.buffers { try check(buffer.pixelBytes, 0xFFFF, "the pixel of \(buffer.name) in bytes") }
        try check(plan.arenaBytes, ModelReader.arenaLimit - 2, "the arena")
    }

    // MARK: Records

    private mutating func inputRecord(_ network: AssembledNetwork, index: Int) throws -> InputRecord {
        let input = network.inputs[index]
        var record = InputRecord()
        record.buffer = UInt16(input.buffer)
        record.height = UInt16(input.shape.height)
        record.width = UInt16(input.shape.width)
        record.channels = UInt16(input.shape.channels)
        record.isPixels = network.inputsArePixels ? 1 : 0
        record.zeroPoint = input.quantization.zeroPoint
        record.scale = input.quantization.scale
        (record.firstConsumer, record.consumerCount) = link(network.consumers(of: index))
        record.name = try append(input.name)
        return record
    }

    private mutating func outputRecord(_ output: AssembledMap, _ network: AssembledNetwork) throws -> OutputRecord {
        var record = OutputRecord()
        record.operand = try operand(AssembledOperand(buffer: output.buffer, slots: output.slots), network)
        record.height = UInt16(output.shape.height)
        record.width = UInt16(output.shape.width)
        record.channels = UInt16(output.shape.channels)
        record.zeroPoint = output.quantization.zeroPoint
        record.isWide = output.isWide ? 1 : 0
        record.scale = output.quantization.scale
        record.name = try append(output.name)
        return record
    }

    private mutating func operatorRecord(_ network: AssembledNetwork, index: Int) throws -> OperatorRecord {
        let operation = network.operations[index]
        var record = operation.record
        record.name = try append(operation.name)
        (record.firstProducer, record.producerCount) = link(operation.producers)
        (record.firstConsumer, record.consumerCount) = link(network.consumers(of: network.inputs.count + index))
        record.input = try operand(operation.input, network)
        if let second = operation.second { record.second = try operand(second, network) }
        record.output = try operand(operation.output, network)
        if let scratch = operation.scratchBuffer { record.scratchBuffer = UInt16(scratch) }
        record.parameterBytes = UInt32(operation.parameters.count)
        let known = operation.parametersOf.map { parameters[$0] }
        var stages = known?.stages ?? []
        if known == nil { stages = operation.stages.map { append(parameters: $0.parameters) } }
        // A block's own parameters hold the sizes of its band.
        let own: UInt32
        if operation.stages.isEmpty {
            own = known?.own ?? append(parameters: operation.parameters)
        } else {
            var block = operation
            for index in stages.indices {
                block.stages[index].record.parameters = stages[index]
                block.stages[index].record.name = try append(operation.stages[index].name)
            }
            own = append(parameters: block.blockParameters)
        }
        record.parameters = own
        parameters.append((own, stages))
        return record
    }

    /// Where the parameters lie; 0 for none.
    private mutating func append(parameters: [UInt8]) -> UInt32 {
        guard !parameters.isEmpty else { return 0 }
        pad(to: ConvolutionLayout.alignment)
        defer { bytes += parameters }
        return UInt32(bytes.count)
    }

    private mutating func appendRecomputation(of network: AssembledNetwork, leastMACs: Int, layerwiseBytes: Int) {
        var record = RecomputationRecord()
        record.leastMultiplyAccumulates = UInt64(leastMACs)
        record.layerwiseBytes = UInt32(clamping: layerwiseBytes)
        if let rowWidth = network.rowWidth {
            record.passes = UInt16(network.inputs.count)
            record.rowWidth = UInt16(rowWidth)
        }
        header.recomputation = append([record], alignment: 8).offset
        let columns = network.rowWidth == nil ? [0] : network.inputs.map { UInt16($0.firstColumn) }
        _ = append(columns, alignment: 2)
    }

    private func bufferRecords(_ network: AssembledNetwork, plan: Plan) -> [BufferRecord] {
        zip(network.buffers, plan.rings).map { buffer, ring in
            var record = BufferRecord()
            record.arenaOffset = UInt32(ring.offset)
            record.rowBytes = UInt32(buffer.rowBytes)
            record.ringRows = UInt16(ring.rows)
            record.phase = UInt16(ring.phase)
            record.width = UInt16(buffer.width)
            record.pixelBytes = UInt16(buffer.pixelBytes)
            return record
        }
    }

    private static func preprocessingRecord(_ preprocessing: Preprocessing) -> PreprocessingRecord {
        var record = PreprocessingRecord()
        if case .centreCrop(let side) = preprocessing.resize { record.shorterSide = UInt16(side) }
        record.colorOrder =
            switch preprocessing.colorOrder {
            case .rgb: 0
            case .bgr: 1
            case .grey: 2
            }
        return record
    }

    // MARK: Bytes

    private mutating func pad(to alignment: Int) {
        bytes += Array(repeating: 0, count: roundUp(bytes.count, to: alignment) - bytes.count)
    }

    /// A string: UInt16 length, UTF-8, aligned to 2.
    private mutating func append(_ string: String) throws -> UInt32 {
        let utf8 = Array(string.utf8)
        guard utf8.count <= 0xFFFF else {
            throw ConversionError.tooLarge(
                what: "the length of the name \(string.prefix(40))…", value: utf8.count, limit: 0xFFFF)
        }
        pad(to: 2)
        let offset = UInt32(bytes.count)
        bytes += [UInt8(utf8.count & 0xFF), UInt8(utf8.count >> 8)] + utf8
        return offset
    }

    private mutating func append<Record>(_ list: [Record], alignment: Int) -> ListRecord {
        pad(to: alignment)
        let record = ListRecord(offset: UInt32(bytes.count), count: UInt32(list.count))
        list.withUnsafeBytes { bytes += $0 }
        return record
    }

    private mutating func link(_ members: [Int]) -> (first: UInt32, count: UInt16) {
        defer { links += members.map { UInt16($0) } }
        return (UInt32(links.count), UInt16(members.count))
    }

    /// Consecutive slots are an offset, others a table.
    private mutating func operand(_ operand: AssembledOperand, _ network: AssembledNetwork) throws -> OperandRecord {
        let slots = operand.slots
        let isRun = slots.indices.allSatisfy { slots[$0] == slots[0] + $0 * operand.channelBytes }
        let buffer = network.buffers[operand.buffer]
        let offset = operand.column * buffer.pixelBytes + (isRun ? slots[0] : 0)
        guard offset <= 0xFFFF else {
            throw ConversionError.tooLarge(what: "a row of \(buffer.name) in bytes", value: offset, limit: 0xFFFF)
        }
        let table = isRun ? 0 : append(slots.map { UInt16($0) }, alignment: 2).offset
        return OperandRecord(buffer: UInt16(operand.buffer), channelOffset: UInt16(offset), channelTable: table)
    }
}

extension [UInt8] {
    /// Overwrites the bytes at `offset` with those of a record.
    mutating func replace<Record>(_ record: Record, at offset: Int) {
        Swift.withUnsafeBytes(of: record) { source in
            replaceSubrange(offset..<(offset + source.count), with: source)
        }
    }
}
