import Swiftlet
import SwiftletFormat
import SwiftletGraph
import SwiftletHost
import SwiftletPlanner
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletConverter

/// Less memory for more multiplications, and never another byte.
@Suite struct RecomputationTests {
    /// Bands, blocks, pieces, shares and segments, all at random, in exactly the arena that the plan says.
    @Test func recomputationNeverChangesAByte() throws {
        let seed: UInt64 = 61_000
        var (banded, fused) = (0, 0)
        for round in 0..<150 {
            let seed = seed + UInt64(round)
            let network =
                round % 3 == 0
                ? RandomGraph.make(seed: seed, layers: 2 + round % 7)
                : try SeparableNetwork.make(seed: seed, blocks: 1 + round % 4)
            let calibrated = try CalibratedNetwork(network, seed: seed, count: 2)
            let expected = try calibrated.outputs(calibrated.convert())
            for attempt in 0..<3 {
                var generator = SeededGenerator(seed: seed * 10 + UInt64(attempt))
                var what = ""
                let model = try calibrated.convert(
                    arrangement: Arrangement { network in
                        let (changed, description) = Self.recompute(network, using: &generator)
                        what = description
                        let planner = Planner(changed.planProblem)
                        let cuts = changed.operations.indices.dropFirst().filter { _ in
                            Int.random(in: 0...5, using: &generator) == 0
                        }
                        return try (changed, attempt == 0 ? planner.plan() : planner.plan(segments: [0] + cuts))
                    })
                banded += model.passes > 1 ? 1 : 0
                fused += what.contains("block") ? 1 : 0
                let found = try calibrated.outputs(model)
                #expect(found == expected, "seed \(seed) attempt \(attempt): \(what), segments \(model.plan.segments)")
                let file = try ModelFile(contents: model.bytes, path: "test")
                let needed = file.model.arenaBytes
                #expect(needed == model.plan.arenaBytes)
                #expect(throws: SessionError.arenaTooSmall(needed: needed, given: needed - 1)) {
                    try Runner(file, arenaBytes: needed - 1)
                }
            }
        }
        #expect(banded > 100 && fused > 150, "\(banded) in bands, \(fused) with blocks")
    }

    /// The network with something done to it, and what that was.
    private static func recompute(
        _ network: AssembledNetwork, using generator: inout SeededGenerator
    ) -> (AssembledNetwork, String) {
        var what: [String] = []
        let blocks = network.blockCandidates.filter { _ in Bool.random(using: &generator) }.map { candidate in
            FusedBlock(
                candidate: candidate, expands: Int.random(in: 0...2, using: &generator) > 0,
                pieceColumns: Int.random(in: 1...6, using: &generator))
        }
        what += blocks.map { "block \($0)" }
        let shares = Int.random(in: 1...4, using: &generator)
        var changed = network.fusing(blocks).sharingChannels(shares).withoutUnusedBuffers
        what.append("\(shares) shares")
        let cuts = changed.operations.indices.dropFirst().filter { changed.widthOfCut($0) ?? 0 > 1 }
        if let end = cuts.randomElement(using: &generator), let width = changed.widthOfCut(end) {
            let bands = ColumnBands(end: end, count: Int.random(in: 2...min(width, 7), using: &generator))
            if let banded = changed.banded(bands) {
                changed = banded
                what.append("\(bands)")
            }
        }
        return (changed, what.joined(separator: ", "))
    }

    @Test(
        arguments: [
            "mobilenet-v2:width=0.35,resolution=32,classes=7", "mobilenet-v1:width=0.25,resolution=32,classes=7",
            "resnet-8", "lenet5",
        ])
    func theSearchKeepsItsLimitAndNamesTheSmallestArena(_ spec: String) throws {
        let architecture = try Architecture(parsing: spec)
        let plain = try ConversionPipeline.convertRandom(architecture, seed: 1)
        #expect(plain.macsFactor == 1 && plain.passes == 1)
        func smallest() throws -> Int {
            do {
                _ = try ConversionPipeline.plan(architecture, arrangement: Arrangement(maxArena: 64))
                return 0
            } catch ConversionError.arenaTooSmall(let limit, let smallest) {
                #expect(limit == 64)
                return smallest
            }
        }
        let least = try smallest()
        #expect(least < plain.plan.arenaBytes, "\(spec)")
        var factors: [Double] = []
        for limit in [plain.plan.arenaBytes, (plain.plan.arenaBytes + least) / 2, least] {
            let model = try ConversionPipeline.convertRandom(
                architecture, seed: 1, arrangement: Arrangement(maxArena: limit))
            #expect(model.plan.arenaBytes <= limit, "\(spec) in \(limit) B")
            #expect(model.plan.layerwiseBytes == plain.plan.layerwiseBytes)
            factors.append(model.macsFactor)
            #expect(try checksum(model) == checksum(plain), "\(spec) in \(limit) B")
        }
        #expect(factors[0] == 1 && factors == factors.sorted(), "\(spec): \(factors)")
    }

    /// msf-CNN publishes 8,560 bytes at 1.68 times the multiplications for this network (arXiv:2505.11483).
    @Test func mobileNetV2FitsIn8500BytesAt1Point6TimesTheMultiplications() throws {
        let planned = try ConversionPipeline.plan(
            Architecture(parsing: "mobilenet-v2:width=0.35,resolution=144"), arrangement: Arrangement(maxArena: 8500))
        #expect(planned.plan.arenaBytes <= 8500)
        #expect(planned.macsFactor <= 1.6, "\(planned.macsFactor)")
    }

    @Test(arguments: ["mobilenet-v2:width=0.35,resolution=96,classes=7", "lenet5", "resnet-8"])
    func bookkeepingIsAtMost32BytesAnOperator(_ spec: String) throws {
        let problem = try ConversionPipeline.plan(Architecture(parsing: spec), arrangement: Arrangement()).problem
        #expect(problem.stateBytes <= 32 * problem.steps.count, "\(spec)")
    }

    private func checksum(_ model: ConvertedModel) throws -> UInt32 {
        let file = try ModelFile(contents: model.bytes, path: "test")
        return file.model.reader.header.selfTestChecksum
    }

    // MARK: Sessions

    /// A model of three passes, and the picture of its self-test.
    private func threePasses() throws -> (file: ModelFile, picture: [UInt8]) {
        let model = try ConversionPipeline.convertRandom(
            Architecture(parsing: "mobilenet-v2:width=0.35,resolution=48,classes=7"), seed: 1,
            arrangement: Arrangement { network in
                let end = network.operations.firstIndex { $0.name == "features.4.conv.2" }! + 1
                let banded = network.banded(ColumnBands(end: end, count: 3))!
                return (banded, try Planner(banded.planProblem).plan())
            })
        let file = try ModelFile(contents: model.bytes, path: "test")
        return (file, selfTestPixels(seed: file.model.reader.header.selfTestSeed, count: 48 * 48 * 3))
    }

    /// Pushes the picture's rows; of a pass only the columns that it looks at are the picture's.
    private func push(_ picture: [UInt8], into session: Session, passes: Range<Int>) throws -> [Bool] {
        try passes.map { pass in
            let columns = session.model.columns(ofPass: pass)
            var isFinished = false
            for y in 0..<48 {
                let row = (0..<48 * 3).map {
                    columns.contains($0 / 3) ? picture[y * 48 * 3 + $0] : UInt8(pass * 50 + 1)
                }
                isFinished = try row.withUnsafeBytes { try session.push(row: $0) }
            }
            return isFinished
        }
    }

    /// The format has a place for the first column of the only pass, too, which nobody may follow beyond the row.
    @Test func aModelOfOnePassReadsWholeRowsWhateverItsRecordSays() throws {
        let model = try ConversionPipeline.convertRandom(
            Architecture(parsing: "mobilenet-v2:width=0.35,resolution=32,classes=7"), seed: 1,
            arrangement: Arrangement { network in
                let blocks = network.blockCandidates.map { FusedBlock(candidate: $0, expands: true, pieceColumns: 2) }
                let fused = network.fusing(blocks).withoutUnusedBuffers
                return (fused, try Planner(fused.planProblem).plan())
            })
        var bytes = model.bytes
        let header = try ModelFile(contents: bytes, path: "test").model.reader.header
        let column = Int(header.recomputation) + MemoryLayout<RecomputationRecord>.size
        #expect(header.recomputation > 0 && bytes[column] == 0)
        bytes[column] = 29
        SmallModel.reseal(&bytes)
        let file = try ModelFile(contents: bytes, path: "test")
        #expect(file.model.passes == 1 && file.model.columns(ofPass: 0) == 0..<32)
        let picture = selfTestPixels(seed: header.selfTestSeed, count: 32 * 32 * 3)
        let scores = try picture.withUnsafeBytes { try Runner(file).run($0) }
        #expect(scores.withUnsafeBytes { Checksum.of($0) } == header.selfTestChecksum)
    }

    @Test func aPassReadsItsColumnsAlone() throws {
        let (file, picture) = try threePasses()
        #expect(file.model.passes == 3 && file.model.inputWidth == 48)
        let arena = HostArena(byteCount: file.model.arenaBytes)
        let session = try Session(model: file.model, arena: arena.arena)
        #expect(try push(picture, into: session, passes: 0..<3) == [false, false, true])
        let output = try session.output()
        let scores = (0..<7).map { output[$0] }
        #expect(scores.withUnsafeBytes { Checksum.of($0) } == file.model.reader.header.selfTestChecksum)
    }

    @Test func aSessionOfPassesCountsTheRowsOfAll() throws {
        let (file, picture) = try threePasses()
        let arena = HostArena(byteCount: file.model.arenaBytes)
        let session = try Session(model: file.model, arena: arena.arena)
        _ = try push(picture, into: session, passes: 0..<2)
        #expect(throws: SessionError.notFinished(rows: 96, height: 144)) { try session.output() }
        let row = [UInt8](repeating: 0, count: 48 * 3)
        row.withUnsafeBytes { row in
            #expect(throws: SessionError.noSuchInput(index: 1, count: 1)) { try session.push(row: row, input: 1) }
            let narrow = UnsafeRawBufferPointer(rebasing: row[..<30])
            #expect(throws: SessionError.wrongRowBytes(needed: 144, given: 30)) { try session.push(row: narrow) }
        }
        _ = try push(picture, into: session, passes: 2..<3)
        row.withUnsafeBytes { row in
            _ = #expect(throws: SessionError.tooManyRows(height: 144)) { try session.push(row: row) }
        }
        session.reset()
        #expect(try push(picture, into: session, passes: 0..<3).last == true)
    }
}
