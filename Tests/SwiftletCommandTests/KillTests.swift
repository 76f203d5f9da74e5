/// `train` and `convert` killed at any moment: what was there stays whole, and a run that goes on ends as an unbroken one.
import Foundation
import SwiftletGraph
import SwiftletTraining
import Testing
import TestSupport

@Suite struct KillTests {
    /// A moment to kill a program that writes `target` in `folder`.
    private enum Moment {
        /// So many seconds after its start.
        case after(Double)
        /// While the new file is being written beside the old one and has at least so many bytes.
        case writing(Int)
        /// As soon as the new file stands in the old one's place.
        case written

        func makeTest(of target: String, in folder: TemporaryFolder) -> () -> Bool {
            let path = folder.file(target)
            switch self {
            case .after(let seconds):
                let end = Date().addingTimeInterval(seconds)
                return { Date() >= end }
            case .writing(let bytes):
                let old = Set(folder.names)
                return {
                    folder.names.contains {
                        $0.hasSuffix(".partial") && !old.contains($0) && Self.size(folder.file($0)) >= bytes
                    }
                }
            case .written:
                let inode = Self.inode(path)
                return { Self.inode(path) != inode }
            }
        }

        /// Each kind in turn.
        static func random(_ turn: Int, using generator: inout SeededGenerator) -> Moment {
            switch turn % 3 {
            case 0: .written
            case 1: .writing(Int.random(in: 0...100_000, using: &generator))
            default: .after(Double.random(in: 0...0.2, using: &generator))
            }
        }

        private static func size(_ path: String) -> Int {
            var status = stat()
            return stat(path, &status) == 0 ? Int(status.st_size) : -1
        }

        private static func inode(_ path: String) -> UInt64 {
            var status = stat()
            return stat(path, &status) == 0 ? UInt64(status.st_ino) : 0
        }
    }

    private static let seed: UInt64 = 41

    @Test func trainingThatIsKilledAgainAndAgainEndsWithTheNumbersOfAnUnbrokenRun() throws {
        let options = [
            "train", "lenet5", "--data", "shapes:100", "--epochs", "8", "--batch", "20", "--threads", "1",
            "--optimizer",
            "adamw", "--learning-rate", "0.002",
        ]
        let folder = try TemporaryFolder()
        let unbroken = try swiftlet.run(options + ["--output", "whole.ckpt"], in: folder.path)
        #expect(unbroken.status == 0, "\(unbroken.errors)")

        var generator = SeededGenerator(seed: Self.seed)
        var kills = 0
        // Kills that come before the first epoch is written make no progress: after some of them one run goes through.
        for attempt in 0..<12 {
            let exists = folder.names.contains("broken.ckpt")
            let moment = Moment.random(attempt, using: &generator)
            let isMoment = moment.makeTest(of: "broken.ckpt", in: folder)
            let arguments = options + ["--output", "broken.ckpt"] + (exists ? ["--resume"] : [])
            guard try swiftlet.runAndKill(arguments, in: folder.path, when: isMoment) else { break }
            kills += 1
            guard folder.names.contains("broken.ckpt") else { continue }
            // Throws for a checkpoint that is not whole.
            let checkpoint = try Checkpoint(contentsOf: folder.file("broken.ckpt"))
            let isFinished = checkpoint.trainingState.isEmpty
            if isFinished { break }
            #expect(checkpoint.training["step"] != nil, "seed \(Self.seed), attempt \(attempt), killed \(moment)")
        }
        #expect(kills >= 3, "seed \(Self.seed): \(kills) kills")
        let last = folder.names.contains("broken.ckpt") ? try Checkpoint(contentsOf: folder.file("broken.ckpt")) : nil
        if last?.trainingState.isEmpty != true {
            let arguments = options + ["--output", "broken.ckpt"] + (last == nil ? [] : ["--resume"])
            let rest = try swiftlet.run(arguments, in: folder.path)
            #expect(rest.status == 0, "\(rest.errors)")
        }
        let whole = try Checkpoint(contentsOf: folder.file("whole.ckpt"))
        let broken = try Checkpoint(contentsOf: folder.file("broken.ckpt"))
        #expect(whole.graph.parameters == broken.graph.parameters, "seed \(Self.seed), \(kills) kills")
    }

    @Test func conversionThatIsKilledLeavesTheOldModelOrTheNewOne() throws {
        let folder = try TemporaryFolder()
        func convert(_ seed: Int, to file: String) -> [String] {
            ["convert", "--architecture", "lenet5", "--random-weights", "\(seed)", file]
        }
        for (seed, file) in [(1, "model.bin"), (2, "new.bin")] {
            #expect(try swiftlet.run(convert(seed, to: file), in: folder.path).status == 0)
        }
        let old = try Data(contentsOf: URL(fileURLWithPath: folder.file("model.bin")))
        let new = try Data(contentsOf: URL(fileURLWithPath: folder.file("new.bin")))
        #expect(old != new)
        var generator = SeededGenerator(seed: Self.seed)
        var (kills, kept) = (0, 0)
        for attempt in 0..<12 {
            try old.write(to: URL(fileURLWithPath: folder.file("model.bin")))
            let moment = Moment.random(attempt, using: &generator)
            let isMoment = moment.makeTest(of: "model.bin", in: folder)
            kills += try swiftlet.runAndKill(convert(2, to: "model.bin"), in: folder.path, when: isMoment) ? 1 : 0
            let found = try Data(contentsOf: URL(fileURLWithPath: folder.file("model.bin")))
            kept += found == old ? 1 : 0
            #expect(found == old || found == new, "seed \(Self.seed), attempt \(attempt), killed \(moment)")
        }
        #expect(kills >= 3 && kept >= 1, "seed \(Self.seed): \(kills) kills, \(kept) times the old model")
    }
}
