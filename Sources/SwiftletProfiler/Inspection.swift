/// What an `int8.bin` says, record by record, as values and as text.
///
/// What it does not do: run the model, or judge it; `ModelReader` has checked every record before.
import Foundation
import SwiftletFormat
import SwiftletHost
import SwiftletPlanner

public struct Inspection: Sendable, Encodable {
    public struct Operand: Sendable, Encodable {
        public var ring: Int
        /// The first channel.
        public var channelOffset: Int
        /// Of a channel: 8, or 16 where the table and the offset name its high byte.
        public var bits: Int
        /// Nil when the channels are consecutive.
        public var channelTable: [Int]?
    }

    public struct Operation: Sendable, Encodable {
        public var name: String
        public var kind: String
        /// The case of `OperatorKind`.
        public var operatorKind: String
        /// Height, width, channels.
        public var input: [Int]
        public var output: [Int]
        /// Height, width.
        public var kernel: [Int]
        public var stride: [Int]
        public var dilation: [Int]
        /// Top, left.
        public var padding: [Int]
        public var groups: Int
        /// The least and the largest value of the output.
        public var activation: [Int]
        public var scale: Float
        public var zeroPoint: Int
        public var reads: [Operand]
        public var writes: Operand
        /// The ring of int32 sums; nil without one.
        public var sums: Int?
        /// Inputs count first, then operators.
        public var producers: [Int]
        public var parametersOffset: Int
        public var parameterBytes: Int
        public var macs: Int
        /// The names of the convolutions of a block, in their order; empty for other operators.
        public var stages: [String]
    }

    public struct Ring: Sendable, Encodable {
        public var name: String
        public var arenaOffset: Int
        public var rowBytes: Int
        public var rows: Int
        /// Not 0 where the ring is shared.
        public var phase: Int
        /// Rows of the whole map.
        public var height: Int
        public var width: Int
        public var pixelBytes: Int
    }

    public struct Port: Sendable, Encodable {
        public var shape: [Int]
        public var scale: Float
        public var zeroPoint: Int
        /// Of a number: with 16 it takes two of the channels.
        public var bits: Int
        /// Whether rows come as bytes of 0...255.
        public var isPixels: Bool
    }

    public var path: String
    public var version: Int
    public var architecture: String
    public var fileBytes: Int
    /// CRC-32, hexadecimal.
    public var checksum: String
    public var arenaBytes: Int
    public var stateBytes: Int
    public var weightBytes: Int
    public var macs: Int
    /// Multiply-accumulates of a run, over those of a run that recomputes nothing.
    public var macsFactor: Double
    /// Of the picture, for each time that it must be pushed: the first column that is looked at and how many there are.
    public var passes: [[Int]]
    public var inputs: [Port]
    public var outputs: [Port]
    /// "rgb", "bgr" or "grey".
    public var colorOrder: String
    /// The shorter side's length before the centre is cut out; 0 when pictures are stretched.
    public var shorterSide: Int
    public var classes: [String]
    public var selfTestSeed: Int
    public var selfTestChecksum: String
    /// The first operator of each.
    public var segments: [Int]
    public var operators: [Operation]
    public var rings: [Ring]

