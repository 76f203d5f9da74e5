import Foundation
import Swiftlet
import SwiftletFormat
import SwiftletGraph
import SwiftletHost
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletConverter

/// Broken and hostile models: refused with a reason, or run without leaving the arena.
@Suite struct HostileModelTests {
    @Test func theModelsToMutateHoldEveryOperator() throws {
        var kinds: Set<UInt8> = []
        var tables = 0
        for bytes in SmallModel.all {
            let file = try ModelFile(contents: bytes, path: "t")
            defer { withExtendedLifetime(file) {} }
            let reader = file.model.reader
            kinds.formUnion((0..<reader.operatorCount).map { reader.operation($0).kind })
            tables += (0..<reader.operatorCount).filter { reader.operation($0).input.channelTable != 0 }.count
        }
        #expect(kinds == Set(OperatorKind.allCases.map(\.rawValue)))
        #expect(tables > 0)
    }

    /// As it is, and with a header that promises no more than is left.
    @Test func everyTruncationIsRefused() {
        for bytes in SmallModel.all {
            #expect(!bytes.isEmpty)
            for length in 0..<bytes.count {
                var part = Array(bytes[0..<length])
                #expect(throws: ModelFileError.self, "\(length) bytes") { try ModelFile(contents: part, path: "t") }
                guard length >= MemoryLayout<HeaderRecord>.size else { continue }
                part.replace(UInt32(length), at: 12)
                SmallModel.reseal(&part)
                #expect(throws: ModelFileError.self, "\(length) bytes, resealed") {
                    try ModelFile(contents: part, path: "t")
                }
            }
        }
    }

    @Test func aFlippedBitAnywhereIsSeenByTheChecksum() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            var bytes = SmallModel.bytes
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            bytes[position] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            #expect(throws: ModelFileError.self, "byte \(position)") { try ModelFile(contents: bytes, path: "t") }
        }
    }

    /// The checksum is entered anew after each mutation, so that it is the validation that has to hold.
    @Test func mutatedModelsAreRefusedOrRunInsideTheArena() throws {
        let seed: UInt64 = 777
        var generator = SeededGenerator(seed: seed)
        let models = try SmallModel.all.map { bytes in
            let header = try ModelFile(contents: bytes, path: "t").model.reader.header
            return (bytes: bytes, firstRecord: Int(min(header.inputs.offset, header.operators.offset)))
        }
        var refused = 0
        var ran = 0
        for round in 0..<12000 {
            let (original, firstRecord) = models[round % models.count]
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                // Records and header matter most; weights may hold anything, tables may not.
                let area = round % 8 < 2 ? 20..<112 : round % 8 < 4 ? 112..<firstRecord : firstRecord..<bytes.count
                let position = Int.random(in: area, using: &generator)
                bytes[position] =
                    [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &generator)].randomElement(
                        using: &generator)!
            }
            SmallModel.reseal(&bytes)
            guard let file = try? ModelFile(contents: bytes, path: "t") else {
                refused += 1
                continue
            }
            guard file.model.arenaBytes < 1 << 22, Self.work(file) < 1 << 21 else { continue }
            let runner = try Runner(file)
            let pixels = [UInt8](repeating: 7, count: runner.inputBytes)
            _ = try? pixels.withUnsafeBytes { try runner.run($0) }
            #expect(runner.arena.guardsAreIntact, "seed \(seed) round \(round)")
            ran += 1
        }
        #expect(refused > 1000 && ran > 1000, "refused \(refused), ran \(ran)")
    }

    /// About how many taps a run computes: mutations may ask for hours.
    private static func work(_ file: ModelFile) -> Int {
        let reader = file.model.reader
        let pushed = file.model.passes * file.model.inputRowBytes * file.model.inputHeight
        return (0..<reader.operatorCount).reduce(pushed) { sum, index in
            let record = reader.operation(index)
            let taps = Int(record.kernelHeight) * Int(record.kernelWidth) * Int(record.inputChannels)
            let outputs = max(Int(record.inputHeight), Int(record.outputHeight)) * Int(record.outputWidth)
            return sum + outputs * Int(record.outputChannels) * taps
        }
    }

    @Test func eachErrorSaysWhatIsWrong() {
        func message(_ change: (inout [UInt8]) -> Void) -> String {
            var bytes = SmallModel.bytes
            change(&bytes)
            do {
                _ = try ModelFile(contents: bytes, path: "m.bin")
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        #expect(message { $0 = Array("PNG".utf8) } == "m.bin: not a Swiftlet model: 3 bytes, the header alone has 112")
        #expect(message { $0[0] = 0 }.hasPrefix("m.bin: not a Swiftlet model: it does not begin with \"SWIFTLET\""))
        #expect(
            message { $0[8] = 9 }
                == "m.bin: format version 9, this build reads versions 3 to 5; convert the checkpoint again")
        #expect(message { $0.removeLast(100) }.hasPrefix("m.bin: truncated: "))
        #expect(message { $0[$0.count / 2] ^= 1 }.hasPrefix("m.bin: corrupted: checksum 0x"))
        #expect(message { $0 = [] }.contains("0 bytes"))
    }
}
