import Foundation
import Testing

@testable import SwiftletFormat

/// The tables of the article on the format against the records themselves.
@Suite struct FormatArticleTests {
    private static let article: String = {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appendingPathComponent("Sources/SwiftletFormat/SwiftletFormat.docc/TheInt8BinFormat.md")
        return (try? String(contentsOf: url, encoding: .utf8)) ?? ""
    }()

    /// A line of a table.
    private struct Field: Equatable, CustomStringConvertible {
        var offset: Int
        var size: Int
        var name: String

        var description: String { "\(name) at \(offset), \(size) bytes" }
    }

    private static let sizes = [
        "UInt8": 1, "Int8": 1, "UInt16": 2, "UInt32": 4, "Float32": 4, "UInt64": 8, "8 bytes": 8,
        "list": MemoryLayout<ListRecord>.size, "operand": MemoryLayout<OperandRecord>.size,
    ]

    /// The lines of the table under `heading`.
    private func table(_ heading: String) -> [Field] {
        guard let section = Self.article.components(separatedBy: "## \(heading)").dropFirst().first else { return [] }
        return section.components(separatedBy: "\n## ")[0].split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count > 4, let offset = Int(cells[1]) else { return nil }
            return Field(offset: offset, size: Self.sizes[cells[2]] ?? -1, name: cells[3])
        }
    }

    private func field<Record, Value>(_ name: String, _ path: KeyPath<Record, Value>, plus: Int = 0) -> Field {
        Field(
            offset: (MemoryLayout<Record>.offset(of: path) ?? -1) + plus, size: MemoryLayout<Value>.size, name: name)
    }

    /// The article's table is the record's fields, and they fill the record without a gap.
    private func check<Record>(_ heading: String, _ type: Record.Type, _ fields: [Field]) {
        let article = table(heading)
        #expect(article == fields, "\(heading)")
        var end = 0
        for field in article {
            #expect(field.offset == end, "\(heading): \(field)")
            end = field.offset + field.size
        }
        #expect(end == MemoryLayout<Record>.size && end == MemoryLayout<Record>.stride, "\(heading)")
    }

    @Test func theHeadersTableIsTheHeader() {
        typealias R = HeaderRecord
        let preprocessing = MemoryLayout<R>.offset(of: \.preprocessing) ?? 0
        func inside<Value>(_ name: String, _ path: KeyPath<PreprocessingRecord, Value>) -> Field {
            field(name, path, plus: preprocessing)
        }
        check(
            "Header\n", R.self,
            [
                field("magic", \R.magic), field("version", \R.version), field("headerBytes", \R.headerBytes),
                field("fileBytes", \R.fileBytes), field("checksum", \R.checksum), field("arenaBytes", \R.arenaBytes),
                field("inputs", \R.inputs), field("outputs", \R.outputs), field("operators", \R.operators),
                field("buffers", \R.buffers), field("segments", \R.segments), field("links", \R.links),
                field("classNames", \R.classNames), inside("shorterSide", \.shorterSide),
                inside("colorOrder", \.colorOrder), inside("reserved", \.reserved),
                field("architecture", \R.architecture), field("selfTestSeed", \R.selfTestSeed),
                field("selfTestChecksum", \R.selfTestChecksum), field("weightBytes", \R.weightBytes),
                field("recomputation", \R.recomputation), field("multiplyAccumulates", \R.multiplyAccumulates),
            ])
        #expect(HeaderRecord.checkedFrom == MemoryLayout<R>.offset(of: \.arenaBytes))
        #expect(HeaderRecord().headerBytes == 112 && MemoryLayout<R>.size == 112)
        #expect(withUnsafeBytes(of: HeaderRecord.magic) { Array($0) } == Array("SWIFTLET".utf8))
    }

    @Test func theOperatorsTableIsTheRecord() {
        typealias R = OperatorRecord
        check(
            "Operator record", R.self,
            [
                field("kind", \R.kind), field("activationMin", \R.activationMin),
                field("activationMax", \R.activationMax), field("inputZeroPoint", \R.inputZeroPoint),
                field("secondZeroPoint", \R.secondZeroPoint), field("outputZeroPoint", \R.outputZeroPoint),
                field("producerCount", \R.producerCount), field("consumerCount", \R.consumerCount),
                field("scratchBuffer", \R.scratchBuffer), field("firstProducer", \R.firstProducer),
                field("firstConsumer", \R.firstConsumer), field("kernelHeight", \R.kernelHeight),
                field("kernelWidth", \R.kernelWidth), field("strideHeight", \R.strideHeight),
                field("strideWidth", \R.strideWidth), field("dilationHeight", \R.dilationHeight),
                field("dilationWidth", \R.dilationWidth), field("paddingTop", \R.paddingTop),
                field("paddingLeft", \R.paddingLeft), field("input", \R.input), field("second", \R.second),
                field("output", \R.output), field("inputHeight", \R.inputHeight), field("inputWidth", \R.inputWidth),
                field("inputChannels", \R.inputChannels), field("groups", \R.groups),
                field("outputHeight", \R.outputHeight), field("outputWidth", \R.outputWidth),
                field("outputChannels", \R.outputChannels), field("flags", \R.flags),
                field("parameters", \R.parameters), field("parameterBytes", \R.parameterBytes),
                field("outputScale", \R.outputScale), field("name", \R.name),
            ])
        #expect(OperatorRecord.noBuffer == 65535)
        #expect(OperatorKind.allCases.map(\.rawValue) == Array(1...16))
    }

    @Test func theSmallerTablesAreTheRecords() {
        typealias B = BufferRecord
        check(
            "Buffer record", B.self,
            [
                field("arenaOffset", \B.arenaOffset), field("rowBytes", \B.rowBytes), field("ringRows", \B.ringRows),
                field("width", \B.width), field("pixelBytes", \B.pixelBytes), field("phase", \B.phase),
            ])
        typealias O = OperandRecord
        check(
            "Operand", O.self,
            [
                field("buffer", \O.buffer), field("channelOffset", \O.channelOffset),
                field("channelTable", \O.channelTable),
            ])
        typealias I = InputRecord
        check(
            "Input record", I.self,
            [
                field("buffer", \I.buffer), field("height", \I.height), field("width", \I.width),
                field("channels", \I.channels), field("isPixels", \I.isPixels), field("zeroPoint", \I.zeroPoint),
                field("consumerCount", \I.consumerCount), field("firstConsumer", \I.firstConsumer),
                field("scale", \I.scale), field("name", \I.name),
            ])
        typealias P = OutputRecord
        check(
            "Output record", P.self,
            [
                field("operand", \P.operand), field("height", \P.height), field("width", \P.width),
                field("channels", \P.channels), field("zeroPoint", \P.zeroPoint), field("isWide", \P.isWide),
                field("scale", \P.scale), field("name", \P.name),
            ])
    }

    @Test func theTablesOfRecomputationAreTheRecords() {
        typealias R = RecomputationRecord
        check(
            "Recomputation record", R.self,
            [
                field("leastMultiplyAccumulates", \R.leastMultiplyAccumulates), field("passes", \R.passes),
                field("rowWidth", \R.rowWidth), field("layerwiseBytes", \R.layerwiseBytes),
            ])
        typealias S = StageRecord
        check(
            "Stage record", S.self,
            [
                field("parameters", \S.parameters), field("parameterBytes", \S.parameterBytes),
                field("outputChannels", \S.outputChannels), field("groups", \S.groups),
                field("activationMin", \S.activationMin), field("activationMax", \S.activationMax),
                field("outputZeroPoint", \S.outputZeroPoint), field("reserved", \S.reserved),
                field("outputScale", \S.outputScale), field("name", \S.name),
            ])
        #expect(SeparableBlock.byteCount(stages: 3) == 80 && SeparableBlock.byteCount(stages: 2) == 56)
    }

    /// The numbers that the text works out.
    @Test func theWorkedExamplesAreRight() {
        let small = ConvolutionLayout(isDepthwise: false, groups: 1, inputChannels: 3, outputChannels: 6, taps: 1)
        #expect(small.blockWidth(0) == 8 && small.quads == 1 && small.weightBytes == 32)
        #expect(small.weightIndex(output: 5, tap: 0, input: 2) == 5 * 4 + 2)
        // Parameter blocks: bias, multiplier, shift and padding one after the other.
        let grouped = ConvolutionLayout(isDepthwise: false, groups: 3, inputChannels: 12, outputChannels: 30, taps: 9)
        #expect(grouped.paddedChannels == 48)  // 30 plus 15, rounded up.
        #expect(grouped.multiplierOffset == 4 * 48 && grouped.shiftOffset == 8 * 48 && grouped.padPixelOffset == 9 * 48)
        #expect(grouped.weightsOffset == 448)  // 432 + 16, a multiple of 64.
        let depthwise = ConvolutionLayout(isDepthwise: true, groups: 1, inputChannels: 5, outputChannels: 10, taps: 9)
        #expect(depthwise.paddedChannels == 16 && depthwise.weightBytes == 9 * 16)
        // The state of 2 inputs and 33 operators: 74 bytes to 76, two words to 84, pointers from 88.
        let state = StateLayout(inputs: 2, operators: 33, kernelRows: 3)
        #expect(
            state.readyOffset == 76 && state.readyWords == 2 && state.rowTableOffset == 88 && state.byteCount == 112)
    }
}
