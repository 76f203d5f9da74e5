/// Runs a model: rows in, answer out, everything in one arena.
///
///     var session = try Session(model: model, arena: arena)
///     while let row = camera.nextRow() { try session.push(row: row) }      // each row is done with when push returns
///     let scores = try session.output(0)
///
/// There is one executor. As soon as the rows that an operator reads are there, it makes its next row; of all operators that
/// could, the last in order goes first, so rows are eaten while they are few. The plan in the file has sized every ring for
/// just this order. Between two rows nothing is held outside the arena, so a caller may pause as long as it likes.
///
/// A model that was made to fit in less memory may want the picture more than once (`Model.passes`): push its rows again from
/// the first on, until `push` says that the answer is ready.
///
/// What it does not do: allocate, plan, or touch memory outside the arena; know about pictures or classes.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletKernels

/// Told of every row that is made: profilers and debuggers. Costs nothing when it is `NoObserver`.
public protocol StepObserver {
    /// A row of an input is about to be copied into its ring.
    mutating func willTakeRow(input: Int)
    mutating func didTakeRow(input: Int)
    mutating func willStep(operation: Int)
    /// Of sessions that share an arena: whether this one makes share `index` of the row; its own, if nobody says otherwise.
    mutating func takesShare(_ index: Int, isOwn: Bool, operation: Int) -> Bool
    mutating func didMakeShare(_ index: Int, operation: Int)
    /// How the row was made, before `didStep` tells of the row itself.
    mutating func didChoose(_ path: KernelPath, operation: Int)
    /// - Parameters:
    ///   - row: which row of the output has been made; nil when a global pool has only taken a row in.
    ///   - output: where it lies, until the ring comes round.
    mutating func didStep(operation: Int, row: Int?, output: OutputRow)
}

/// Most observers look at the rows that are made, and at nothing else.
extension StepObserver {
    @inlinable public mutating func willTakeRow(input: Int) {}
    @inlinable public mutating func didTakeRow(input: Int) {}
    @inlinable public mutating func takesShare(_ index: Int, isOwn: Bool, operation: Int) -> Bool { isOwn }
    @inlinable public mutating func didMakeShare(_ index: Int, operation: Int) {}
    @inlinable public mutating func didChoose(_ path: KernelPath, operation: Int) {}
}

public struct NoObserver: StepObserver {
    /// ThreadSanitizer notes who changes an `inout` value by its address, and a value of no bytes has none.
    @usableFromInline var place: UInt8 = 0

    @inlinable public init() {}
    @inlinable public mutating func willStep(operation: Int) {}
    @inlinable public mutating func didStep(operation: Int, row: Int?, output: OutputRow) {}
}

/// A feature map that the run has left in the arena.
public struct Output {
    public var rows: OutputRow
    public var height: Int
    public var rowBytes: Int
    public var channelCount: Int
    public var scale: Float
    public var zeroPoint: Int8
    /// Whether two channels, the high byte first, make one Int16.
    public var isWide: Bool

    /// The int8 value at row `y`, column `x`. Traps outside of the map.
    public func value(y: Int, x: Int, channel: Int) -> Int8 {
        precondition(y >= 0 && y < height && x >= 0 && x < rows.width && channel >= 0 && channel < channelCount)
        var row = rows
        row.start += y * rowBytes
        return row.load(x: x, channel: channel)
    }

    /// Score `index` of a classifier of int8 scores: channel `index` of the only pixel. Traps outside of `0 ..< channelCount`.
    public subscript(index: Int) -> Int8 { value(y: 0, x: 0, channel: index) }

    /// How many scores a classifier has.
    public var scoreCount: Int { isWide ? channelCount / 2 : channelCount }

    /// Score `index` of a classifier, whether it has 8 bits or 16. Traps outside of `0 ..< scoreCount`.
    public func score(_ index: Int) -> Int {
        guard isWide else { return Int(self[index]) }
        return Int(self[2 * index]) << 8 | Int(UInt8(bitPattern: self[2 * index + 1]))
    }
}

public struct Session {
    public let model: Model
    let reader: ModelReader
    let base: UnsafeMutableRawPointer
    let kernels: VectorKernels?
    #if hasFeature(Embedded)
        /// The executor's bookkeeping is the arena's start.
        var state: UnsafeMutableRawPointer { base }
    #else
        /// The executor's bookkeeping: the arena's start, or memory of its own where sessions share an arena.
        let state: UnsafeMutableRawPointer
        /// What it makes of each row; nil for all of it.
        let share: RowShare?
    #endif

    /// - Parameter kernels: those of an instruction set; nil for the portable ones. The answer is the same, to the bit.
    /// - Throws: `SessionError.arenaTooSmall` with need, given and shortfall; `.arenaMisaligned`.
    public init(model: Model, arena: Arena, kernels: VectorKernels? = .chosen) throws(SessionError) {
        self.model = model
        reader = model.reader
        base = try arena.start(for: model)
        self.kernels = kernels
        #if !hasFeature(Embedded)
            state = base
            share = nil
        #endif
        reset()
    }

