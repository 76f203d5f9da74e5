import Swiftlet
import SwiftletConverter
import SwiftletFormat
import SwiftletGraph
import SwiftletHost
import SwiftletKernels
import SwiftletZoo
import TestSupport
import Testing

/// A model with random weights and a picture for it.
private struct Fixture {
    let file: ModelFile
    let picture: [UInt8]

    init(_ specification: String = "shufflenet-v2:width=0.5,resolution=32,classes=5") throws {
        let bytes = try ConversionPipeline.convertRandom(Architecture(parsing: specification), seed: 4).bytes
        file = try ModelFile(contents: bytes, path: "test")
        var generator = SeededGenerator(seed: 8)
        let count = file.model.inputRowBytes * file.model.inputHeight
        picture = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// Calls `body` with each row of the picture.
    func forEachRow(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        let size = file.model.inputRowBytes
        try picture.withUnsafeBytes { bytes in
            for y in 0..<file.model.inputHeight {
                try body(UnsafeRawBufferPointer(rebasing: bytes[(y * size)..<((y + 1) * size)]))
            }
        }
    }

    func scores(_ session: Session) throws -> [Int8] {
        let output = try session.output()
        return (0..<output.channelCount).map { output[$0] }
    }
}

/// Counts the rows of each operator and whether they came in order.
private struct RowCounter: StepObserver {
    var begun = 0
    var rows: [Int]
    var isInOrder = true

    mutating func willStep(operation: Int) { begun += 1 }

    mutating func didStep(operation: Int, row: Int?, output: OutputRow) {
        guard let row else { return }
        isInOrder = isInOrder && row == rows[operation]
        rows[operation] += 1
    }
}

@Suite struct SessionTests {
    @Test func theAnswerComesWithTheLastRowsAndNotBefore() throws {
        let fixture = try Fixture()
        let arena = HostArena(byteCount: fixture.file.model.arenaBytes)
        let session = try Session(model: fixture.file.model, arena: arena.arena)
        var isFinished = false
        var pushed = 0
        try fixture.forEachRow { row in
            if pushed == 3 {
                #expect(throws: SessionError.notFinished(rows: 3, height: 32)) { try session.output() }
            }
            isFinished = try session.push(row: row)
            pushed += 1
            #expect(pushed > 20 || !isFinished)
        }
        #expect(isFinished && session.isFinished)
        #expect(try fixture.scores(session).count == 5)
    }

    @Test func theArenaMayHoldAnythingBefore() throws {
        let fixture = try Fixture()
        var expected: [Int8]?
        for filling in [UInt8(0), 0xFF, 0x80, 0x55] {
            let arena = HostArena(byteCount: fixture.file.model.arenaBytes)
            arena.arena.bytes.initializeMemory(as: UInt8.self, repeating: filling)
            let session = try Session(model: fixture.file.model, arena: arena.arena)
            try fixture.forEachRow { _ = try session.push(row: $0) }
            let scores = try fixture.scores(session)
            #expect(scores == expected ?? scores, "filled with \(filling)")
            expected = scores
            #expect(arena.guardsAreIntact)
        }
    }

    @Test func aResetInTheMiddleForgetsThePicture() throws {
        let fixture = try Fixture("mobilenet-v2:width=0.35,resolution=32,classes=5")
        let arena = HostArena(byteCount: fixture.file.model.arenaBytes)
        let session = try Session(model: fixture.file.model, arena: arena.arena)
        try fixture.forEachRow { _ = try session.push(row: $0) }
        let expected = try fixture.scores(session)
        let black = [UInt8](repeating: 0, count: fixture.file.model.inputRowBytes)
        for rows in [0, 1, 7, 31, 32] {
            session.reset()
            for _ in 0..<rows { _ = try black.withUnsafeBytes { try session.push(row: $0) } }
            session.reset()
            try fixture.forEachRow { _ = try session.push(row: $0) }
            #expect(try fixture.scores(session) == expected, "\(rows) rows of another picture")
        }
    }

