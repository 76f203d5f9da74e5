/// `swiftlet inspect`: what an `int8.bin` says, record by record.
import ArgumentParser
import Foundation
import Swiftlet
import SwiftletFormat
import SwiftletHost
import SwiftletProfiler

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Prints an int8.bin: header, input, classes, operators, arena.")

    @Argument(help: "A model by name or path.")
    var model: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let inspection = try Inspection(ModelLookup.open(model))
        if json { try Console.print(json: inspection) } else { print(inspection.text) }
    }
}

/// The file as values.
struct Inspection: Encodable {
    struct Operand: Encodable {
        var buffer: Int
        var channelOffset: Int
        /// Nil when the channels are consecutive.
        var channelTable: [Int]?
    }

    struct Operation: Encodable {
        var name: String
        var kind: String
        var input: String
        var output: String
        var window: String
        var groups: Int
        var activation: [Int]
        var scale: Float
        var zeroPoint: Int
        var reads: [Operand]
        var writes: Operand
        var producers: [Int]
        var parametersOffset: Int
        var parameterBytes: Int
        var macs: Int
    }

    struct Ring: Encodable {
        var arenaOffset: Int
        var rowBytes: Int
        var rows: Int
        var width: Int
        var pixelBytes: Int
    }

    var path: String
    var version: Int
    var architecture: String
    var fileBytes: Int
    var checksum: String
    var arenaBytes: Int
    var stateBytes: Int
    var weightBytes: Int
    var macs: Int
    var input: String
    var resize: String
    var output: String
    var classes: [String]
    var selfTest: String
    var segments: [Int]
    var operators: [Operation]
    var rings: [Ring]

    init(_ file: ModelFile) throws {
        let reader = file.model.reader
        let header = reader.header
        func operand(_ record: OperandRecord, channels: Int) -> Operand {
            let table = reader.channelTable(record.channelTable).map { table in (0..<channels).map { Int(table[$0]) } }
            return Operand(buffer: Int(record.buffer), channelOffset: Int(record.channelOffset), channelTable: table)
        }
        path = file.path
        version = Int(header.version)
        architecture = file.architecture
        fileBytes = file.byteCount
        checksum = String(format: "0x%08x", header.checksum)
        arenaBytes = reader.arenaBytes
        stateBytes = reader.state.byteCount
        weightBytes = Int(header.weightBytes)
        macs = Int(header.multiplyAccumulates)
        let first = reader.input(0)
        input =
            "\(first.height)x\(first.width)x\(first.channels) "
            + (first.isPixels == 1 ? "pixels of 0...255" : "int8, scale \(first.scale), zero point \(first.zeroPoint)")
        let order = ["rgb", "bgr", "grey"]
        let preprocessing = header.preprocessing
        resize =
            (preprocessing.shorterSide == 0 ? "stretch" : "shorter side to \(preprocessing.shorterSide), centre crop")
            + ", " + (Int(preprocessing.colorOrder) < order.count ? order[Int(preprocessing.colorOrder)] : "?")
        let last = reader.output(0)
        output = "\(last.height)x\(last.width)x\(last.channels), scale \(last.scale), zero point \(last.zeroPoint)"
        classes = (0..<reader.classCount).map { file.className($0) }
        selfTest = String(format: "seed %u, output checksum 0x%08x", header.selfTestSeed, header.selfTestChecksum)
        segments = (0..<reader.segmentCount).map { reader.segmentStart($0) }
        operators = (0..<reader.operatorCount).map { index in
            let record = reader.operation(index)
            var reads = [operand(record.input, channels: Int(record.inputChannels))]
            if record.kind == OperatorKind.add.rawValue {
                reads.append(operand(record.second, channels: Int(record.inputChannels)))
            }
            let producers = Int(record.firstProducer)..<(Int(record.firstProducer) + Int(record.producerCount))
            return Operation(
                name: file.operationName(index), kind: record.kindName,
                input: "\(record.inputHeight)x\(record.inputWidth)x\(record.inputChannels)",
                output: "\(record.outputHeight)x\(record.outputWidth)x\(record.outputChannels)",
                window:
                    "kernel \(record.kernelHeight)x\(record.kernelWidth) stride \(record.strideHeight)x\(record.strideWidth) "
                    + "dilation \(record.dilationHeight)x\(record.dilationWidth) padding \(record.paddingTop),\(record.paddingLeft)",
                groups: Int(record.groups), activation: [Int(record.activationMin), Int(record.activationMax)],
                scale: record.outputScale, zeroPoint: Int(record.outputZeroPoint), reads: reads,
                writes: operand(record.output, channels: Int(record.outputChannels)),
                producers: producers.map { reader.link($0) }, parametersOffset: Int(record.parameters),
                parameterBytes: Int(record.parameterBytes), macs: record.multiplyAccumulates)
        }
        rings = (0..<reader.bufferCount).map { index in
            let buffer = reader.buffer(index)
            return Ring(
                arenaOffset: Int(buffer.arenaOffset), rowBytes: Int(buffer.rowBytes), rows: Int(buffer.ringRows),
                width: Int(buffer.width), pixelBytes: Int(buffer.pixelBytes))
        }
    }

    var text: String {
        func channels(_ operand: Operand) -> String {
            operand.channelTable == nil ? "b\(operand.buffer)+\(operand.channelOffset)" : "b\(operand.buffer)[table]"
        }
        var lines = [
            "\(path): int8.bin version \(version), \(fileBytes) B, checksum \(checksum)",
            "architecture  \(architecture)",
            "input         \(input); \(resize)",
            "output        \(output)",
            "classes       \(classes.prefix(12).joined(separator: ", "))\(classes.count > 12 ? ", … (\(classes.count))" : "")",
            "arena         \(arenaBytes) B, of which executor state \(stateBytes) B",
            "weights       \(weightBytes) B, \(macs) MACs",
            "self-test     \(selfTest)",
            "segments      begin at operators \(segments.map(String.init).joined(separator: ", "))",
            "",
        ]
        for (index, operation) in operators.enumerated() {
            lines.append(
                "\(index)  \(operation.name)  \(operation.kind)  \(operation.input) -> \(operation.output)  "
                    + operation.reads.map(channels).joined(separator: " ") + " -> " + channels(operation.writes)
                    + "  scale \(operation.scale) zero \(operation.zeroPoint) clamp \(operation.activation[0])...\(operation.activation[1])"
            )
        }
        lines.append("")
        for (index, ring) in rings.enumerated() {
            lines.append(
                "b\(index)  at \(ring.arenaOffset)  \(ring.rows) rows of \(ring.rowBytes) B  (\(ring.width) pixels of "
                    + "\(ring.pixelBytes) B)")
        }
        return lines.joined(separator: "\n")
    }
}
