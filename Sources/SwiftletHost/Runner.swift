/// A session with an arena of its own: whole pictures in, scores out. What commands, tests and reports run models with.
///
/// What it does not do: read picture files; rows come from the caller.
import Swiftlet
import SwiftletFormat
import SwiftletKernels

public final class Runner {
    public let file: ModelFile
    public let arena: HostArena
    private let session: Session
    private let crew: Crew?

    /// - Parameters:
    ///   - arenaBytes: the arena's size; nil for exactly what the model needs.
    ///   - kernels: those of an instruction set; nil for the portable ones.
    ///   - threads: the caller's and others, which share the arena and give the same bytes. Fewer work where a model is too small
    ///     to gain.
    /// - Throws: `SessionError.arenaTooSmall`.
    public convenience init(
        _ file: ModelFile, arenaBytes: Int? = nil, kernels: VectorKernels? = .chosen, threads: Int = 1
    ) throws {
        try self.init(file, arenaBytes: arenaBytes, kernels: kernels, threads: threads, policy: DivisionPolicy())
    }

    init(_ file: ModelFile, arenaBytes: Int?, kernels: VectorKernels?, threads: Int, policy: DivisionPolicy) throws {
        self.file = file
        arena = HostArena(byteCount: arenaBytes ?? file.model.arenaBytes)
        crew =
            threads > 1
            ? try Crew(file, arena: arena, kernels: kernels, threads: threads, policy: policy) : nil
        session = try crew?.session ?? Session(model: file.model, arena: arena.arena, kernels: kernels)
    }

    deinit { crew?.stop() }

    /// Threads that runs take: 1 where nothing is worth dividing.
    public var threads: Int { crew?.count ?? 1 }

    /// Runs the model on a whole picture, row by row.
    ///
    /// - Parameter pixels: height x width x channels bytes; of several inputs one after the other.
    /// - Returns: the output's int8 values, row by row, all channels of a pixel together; of several outputs one after the
    ///   other.
    public func run(_ pixels: UnsafeRawBufferPointer) throws -> [Int8] {
        guard crew == nil else {
            var observer = NoObserver()
            return try run(pixels, observer: &observer)
        }
        // Not through an observer: the session's own `push` is the one that is compiled for none.
        session.reset()
        try push(pixels) { try session.push(row: $0, input: $1) }
        return try values()
    }

    /// As `run(_:)`, and tells `observer` of each row that is made; of several threads, of the first one's share of it.
    public func run<Observer: StepObserver>(_ pixels: UnsafeRawBufferPointer, observer: inout Observer) throws -> [Int8]
    {
        guard let crew else {
            session.reset()
            try push(pixels) { try session.push(row: $0, input: $1, observer: &observer) }
            return try values()
        }
        try run(crew, &observer) { stepper in
            try push(pixels) { try session.push(row: $0, input: $1, observer: &stepper) }
        }
        return try values()
    }

    /// Hands every row of a picture to `take`, with the number of its input.
    private func push(_ pixels: UnsafeRawBufferPointer, to take: (UnsafeRawBufferPointer, Int) throws -> Void) throws {
        let inputs = pushedInputs
        var starts = [0]
        for input in inputs { starts.append(starts.last! + input.height * input.rowBytes) }
        for _ in 0..<file.model.passes {
            for y in 0..<(inputs.map(\.height).max() ?? 0) {
                for (index, input) in inputs.enumerated() where y < input.height {
                    let start = starts[index] + y * input.rowBytes
                    guard start + input.rowBytes <= pixels.count else { continue }
                    let row = UnsafeRawBufferPointer(rebasing: pixels[start..<(start + input.rowBytes)])
                    try take(row, index)
                }
            }
        }
    }

    /// A run of all threads. They go through all of it: when `feed` ends early, rows of zeros take the place of those that are
    /// missing, and then it fails as it would on one thread.
    private func run<Observer: StepObserver>(
        _ crew: Crew, _ observer: inout Observer, _ feed: (inout CrewObserver<Observer>) throws -> Void
    ) throws {
        var stepper = crew.begin(observer)
        let fed = Result {
            try feed(&stepper)
            _ = try session.output()
        }
        if case .failure = fed { pushZeros(&stepper) }
        crew.finish(stepper)
        observer = stepper.base
        try fed.get()
    }

    /// Pushes zeros until the model has all of its rows.
    private func pushZeros<Observer: StepObserver>(_ observer: inout Observer) {
        let inputs = pushedInputs
        for _ in 0...(inputs.map(\.height).max() ?? 0) * file.model.passes {
            for (index, input) in inputs.enumerated() {
                let zeros = [UInt8](repeating: 0, count: input.rowBytes)
                // Refused when it is another input's turn, or the input has all of its rows.
                _ = try? zeros.withUnsafeBytes { try session.push(row: $0, input: index, observer: &observer) }
            }
        }
    }

    private var pushedInputs: [(height: Int, rowBytes: Int)] {
        let reader = file.model.reader
        return (0..<reader.pushedInputCount).map { index in
            let input = reader.input(index)
            return (Int(input.height), reader.pushedWidth(index) * Int(input.channels))
        }
    }

    /// Bytes that `run(_:)` takes.
    public var inputBytes: Int { pushedInputs.reduce(0) { $0 + $1.height * $1.rowBytes } }

    /// Runs the model on rows as they come: `feed` pushes every row of the input through the function that it is given. It is
    /// called once for each pass, with the same rows.
    public func run(feed: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws -> [Int8] {
        guard let crew else {
            session.reset()
            for _ in 0..<file.model.passes { try feed { row in try session.push(row: row) } }
            return try values()
        }
        var observer = NoObserver()
        try run(crew, &observer) { stepper in
            for _ in 0..<file.model.passes { try feed { row in try session.push(row: row, observer: &stepper) } }
        }
        return try values()
    }

    private func values() throws -> [Int8] {
        var values: [Int8] = []
        for index in 0..<file.model.reader.outputCount {
            let output = try session.output(index)
            var row = output.rows
            values.reserveCapacity(values.count + output.height * row.width * output.channelCount)
            for _ in 0..<output.height {
                for x in 0..<row.width {
                    for channel in 0..<output.channelCount { values.append(row.load(x: x, channel: channel)) }
                }
                row.start += output.rowBytes
            }
        }
        return values
    }

    /// The output as real numbers.
    public func dequantize(_ values: [Int8]) -> [Float] {
        let output = file.model.reader.output(0)
        guard output.isWide == 0 else {
            return stride(from: 0, to: values.count - 1, by: 2).map { index in
                output.scale * Float(Int(values[index]) << 8 | Int(UInt8(bitPattern: values[index + 1])))
            }
        }
        return values.map { output.scale * Float(Int($0) - Int(output.zeroPoint)) }
    }
}

/// The picture of a self-test: bytes that depend on the seed alone.
///
/// The generator of int8.bin's self-test, specified in the article on the format: a 32-bit linear congruential generator,
/// `state = state * 1664525 + 1013904223` (Knuth; Press et al., Numerical Recipes), of which the top byte is taken.
public func selfTestPixels(seed: UInt32, count: Int) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(state >> 24)
    }
}