    public init(_ file: ModelFile) {
        let reader = file.model.reader
        let header = reader.header
        path = file.path
        version = Int(header.version)
        architecture = file.architecture
        fileBytes = file.byteCount
        checksum = String(format: "%08x", header.checksum)
        arenaBytes = reader.arenaBytes
        stateBytes = reader.state.byteCount
        weightBytes = Int(header.weightBytes)
        macs = Int(clamping: header.multiplyAccumulates)
        macsFactor = file.macsFactor
        passes = (0..<reader.passes).map { [reader.firstColumn(ofPass: $0), Int(reader.input($0).width)] }
        inputs = (0..<reader.pushedInputCount).map { index in
            let input = reader.input(index)
            return Port(
                shape: [Int(input.height), reader.pushedWidth(index), Int(input.channels)], scale: input.scale,
                zeroPoint: Int(input.zeroPoint), bits: 8, isPixels: input.isPixels == 1)
        }
        outputs = (0..<reader.outputCount).map { index in
            let output = reader.output(index)
            return Port(
                shape: [Int(output.height), Int(output.width), Int(output.channels)], scale: output.scale,
                zeroPoint: Int(output.zeroPoint), bits: output.isWide == 1 ? 16 : 8, isPixels: false)
        }
        let orders = ["rgb", "bgr", "grey"]
        let order = Int(header.preprocessing.colorOrder)
        colorOrder = orders.indices.contains(order) ? orders[order] : "unknown (\(order))"
        shorterSide = Int(header.preprocessing.shorterSide)
        classes = (0..<reader.classCount).map { file.className($0) }
        selfTestSeed = Int(header.selfTestSeed)
        selfTestChecksum = String(format: "%08x", header.selfTestChecksum)
        segments = (0..<reader.segmentCount).map { reader.segmentStart($0) }
        operators = (0..<reader.operatorCount).map { Operation(reader, $0, name: file.operationName($0)) }
        rings = zip(PlanProblem(file).buffers, 0..<reader.bufferCount).map { known, index in
            let buffer = reader.buffer(index)
            return Ring(
                name: known.name, arenaOffset: Int(buffer.arenaOffset), rowBytes: Int(buffer.rowBytes),
                rows: Int(buffer.ringRows), phase: Int(buffer.phase), height: known.height, width: Int(buffer.width),
                pixelBytes: Int(buffer.pixelBytes))
        }
    }
}

extension Inspection.Operation {
    init(_ reader: ModelReader, _ index: Int, name: String) {
        let record = reader.operation(index)
        func operand(_ operand: OperandRecord, channels: Int, bytes: Int) -> Inspection.Operand {
            let table = reader.channelTable(operand.channelTable).map { table in (0..<channels).map { Int(table[$0]) } }
            return .init(
                ring: Int(operand.buffer), channelOffset: Int(operand.channelOffset), bits: 8 * bytes,
                channelTable: table)
        }
        self.name = name
        kind = record.kindName
        operatorKind = record.operatorKind.map { "\($0)" } ?? "\(record.kind)"
        input = [Int(record.inputHeight), Int(record.inputWidth), Int(record.inputChannels)]
        output = [Int(record.outputHeight), Int(record.outputWidth), Int(record.outputChannels)]
        kernel = [Int(record.kernelHeight), Int(record.kernelWidth)]
        stride = [Int(record.strideHeight), Int(record.strideWidth)]
        dilation = [Int(record.dilationHeight), Int(record.dilationWidth)]
        padding = [Int(record.paddingTop), Int(record.paddingLeft)]
        groups = Int(record.groups)
        activation =
            record.outputBytes == 2
            ? [Int(record.activationMin) << 8, Int(record.activationMax) << 8 | 0xFF]
            : [Int(record.activationMin), Int(record.activationMax)]
        scale = record.outputScale
        zeroPoint = Int(record.outputZeroPoint)
        reads = [operand(record.input, channels: Int(record.inputChannels), bytes: record.inputBytes)]
        if record.kind == OperatorKind.add.rawValue {
            reads.append(operand(record.second, channels: Int(record.inputChannels), bytes: record.secondBytes))
        }
        writes = operand(record.output, channels: Int(record.outputChannels), bytes: record.outputBytes)
        sums = record.scratchBuffer == OperatorRecord.noBuffer ? nil : Int(record.scratchBuffer)
        let first = Int(record.firstProducer)
        producers = (first..<(first + Int(record.producerCount))).map { reader.link($0) }
        parametersOffset = Int(record.parameters)
        parameterBytes = Int(record.parameterBytes)
        macs = record.multiplyAccumulates(block: reader.pointer(record.parameters))
        stages = []
        if record.operatorKind == .separableBlock {
            let block = SeparableBlock(record, block: reader.pointer(record.parameters))
            stages = (0..<block.stageCount).map { index in
                String(decoding: reader.string(block.stage(index).name), as: UTF8.self)
            }
        }
    }
}
