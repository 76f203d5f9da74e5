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
    private static let model: [UInt8] = {
        let architecture = try? Architecture(parsing: "shufflenet-v2:width=0.5,resolution=32,classes=4")
        return architecture.flatMap { try? ConversionPipeline.convertRandom($0, seed: 5).bytes } ?? []
    }()

    @Test func everyTruncationIsRefused() {
        let bytes = Self.model
        #expect(!bytes.isEmpty)
        for length in stride(from: 0, to: bytes.count, by: 997) {
            #expect(throws: ModelFileError.self) { try ModelFile(contents: Array(bytes[0..<length]), path: "t") }
        }
    }

    @Test func aFlippedBitAnywhereIsSeenByTheChecksum() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            var bytes = Self.model
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            bytes[position] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            #expect(throws: ModelFileError.self, "byte \(position)") { try ModelFile(contents: bytes, path: "t") }
        }
    }

    /// The checksum is entered anew after each mutation, so that it is the validation that has to hold.
    @Test func mutatedModelsAreRefusedOrRunInsideTheArena() throws {
        let seed: UInt64 = 777
        var generator = SeededGenerator(seed: seed)
        let header = try ModelFile(contents: Self.model, path: "t").model.reader.header
        let firstRecord = min(header.inputs.offset, header.operators.offset)
        var refused = 0
        var ran = 0
        for round in 0..<3000 {
            var bytes = Self.model
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                // Records and header matter most; weights may hold anything.
                let area = round % 4 == 0 ? 20..<112 : Int(firstRecord)..<bytes.count
                let position = Int.random(in: area, using: &generator)
                bytes[position] =
                    [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &generator)].randomElement(
                        using: &generator)!
            }
            Self.reseal(&bytes)
            guard let file = try? ModelFile(contents: bytes, path: "t") else {
                refused += 1
                continue
            }
            guard file.model.arenaBytes < 1 << 24, file.model.inputRowBytes * file.model.inputHeight < 1 << 22 else {
                continue
            }
            let runner = try Runner(file)
            let pixels = [UInt8](repeating: 7, count: file.model.inputRowBytes * file.model.inputHeight)
            _ = try? pixels.withUnsafeBytes { try runner.run($0) }
            #expect(runner.arena.guardsAreIntact, "seed \(seed) round \(round)")
            ran += 1
        }
        #expect(refused > 100 && ran > 100, "refused \(refused), ran \(ran)")
    }

    private static func reseal(_ bytes: inout [UInt8]) {
        let checksum = bytes.withUnsafeBytes {
            Checksum.of(UnsafeRawBufferPointer(rebasing: $0[HeaderRecord.checkedFrom...]))
        }
        bytes.replace(checksum, at: 16)
    }

    @Test func eachErrorSaysWhatIsWrong() {
        func message(_ change: (inout [UInt8]) -> Void) -> String {
            var bytes = Self.model
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
                == "m.bin: format version 9, this build reads version 1; convert the checkpoint again")
        #expect(message { $0.removeLast(100) }.hasPrefix("m.bin: truncated: "))
        #expect(message { $0[$0.count / 2] ^= 1 }.hasPrefix("m.bin: corrupted: checksum 0x"))
        #expect(message { $0 = [] }.contains("0 bytes"))
    }
}
