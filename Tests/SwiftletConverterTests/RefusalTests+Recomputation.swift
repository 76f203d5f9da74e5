/// The parts of a file that only models which recompute have.
import SwiftletFormat
import SwiftletHost
import Testing

@testable import SwiftletConverter

extension RefusalTests {
    @Test func recomputationIsChecked() throws {
        let bytes = SmallModel.recomputingBytes
        #expect(refusal(bytes) == nil)
        let file = try ModelFile(contents: bytes, path: "t")
        defer { withExtendedLifetime(file) {} }
        let reader = file.model.reader
        #expect(part(SmallModel.changing(bytes) { $0.version = 3 }) == .recomputation)
        #expect(part(SmallModel.changing { $0.version = 4 }) == .recomputation)
        for offset: UInt32 in [0, 4, 0xFFFF_FFF8, UInt32(bytes.count) / 8 * 8] {
            #expect(part(SmallModel.changing(bytes) { $0.recomputation = offset }) == .recomputation, "\(offset)")
        }
        let place = Int(reader.header.recomputation)
        func record(_ change: (inout RecomputationRecord) -> Void) -> FormatError.Part? {
            part(SmallModel.changing(bytes, at: place, RecomputationRecord.self, change))
        }
        for passes: UInt16 in [0, 3, 0xFFFF] { #expect(record { $0.passes = passes } == .recomputation, "\(passes)") }
        #expect(record { $0.rowWidth -= 1 } == .recomputation)
        let columns = place + MemoryLayout<RecomputationRecord>.size
        #expect(part(SmallModel.changing(bytes, at: columns + 2, UInt16.self) { $0 = 0xFFFF }) == .recomputation)
        for field: WritableKeyPath<InputRecord, UInt16> in [\.height, \.channels] {
            let changed = SmallModel.changing(bytes, \.inputs, 1, InputRecord.self) { $0[keyPath: field] -= 1 }
            #expect(part(changed) == .recomputation)
        }
        // An operand's columns lie in its buffer.
        let gathering = try #require(
            (0..<reader.operatorCount).last { reader.operation($0).kind == 16 }, "no block in the model")
        #expect(reader.operation(gathering).output.channelOffset > 0)
        for offset in [reader.operation(gathering).output.channelOffset + 1, 0xFFFF] {
            let changed = SmallModel.changing(bytes, \.operators, gathering, OperatorRecord.self) {
                $0.output.channelOffset = offset
            }
            #expect(part(changed) == .operand, "\(offset)")
        }
    }

    @Test func blocksAreChecked() throws {
        let bytes = SmallModel.recomputingBytes
        let file = try ModelFile(contents: bytes, path: "t")
        defer { withExtendedLifetime(file) {} }
        let reader = file.model.reader
        let blocks = (0..<reader.operatorCount).filter { reader.operation($0).kind == 16 }
        for block in blocks {
            let record = reader.operation(block)
            func change(_ change: (inout OperatorRecord) -> Void) -> FormatError.Part? {
                part(SmallModel.changing(bytes, \.operators, block, OperatorRecord.self, change))
            }
            #expect(change { $0.scratchBuffer = 0xFFFF } == .geometry)
            #expect(change { $0.paddingLeft = 3 } == .window)
            #expect(change { $0.strideWidth = 100 } == .window)
            #expect(change { $0.parameterBytes = 8 } == .parameters)
            #expect(change { $0.outputChannels -= 1 } == .geometry)
            #expect(change { $0.kernelHeight = 4095 } != nil)
            let scratch = Int(record.scratchBuffer)
            let small = SmallModel.changing(bytes, \.buffers, scratch, BufferRecord.self) {
                $0.rowBytes -= 1
                $0.pixelBytes -= 1
            }
            #expect(part(small) == .buffer)
            func head(_ index: Int, _ value: UInt16) -> FormatError.Part? {
                part(SmallModel.changing(bytes, at: Int(record.parameters) + index * 2, UInt16.self) { $0 = value })
            }
            for count: UInt16 in [0, 1, 4, 0xFFFF] { #expect(head(0, count) == .parameters, "\(count) stages") }
            #expect(head(1, 0) == .parameters)
            #expect(head(1, 0xFFFF) == .buffer)
            for index in 0..<SeparableBlock(record, block: reader.pointer(record.parameters)).stageCount {
                let place = Int(record.parameters) + SeparableBlock.headBytes + index * MemoryLayout<StageRecord>.stride
                func stage(_ change: (inout StageRecord) -> Void) -> FormatError.Part? {
                    part(SmallModel.changing(bytes, at: place, StageRecord.self, change))
                }
                #expect(stage { $0.parameters = 0xFFFF_FFC0 } == .parameters)
                #expect(stage { $0.parameterBytes -= 1 } == .parameters)
                #expect(stage { $0.outputChannels = 0 } == .activation)
                #expect(stage { $0.outputChannels = 0xFFFF } != nil)
                #expect(stage { $0.groups = 0 } == .geometry)
                #expect(stage { ($0.activationMin, $0.activationMax) = (1, 0) } == .activation)
                #expect(stage { $0.name = 0xFFFF_FFFE } == .string)
            }
        }
        #expect(blocks.count == 4)
    }
}