    #if !hasFeature(Embedded)
        /// A session that makes its share of each row, in an arena in which others make theirs.
        ///
        /// - Parameter state: `stateBytes(of:)` bytes for its own bookkeeping, aligned to 8; nil for those in the arena, which one
        ///   session of those that share it takes.
        /// - Throws: `SessionError.arenaTooSmall`, `.arenaMisaligned`.
        public init(
            model: Model, arena: Arena, kernels: VectorKernels?, share: RowShare, state: UnsafeMutableRawPointer?
        ) throws(SessionError) {
            self.model = model
            reader = model.reader
            base = try arena.start(for: model)
            self.kernels = kernels
            self.state = state ?? base
            self.share = share
            reset()
        }
    #endif

    /// Forgets the picture: the next row is the first of a new one.
    public func reset() {
        for index in 0..<(reader.inputCount + reader.operatorCount) { rowsDone[index] = 0 }
        begin(segment: 0)
    }

    /// Takes the next row of the picture and makes all rows that can be made of it.
    ///
    /// - Parameter row: width x channels bytes; pixels of 0...255, or int8 for a model whose input is not a picture.
    ///   Read before the call returns, not kept.
    /// - Returns: whether the answer is ready.
    /// - Throws: `SessionError.wrongRowBytes`, `.tooManyRows`, `.noSuchInput` or `.outOfTurn`; nothing has been changed then.
    @discardableResult
    public func push(row: UnsafeRawBufferPointer, input: Int = 0) throws(SessionError) -> Bool {
        var observer = NoObserver()
        return try push(row: row, input: input, observer: &observer)
    }

    /// As `push(row:input:)`, and tells `observer` of each row that is made.
    @discardableResult
    public func push<Observer: StepObserver>(
        row: UnsafeRawBufferPointer, input index: Int = 0, observer: inout Observer
    ) throws(SessionError) -> Bool {
        let count = reader.pushedInputCount
        guard index >= 0, index < count else { throw .noSuchInput(index: index, count: count) }
        let passes = reader.passes
        var place = index
        while place + 1 < passes, rowsDone[place] == Int16(reader.input(place).height) { place += 1 }
        let input = reader.input(place)
        let needed = reader.pushedWidth(index) * Int(input.channels)
        guard row.count == needed else { throw .wrongRowBytes(needed: needed, given: row.count) }
        guard rowsDone[place] < Int16(input.height) else { throw .tooManyRows(height: Int(input.height) * passes) }
        for other in 0..<count where other != index {
            let due = min(rowsDone[index] + (other < index ? 1 : 0), Int16(reader.input(other).height))
            guard rowsDone[other] >= due else { throw .outOfTurn(input: index, waitingFor: other) }
        }
        observer.willTakeRow(input: place)
        store(row, input: input, row: Int(rowsDone[place]), firstColumn: reader.firstColumn(ofPass: place))
        enter(input, place, &observer)
        return isFinished
    }

    /// Counts a row that lies in its ring, and makes all rows that can be made of it.
    func enter<Observer: StepObserver>(_ input: InputRecord, _ index: Int, _ observer: inout Observer) {
        rowsDone[index] += 1
        observer.didTakeRow(input: index)
        markReady(first: Int(input.firstConsumer), count: Int(input.consumerCount))
        advance(&observer)
        #if !hasFeature(Embedded)
            // Here and not row by row: to set up matrix tiles takes as long as many a row.
            kernels?.release()
        #endif
    }

    /// Whether every operator has made all of its rows.
    public var isFinished: Bool { segment == UInt16(reader.segmentCount - 1) && unfinished == 0 }

    /// The answer.
    ///
    /// - Throws: `SessionError.notFinished` while rows are missing, `.noSuchOutput` for an index beyond the outputs.
    public func output(_ index: Int = 0) throws(SessionError) -> Output {
        guard isFinished else {
            var rows = 0
            for pass in 0..<reader.passes { rows += Int(rowsDone[pass]) }
            throw .notFinished(rows: rows, height: Int(reader.input(0).height) * reader.passes)
        }
        guard index >= 0, index < reader.outputCount else {
            throw .noSuchOutput(index: index, count: reader.outputCount)
        }
        let output = reader.output(index)
        let buffer = reader.buffer(Int(output.operand.buffer))
        return Output(
            rows: outputRow(output.operand, buffer: buffer, row: 0, width: Int(output.width)),
            height: Int(output.height), rowBytes: Int(buffer.rowBytes), channelCount: Int(output.channels),
            scale: output.scale, zeroPoint: output.zeroPoint, isWide: output.isWide == 1)
    }
}
