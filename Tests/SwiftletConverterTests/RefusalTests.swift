import SwiftletFormat
import SwiftletHost
import Testing

@testable import SwiftletConverter

/// Every field that could lead the executor astray is refused by the part of the file that it belongs to.
@Suite struct RefusalTests {
    /// What refuses the bytes; nil when nothing does.
    func refusal(_ bytes: [UInt8], byteOffset: Int = 0) -> FormatError? {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(bytes.count + byteOffset, 1), alignment: ModelReader.alignment)
        defer { memory.deallocate() }
        let place = UnsafeMutableRawBufferPointer(rebasing: memory[byteOffset..<(byteOffset + bytes.count)])
        place.copyBytes(from: bytes)
        do throws(FormatError) {
            _ = try ModelReader(UnsafeRawBufferPointer(place))
            return nil
        } catch {
            return error
        }
    }

    func part(_ bytes: [UInt8]) -> FormatError.Part? {
        let refusal = refusal(bytes)
        switch refusal {
        case .outOfBounds(let part, _, _, _), .invalid(let part, _, _): return part
        default:
            Issue.record("\(refusal.map { "\($0)" } ?? "accepted")")
            return nil
        }
    }

    /// The index of the first operator of a kind.
    func first(_ kind: OperatorKind) throws -> Int {
        let file = try ModelFile(contents: SmallModel.bytes, path: "t")
        defer { withExtendedLifetime(file) {} }
        let reader = file.model.reader
        return try #require((0..<reader.operatorCount).first { reader.operation($0).kind == kind.rawValue })
    }

    @Test func theModelItselfIsAccepted() {
        #expect(refusal(SmallModel.bytes) == nil)
        #expect(refusal(SmallModel.changing { $0.selfTestSeed = 9 }) == nil)
    }

    @Test func theEnvelopeIsChecked() {
        let bytes = SmallModel.bytes
        #expect(refusal([]) == .tooShort(bytes: 0, needed: 112))
        #expect(refusal(Array(bytes[0..<111])) == .tooShort(bytes: 111, needed: 112))
        #expect(refusal(Array(bytes[0..<112])) == .truncated(bytes: 112, promised: bytes.count))
        #expect(refusal(bytes + [0]) == .truncated(bytes: bytes.count + 1, promised: bytes.count))
        #expect(refusal(SmallModel.changing { $0.magic += 1 }) == .notAModel)
        #expect(refusal(SmallModel.changing { $0.version = 2 }) == .unsupportedVersion(found: 2, supported: 5))
        #expect(refusal(SmallModel.changing { $0.headerBytes = 96 }) == .invalid(part: .header, index: 0, value: 96))
        #expect(refusal(bytes, byteOffset: 8) == .misaligned(byteOffset: 8, alignment: 64))
        var broken = bytes
        broken[bytes.count - 1] ^= 1
        if case .wrongChecksum = refusal(broken) {} else { Issue.record("\(String(describing: refusal(broken)))") }
    }

    @Test func listsAndTheArenaAreChecked() {
        typealias H = HeaderRecord
        let lists: [(WritableKeyPath<H, ListRecord>, FormatError.Part)] = [
            (\.inputs, .input), (\.outputs, .output), (\.operators, .operatorRecord), (\.buffers, .buffer),
            (\.segments, .segment), (\.links, .link), (\.classNames, .string),
        ]
        for (list, expected) in lists {
            for offset: UInt32 in [0xFFFF_FFF8, 0x8000_0000, UInt32(SmallModel.bytes.count + 7) / 8 * 8 + 8] {
                let found = part(
                    SmallModel.changing {
                        $0[keyPath: list].offset = offset
                        $0[keyPath: list].count = 1
                    })
                #expect(found == expected, "\(list) at \(offset)")
            }
            for count: UInt32 in [0xFFFF_FFFF, 0x4000_0000, 0x2000_0001] {
                #expect(part(SmallModel.changing { $0[keyPath: list].count = count }) == expected, "\(list) \(count)")
            }
        }
        for list: WritableKeyPath<H, ListRecord> in [\.inputs, \.outputs, \.operators, \.segments] {
            #expect(part(SmallModel.changing { $0[keyPath: list].count = 0 }) == .header, "\(list)")
        }
        let misaligned = refusal(SmallModel.changing { $0.operators.offset += 4 })
        #expect(misaligned == .misaligned(byteOffset: 4, alignment: 8))
        for arena: UInt32 in [0, 16, 0x3FFF_FFFF, 0x4000_0000, 0xFFFF_FFFF] {
            #expect(part(SmallModel.changing { $0.arenaBytes = arena }) == .header, "\(arena)")
        }
        #expect(part(SmallModel.changing { $0.arenaBytes -= 16 }) == .buffer)
        for offset: UInt32 in [1, 0xFFFF_FFFE, UInt32(SmallModel.bytes.count) / 2 * 2] {
            #expect(part(SmallModel.changing { $0.architecture = offset }) == .string, "\(offset)")
        }
    }

    @Test func buffersInputsAndOutputsAreChecked() {
        func buffer(_ change: (inout BufferRecord) -> Void) -> FormatError.Part? {
            part(SmallModel.changing(\.buffers, 1, BufferRecord.self, change))
        }
        #expect(buffer { $0.ringRows = 0 } == .buffer)
        #expect(buffer { $0.phase = $0.ringRows } == .buffer)
        #expect(buffer { $0.phase = 0xFFFF } == .buffer)
        #expect(buffer { $0.width = 0 } == .buffer)
        #expect(buffer { $0.pixelBytes = 0 } == .buffer)
        #expect(buffer { $0.arenaOffset = 0 } == .buffer)
        #expect(buffer { $0.arenaOffset = 0xFFFF_FFF0 } == .buffer)
        #expect(buffer { $0.ringRows = 0xFFFF } == .buffer)
        #expect(buffer { $0.rowBytes = 0xFFFF_FFFF } == .buffer)
        #expect(buffer { $0.rowBytes = 1 } == .buffer)
        #expect(buffer { $0.width = 0xFFFF } == .buffer)
        func input(_ change: (inout InputRecord) -> Void) -> FormatError.Part? {
            part(SmallModel.changing(\.inputs, 0, InputRecord.self, change))
        }
        #expect(input { $0.height = 0 } == .input)
        #expect(input { $0.height = 0x8000 } == .input)
        #expect(input { $0.isPixels = 2 } == .input)
        #expect(input { $0.buffer = 0xFFFF } == .operand)
        #expect(input { $0.width += 1 } == .operand)
        #expect(input { $0.width = 0 } == .operand)
        #expect(input { $0.channels += 1 } == .operand)
        #expect(input { $0.channels = 0 } == .operand)
        #expect(input { $0.firstConsumer = 0xFFFF_FFFF } == .link)
        #expect(input { $0.consumerCount = 0xFFFF } == .link)
        #expect(input { $0.name = 0xFFFF_FFFE } == .string)
        func output(_ change: (inout OutputRecord) -> Void) -> FormatError.Part? {
            part(SmallModel.changing(\.outputs, 0, OutputRecord.self, change))
        }
        #expect(output { $0.height = 0 } == .output)
        #expect(output { $0.height = 2 } == .output)
        #expect(output { $0.width = 2 } == .operand)
        #expect(output { $0.channels = 5 } == .operand)
        #expect(output { $0.operand.channelOffset = 1 } == .operand)
        #expect(output { $0.operand.channelTable = 0xFFFF_FFFE } == .channelTable)
        #expect(output { $0.name = 1 } == .string)
    }

    @Test func mapsOf16BitsAreChecked() throws {
        func change(_ kind: OperatorKind, _ change: (inout OperatorRecord) -> Void) throws -> FormatError.Part? {
            let file = try ModelFile(contents: SmallModel.wideBytes, path: "test")
            let index = try #require(
                (0..<file.model.reader.operatorCount).first {
                    file.model.reader.operation($0).kind == kind.rawValue && file.model.reader.operation($0).isWide
                })
            return part(
                SmallModel.changing(SmallModel.wideBytes, \.operators, index, OperatorRecord.self, change))
        }
        #expect(part(SmallModel.changing(SmallModel.wideBytes) { $0.version = 3 }) == .header)
        #expect(try change(.convolution) { $0.outputZeroPoint = 1 } == .activation)
        #expect(try change(.convolution) { $0.flags.insert(.secondIsWide) } == .operatorKind)
        #expect(try change(.maxPool) { $0.flags.remove(.readsWide) } == .geometry)
        #expect(try change(.maxPool) { $0.flags.remove(.writesWide) } == .geometry)
        #expect(try change(.add) { $0.flags.insert(.firstRepeatsRows) } == .operatorKind)
        #expect(try change(.add) { $0.second.channelOffset += 1 } == .operand)
        #expect(try change(.add) { $0.output.channelOffset += 1 } == .operand)
        #expect(try change(.globalAveragePool) { ($0.inputHeight, $0.inputWidth) = (0x7FFF, 3) } == .geometry)
        // Twice the bytes of what lies there.
        let narrow = SmallModel.changing(SmallModel.bytes) { $0.version = HeaderRecord.wideVersion }
        let file = try ModelFile(contents: narrow, path: "test")
        for index in 0..<file.model.reader.operatorCount
        where OperatorFlags.allowed(for: OperatorKind(rawValue: file.model.reader.operation(index).kind)!).contains(
            .writesWide)
        {
            let wide = SmallModel.changing(narrow, \.operators, index, OperatorRecord.self) {
                $0.flags.formUnion([.readsWide, .writesWide])
            }
            #expect(part(wide) != nil, "\(index)")
        }
    }

    @Test func operatorsAreChecked() throws {
        func change(_ kind: OperatorKind, _ change: (inout OperatorRecord) -> Void) throws -> FormatError.Part? {
            part(SmallModel.changing(\.operators, try first(kind), OperatorRecord.self, change))
        }
        for kind: UInt8 in [0, 17, 255] { #expect(try change(.add) { $0.kind = kind } == .operatorKind) }
        let fields: [WritableKeyPath<OperatorRecord, UInt16>] = [
            \.kernelHeight, \.kernelWidth, \.strideHeight, \.strideWidth, \.dilationHeight, \.dilationWidth,
        ]
        for field in fields {
            #expect(try change(.maxPool) { $0[keyPath: field] = 0 } == .window, "\(field)")
            #expect(try change(.maxPool) { $0[keyPath: field] = 4096 } != nil, "\(field)")
        }
        #expect(try change(.maxPool) { $0.paddingTop = 4096 } == .window)
        #expect(try change(.maxPool) { $0.paddingLeft = 4096 } == .window)
        #expect(try change(.maxPool) { $0.outputHeight = 0x8000 } == .geometry)
        #expect(try change(.maxPool) { $0.inputHeight = 0 } == .activation)
        #expect(try change(.maxPool) { ($0.activationMin, $0.activationMax) = (1, 0) } == .activation)
        #expect(try change(.maxPool) { $0.producerCount = 0 } == .link)
        #expect(try change(.maxPool) { $0.firstProducer = 0x7FFF_FFFF } == .link)
        #expect(try change(.maxPool) { $0.firstConsumer = 0x7FFF_FFFF } == .link)
        #expect(try change(.maxPool) { $0.name = 0xFFFF_FFFF } == .string)
        #expect(try change(.maxPool) { $0.outputChannels -= 1 } == .geometry)
        #expect(try change(.maxPool) { $0.input.buffer = 99 } == .operand)
        #expect(try change(.maxPool) { $0.inputWidth = 0xFFFF } == .operand)
        #expect(try change(.add) { $0.second.channelOffset = 0xFFFF } == .operand)
        #expect(try change(.add) { $0.second.buffer = 99 } == .operand)
        #expect(try change(.add) { $0.outputWidth -= 1 } == .geometry)
        #expect(try change(.add) { $0.parameterBytes = 20 } == .parameters)
        #expect(try change(.convolution) { $0.groups = 0 } == .geometry)
        #expect(try change(.convolution) { $0.groups = 3 } == .geometry)
        #expect(try change(.convolution) { $0.parameters = 0xFFFF_FFC0 } == .parameters)
        #expect(try change(.convolution) { $0.parameterBytes -= 1 } == .parameters)
        #expect(try change(.convolution) { ($0.kernelHeight, $0.kernelWidth) = (4095, 4095) } != nil)
        #expect(try change(.depthwiseConvolution) { $0.outputChannels = 3 } != nil)
        #expect(try change(.globalAveragePool) { $0.outputHeight = 2 } == .geometry)
        #expect(try change(.globalAveragePool) { $0.scratchBuffer = 0xFFFF } == .geometry)
        #expect(try change(.globalAveragePool) { $0.scratchBuffer = 0 } != nil)
        let misaligned = refusal(
            SmallModel.changing(\.operators, try first(.add), OperatorRecord.self) { $0.parameters -= 4 })
        #expect(misaligned == .misaligned(byteOffset: 60, alignment: 64))
    }

    @Test func multipliersShiftsTablesAndSegmentsAreChecked() throws {
        let file = try ModelFile(contents: SmallModel.bytes, path: "t")
        defer { withExtendedLifetime(file) {} }
        let reader = file.model.reader
        func replacing<Value>(_ value: Value, at offset: Int) -> FormatError.Part? {
            var bytes = SmallModel.bytes
            bytes.replace(value, at: offset)
            SmallModel.reseal(&bytes)
            return part(bytes)
        }
        let convolution = reader.operation(try first(.convolution))
        let layout = ConvolutionLayout(convolution)
        let block = Int(convolution.parameters)
        #expect(replacing(Int32(-1), at: block + layout.multiplierOffset) == .multiplier)
        for shift in [Int8(-32), 31, -128, 127] { #expect(replacing(shift, at: block + layout.shiftOffset) == .shift) }
        for kind in [OperatorKind.add, .globalAveragePool] {
            let block = Int(reader.operation(try first(kind)).parameters)
            #expect(replacing(Int32.min, at: block) == .multiplier)
            #expect(replacing(Int32(31), at: block + 4) == .shift)
            #expect(replacing(Int32.min, at: block + 4) == .shift)
        }
        let tabled = try #require(
            (0..<reader.operatorCount).map { reader.operation($0) }.first { $0.input.channelTable != 0 })
        #expect(replacing(UInt16.max, at: Int(tabled.input.channelTable)) == .channelTable)
        #expect(replacing(UInt16(1), at: Int(reader.header.segments.offset)) == .segment)
        #expect(replacing(UInt16(0), at: Int(reader.header.segments.offset) + 2) == .segment)
        #expect(replacing(UInt16(99), at: Int(reader.header.segments.offset) + 2) == .segment)
        #expect(replacing(UInt16(99), at: Int(reader.header.links.offset)) == .link)
    }
}
