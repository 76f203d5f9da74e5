import Testing

@testable import SwiftletFormat

/// The layout that the article on the format promises to other implementations.
@Suite struct RecordLayoutTests {
    @Test func recordsHaveTheirSizes() {
        #expect(MemoryLayout<HeaderRecord>.size == 112)
        #expect(MemoryLayout<ListRecord>.size == 8)
        #expect(MemoryLayout<BufferRecord>.size == 16)
        #expect(MemoryLayout<OperandRecord>.size == 8)
        #expect(MemoryLayout<OperatorRecord>.size == 92)
        #expect(MemoryLayout<OperatorRecord>.stride == 92)
        #expect(MemoryLayout<InputRecord>.size == 24)
        #expect(MemoryLayout<OutputRecord>.size == 24)
        #expect(MemoryLayout<PreprocessingRecord>.size == 4)
        #expect(MemoryLayout<RecomputationRecord>.size == 16)
        #expect(MemoryLayout<StageRecord>.stride == 24)
    }

    @Test func headerFieldsLieWhereTheyAreSaidTo() {
        #expect(MemoryLayout<HeaderRecord>.offset(of: \.version) == 8)
        #expect(MemoryLayout<HeaderRecord>.offset(of: \.headerBytes) == 10)
        #expect(MemoryLayout<HeaderRecord>.offset(of: \.fileBytes) == 12)
        #expect(MemoryLayout<HeaderRecord>.offset(of: \.checksum) == 16)
        #expect(MemoryLayout<HeaderRecord>.offset(of: \.arenaBytes) == HeaderRecord.checkedFrom)
        #expect(MemoryLayout<HeaderRecord>.offset(of: \.inputs) == 24)
        #expect(MemoryLayout<HeaderRecord>.offset(of: \.classNames) == 72)
        #expect(MemoryLayout<HeaderRecord>.offset(of: \.preprocessing) == 80)
        #expect(MemoryLayout<HeaderRecord>.offset(of: \.multiplyAccumulates) == 104)
    }

    @Test func operatorFieldsLieWhereTheyAreSaidTo() {
        #expect(MemoryLayout<OperatorRecord>.offset(of: \.producerCount) == 6)
        #expect(MemoryLayout<OperatorRecord>.offset(of: \.firstProducer) == 12)
        #expect(MemoryLayout<OperatorRecord>.offset(of: \.kernelHeight) == 20)
        #expect(MemoryLayout<OperatorRecord>.offset(of: \.input) == 36)
        #expect(MemoryLayout<OperatorRecord>.offset(of: \.inputHeight) == 60)
        #expect(MemoryLayout<OperatorRecord>.offset(of: \.parameters) == 76)
        #expect(MemoryLayout<OperatorRecord>.offset(of: \.name) == 88)
    }

    /// Every weight has a place of its own, inside the block.
    @Test func packedWeightsNeverShareAPlace() {
        let shapes = [(1, 3, 8, 9), (1, 17, 33, 1), (4, 20, 24, 9), (2, 6, 38, 3), (3, 9, 3, 4)]
        for (groups, inputs, outputs, taps) in shapes {
            let layout = ConvolutionLayout(
                isDepthwise: false, groups: groups, inputChannels: inputs, outputChannels: outputs, taps: taps)
            var seen: Set<Int> = []
            for output in 0..<outputs {
                for tap in 0..<taps {
                    for input in 0..<layout.groupInputs {
                        let index = layout.weightIndex(output: output, tap: tap, input: input)
                        #expect(index >= 0 && index < layout.weightBytes)
                        #expect(seen.insert(index).inserted, "\(groups) \(inputs) \(outputs) \(taps)")
                    }
                }
            }
        }
    }

    @Test func theChecksumIsTheWellKnownOne() {
        let bytes = Array("123456789".utf8)
        #expect(bytes.withUnsafeBytes { Checksum.of($0) } == 0xCBF4_3926)
    }
}
