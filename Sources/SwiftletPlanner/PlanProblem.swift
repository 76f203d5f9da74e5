/// What the planner is told of a network: who reads and writes which rows of which buffer.
///
/// What it does not know: operators, weights, channels. Two networks of the same rows have the same plan.

/// A step's or a source's place in `PlanProblem`: sources count first, then steps.
public typealias ProducerID = Int

public struct PlanProblem: Sendable {
    /// A feature map's memory: a ring of as many of its rows as the plan says.
    public struct Buffer: Sendable {
        public var name: String
        public var rowBytes: Int
        /// Rows of the whole map.
        public var height: Int
        /// Stands whole in the arena when the run is over.
        public var isOutput: Bool

        public init(name: String, rowBytes: Int, height: Int, isOutput: Bool = false) {
            self.name = name
            self.rowBytes = rowBytes
            self.height = height
            self.isOutput = isOutput
        }
    }

    /// A map whose rows the caller pushes.
    public struct Source: Sendable {
        public var buffer: Int
        public var height: Int
        /// Stands whole in the arena when the run begins, as in a camera's frame buffer.
        public var isResident: Bool

        public init(buffer: Int, height: Int, isResident: Bool = false) {
            self.buffer = buffer
            self.height = height
            self.isResident = isResident
        }
    }

    /// For each output row the rows that are read of one input: the last one, and the first one that it or a later output
    /// row reads. For operators that do not slide a window.
    public struct RowTable: Sendable {
        public var last: [Int]
        public var firstNeeded: [Int]

        /// - Parameter spans: one an output row; none is read where `last` is below `first`.
        public init(_ spans: [(first: Int, last: Int)]) {
            last = spans.map(\.last)
            firstNeeded = spans.map { $0.last < $0.first ? Int.max : $0.first }
            for row in firstNeeded.indices.dropLast().reversed() {
                firstNeeded[row] = min(firstNeeded[row], firstNeeded[row + 1])
            }
        }
    }

    /// An operator, as far as rows go.
    public struct Step: Sendable {
        public var producers: [ProducerID]
        public var reads: [Int]
        public var writes: Int
        public var kernelRows: Int
        public var stride: Int
        public var paddingTop: Int
        public var dilation: Int
        public var inputHeight: Int
        public var outputHeight: Int
        /// Takes rows one by one and makes its only row at the end; works in `scratch`.
        public var isReduction: Bool
        /// A buffer that it works in, if it needs one: of a reduction one row, for accumulators; of others a row for each that they
        /// make, which is gone when that is made.
        public var scratch: Int?
        /// One a read where no window slides; empty elsewhere.
        public var rowTables: [RowTable] = []
        /// Weights and the like, which each row goes through.
        public var parameterBytes = 0

        public init(
            producers: [ProducerID], reads: [Int], writes: Int, kernelRows: Int = 1, stride: Int = 1,
            paddingTop: Int = 0, dilation: Int = 1, inputHeight: Int, outputHeight: Int, isReduction: Bool = false,
            scratch: Int? = nil
        ) {
            self.producers = producers
            self.reads = reads
            self.writes = writes
            self.kernelRows = kernelRows
            self.stride = stride
            self.paddingTop = paddingTop
            self.dilation = dilation
            self.inputHeight = inputHeight
            self.outputHeight = outputHeight
            self.isReduction = isReduction
            self.scratch = scratch
        }

        /// The lowest row of `buffer` that output row `row` reads; below zero when it reads none, as where all of its window is
        /// padding.
        func lastRow(of buffer: Int, for row: Int) -> Int {
            if !rowTables.isEmpty { return reduceTables(of: buffer, -1) { max($0, $1.last[row]) } }
            return min(row * stride - paddingTop + (kernelRows - 1) * dilation, inputHeight - 1)
        }

        /// The first row of `buffer` that is still needed when `done` rows are made (for a reduction: taken).
        func firstNeeded(of buffer: Int, done: Int) -> Int {
            if isReduction { return done }
            if done >= outputHeight { return Int.max }
            if !rowTables.isEmpty { return reduceTables(of: buffer, Int.max) { min($0, $1.firstNeeded[done]) } }
            return max(0, done * stride - paddingTop)
        }

        /// Over the reads of `buffer`, which may be both inputs.
        private func reduceTables(of buffer: Int, _ start: Int, _ next: (Int, RowTable) -> Int) -> Int {
            zip(reads, rowTables).reduce(start) { $1.0 == buffer ? next($0, $1.1) : $0 }
        }
    }

    public var buffers: [Buffer]
    public var sources: [Source]
    /// Whether the sources are passes of one picture, pushed one after the other; else their rows take turns.
    public var sourcesArePasses = false
    public var steps: [Step]
    /// The executor's own bytes at the start of the arena.
    public var stateBytes: Int
    /// Every ring begins at a multiple of this.
    public var alignment: Int

    public init(buffers: [Buffer], sources: [Source], steps: [Step], stateBytes: Int, alignment: Int = 16) {
        self.buffers = buffers
        self.sources = sources
        self.steps = steps
        self.stateBytes = stateBytes
        self.alignment = alignment
    }
}

/// Where everything lies in the arena, and in which order it is made.
public struct Plan: Equatable, Sendable {
    public struct Ring: Equatable, Sendable {
        public var offset: Int
        /// Slots. Row r lies in slot `(r + phase) mod rows`.
        public var rows: Int
        /// Not 0 in a ring that several buffers share, row by row.
        public var phase: Int
        public var byteCount: Int
        /// The first and the last moment at which it holds something, in rows made since the start.
        public var firstTick: Int
        public var lastTick: Int
        /// Bytes of the rows that live at `Plan.peakTick`.
        public var peakBytes: Int
    }

    /// The first step of each segment.
    public var segments: [Int]
    /// One a buffer.
    public var rings: [Ring]
    public var stateBytes: Int
    /// State and rings.
    public var arenaBytes: Int
    /// State and the most bytes of rows that live at one moment: no placement can need less in this order.
    public var livePeakBytes: Int
    public var peakTick: Int
    /// What a planner of whole tensors needs for its fullest operator: inputs, outputs and whatever else still lives.
    public var layerwiseBytes: Int
}
