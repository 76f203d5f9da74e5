/// Every reader given broken files: a short, seeded part of what `tools/fuzz` does for hours.
import FuzzTargets
import SwiftletGraph
import Testing

/// One after another: the readers of data sets share a folder.
@Suite(.serialized) struct HostileInputTests {
    @Test(arguments: FuzzTarget.all)
    func whatAMutationMayStartFromIsAcceptedOrRefusedInOneLine(_ target: FuzzTarget) throws {
        let seeds = try target.seeds()
        #expect(!seeds.isEmpty)
        for (index, seed) in seeds.enumerated() {
            let outcome = target.run(seed)
            // These were read whole: of two tensors no network can be made, and large ones lack parameters on purpose.
            let fits: Bool =
                switch outcome {
                case .accepted: true
                case .refused(let line): line.contains("does not fit") || line.hasSuffix("is missing")
                case .broken: false
                }
            #expect(fits, "\(target), seed \(index): \(outcome)")
        }
    }

    @Test(arguments: FuzzTarget.all)
    func mutatedFilesAreReadOrRefusedInOneLine(_ target: FuzzTarget) throws {
        let randomSeed: UInt64 = 20_260
        var generator = SeededGenerator(seed: randomSeed)
        let seeds = try target.seeds()
        var refused = 0
        for round in 0..<600 {
            let bytes = target.mutate(seeds[round % seeds.count], using: &generator)
            switch target.run(bytes) {
            case .accepted: break
            case .refused: refused += 1
            case .broken(let what):
                Issue.record("\(target), random seed \(randomSeed), round \(round): \(what); bytes \(bytes)")
            }
        }
        #expect(refused > 0, "\(target): nothing was refused")
    }

    @Test(arguments: FuzzTarget.all)
    func everyBeginningOfAFileIsReadOrRefusedInOneLine(_ target: FuzzTarget) throws {
        for (index, seed) in try target.seeds().prefix(3).enumerated() {
            for length in stride(from: 0, to: seed.count, by: max(1, seed.count / 100)) {
                if case .broken(let what) = target.run(Array(seed[..<length])) {
                    Issue.record("\(target), seed \(index), \(length) bytes: \(what)")
                }
            }
        }
    }
}