    @Test func refusedRowsChangeNothing() throws {
        let fixture = try Fixture()
        let arena = HostArena(byteCount: fixture.file.model.arenaBytes)
        let session = try Session(model: fixture.file.model, arena: arena.arena)
        try fixture.forEachRow { _ = try session.push(row: $0) }
        let expected = try fixture.scores(session)

        session.reset()
        let wrong = [UInt8](repeating: 200, count: 97)
        try fixture.forEachRow { row in
            wrong.withUnsafeBytes { wrong in
                #expect(throws: SessionError.wrongRowBytes(needed: 96, given: 97)) { try session.push(row: wrong) }
                #expect(throws: SessionError.noSuchInput(index: 1, count: 1)) { try session.push(row: wrong, input: 1) }
                #expect(throws: SessionError.noSuchInput(index: -1, count: 1)) {
                    try session.push(row: wrong, input: -1)
                }
            }
            _ = try session.push(row: row)
        }
        wrong.withUnsafeBytes { wrong in
            let row = UnsafeRawBufferPointer(rebasing: wrong[0..<96])
            #expect(throws: SessionError.tooManyRows(height: 32)) { try session.push(row: row) }
        }
        #expect(throws: SessionError.noSuchOutput(index: 1, count: 1)) { try session.output(1) }
        #expect(try fixture.scores(session) == expected)
    }

    @Test func arenasThatAreTooSmallOrCrookedAreRefused() throws {
        let model = try Fixture().file.model
        let arena = HostArena(byteCount: model.arenaBytes + Arena.alignment)
        let bytes = arena.arena.bytes
        for given in [0, 1, model.arenaBytes / 2, model.arenaBytes - 1] {
            let small = Arena(UnsafeMutableRawBufferPointer(rebasing: bytes[0..<given]))
            #expect(throws: SessionError.arenaTooSmall(needed: model.arenaBytes, given: given)) {
                try Session(model: model, arena: small)
            }
        }
        let crooked = Arena(UnsafeMutableRawBufferPointer(rebasing: bytes[8...]))
        #expect(throws: SessionError.arenaMisaligned(byteOffset: 8)) { try Session(model: model, arena: crooked) }
    }

    @Test(arguments: [
        "lenet5", "mobilenet-v2:width=0.35,resolution=32", "shufflenet-v1:width=0.25,groups=3,resolution=32",
    ])
    func everyRowOfEveryOperatorIsMadeOnceAndInOrder(_ specification: String) throws {
        let fixture = try Fixture(specification)
        let reader = fixture.file.model.reader
        let heights = (0..<reader.operatorCount).map { Int(reader.operation($0).outputHeight) }
        var observer = RowCounter(rows: heights.map { _ in 0 })
        let runner = try Runner(fixture.file)
        let observed = try fixture.picture.withUnsafeBytes { try runner.run($0, observer: &observer) }
        #expect(observer.rows == heights && observer.isInOrder)
        #expect(observer.begun >= heights.reduce(0, +))
        #expect(try fixture.picture.withUnsafeBytes { try runner.run($0) } == observed)
    }

    @Test func errorsSayWhatToDo() {
        let messages: [(SessionError, String)] = [
            (.arenaTooSmall(needed: 100, given: 60), "arena too small: needs 100 B, given 60 B (short 40 B)"),
            (.arenaMisaligned(byteOffset: 8), "the arena lies 8 bytes past a multiple of 64 in memory; align it"),
            (.noSuchInput(index: 2, count: 1), "input 2 does not exist: the model has 1, counted from 0"),
            (.noSuchOutput(index: 2, count: 1), "output 2 does not exist: the model has 1, counted from 0"),
            (.wrongRowBytes(needed: 96, given: 32), "a row has 96 bytes, given 32"),
            (.tooManyRows(height: 32), "all 32 rows are in already; call reset() before the next picture"),
            (.outOfTurn(input: 0, waitingFor: 1), "input 0 is ahead: push the next row of input 1 first"),
            (.notFinished(rows: 3, height: 32), "the answer is not ready: 3 of 32 rows are in"),
        ]
        for (error, message) in messages { #expect("\(error)" == message) }
    }
}
