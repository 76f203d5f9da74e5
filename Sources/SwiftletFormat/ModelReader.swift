/// Reads `int8.bin` where it lies: no copy, no allocation.
///
/// `init` proves that every offset, ring, size, index and multiplier is in bounds, so that whoever executes the model needs
/// no check of its own. What it does not do: execute, or keep the bytes alive.
import SwiftletArithmetic

/// A checked view of a model's bytes. Valid as long as the bytes are.
public struct ModelReader: @unchecked Sendable {
    @usableFromInline let base: UnsafeRawPointer
    public let header: HeaderRecord
    public let state: StateLayout

    /// The alignment that the bytes must have in memory: that of a weight block.
    public static let alignment = ConvolutionLayout.alignment
    /// More than any network needs, of files and of arenas; keeps every product of sizes far from overflow.
    public static let arenaLimit = 1 << 30
    /// Row counters are Int16.
    public static let heightLimit: UInt16 = 0x7FFF
    /// Of kernels, strides, dilations and paddings: keeps row arithmetic far from overflow in 32 bits.
    public static let windowLimit: UInt16 = 4095

    /// - Parameter bytes: the whole file, aligned to `alignment`; must outlive the reader and never change.
    /// - Throws: `FormatError` that says what is wrong and where.
    public init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        let headerBytes = MemoryLayout<HeaderRecord>.size
        guard let start = bytes.baseAddress, bytes.count >= headerBytes else {
            throw .tooShort(bytes: bytes.count, needed: headerBytes)
        }
        let misalignment = Int(bitPattern: start) % Self.alignment
        guard misalignment == 0 else { throw .misaligned(byteOffset: misalignment, alignment: Self.alignment) }
        base = start
        header = start.load(as: HeaderRecord.self)
        guard header.magic == HeaderRecord.magic else { throw .notAModel }
        guard header.version >= HeaderRecord.version, header.version <= HeaderRecord.newestVersion else {
            throw .unsupportedVersion(found: Int(header.version), supported: Int(HeaderRecord.newestVersion))
        }
        guard Int(header.headerBytes) == headerBytes else {
            throw .invalid(part: .header, index: 0, value: Int(header.headerBytes))
        }
        guard Int64(header.fileBytes) == Int64(bytes.count), bytes.count < Self.arenaLimit - 1 else {
            throw .truncated(bytes: bytes.count, promised: header.fileBytes.saturated)
        }
        let checked = UnsafeRawBufferPointer(rebasing: bytes[HeaderRecord.checkedFrom...])
        let checksum = Checksum.of(checked)
        guard checksum == header.checksum else {
            throw .wrongChecksum(found: checksum, promised: header.checksum)
        }
        let kernelRows = try Self.checkLists(header, base: start)
        state = StateLayout(
            inputs: Int(header.inputs.count), operators: Int(header.operators.count), kernelRows: kernelRows)
        try checkModel()
    }

    // MARK: Records

    public var inputCount: Int { Int(header.inputs.count) }
    public var outputCount: Int { Int(header.outputs.count) }
    public var operatorCount: Int { Int(header.operators.count) }
    public var bufferCount: Int { Int(header.buffers.count) }
    public var segmentCount: Int { Int(header.segments.count) }
    public var classCount: Int { Int(header.classNames.count) }
    public var arenaBytes: Int { Int(header.arenaBytes) }

    /// Whether some rows are made more than once; known at build time where no model of this build does.
    @inlinable
    @inline(__always)
    public var recomputes: Bool {
        HeaderRecord.newestVersion >= HeaderRecord.recomputingVersion && header.recomputation != 0
    }

    /// What the model says of its recomputation; nil for one that makes every row once.
    @inlinable
    @inline(__always)
    public var recomputation: RecomputationRecord? {
        !recomputes ? nil : pointer(header.recomputation).load(as: RecomputationRecord.self)
    }

    /// How many times the rows of the input are pushed.
    @inlinable
    @inline(__always)
    public var passes: Int { recomputation.map { Int($0.passes) } ?? 1 }

    /// The first column of the picture that a pass takes; 0 where there is only one, whatever stands there.
    @inlinable
    public func firstColumn(ofPass pass: Int) -> Int {
        guard passes > 1 else { return 0 }
        let columns = pointer(header.recomputation) + MemoryLayout<RecomputationRecord>.size
        return Int(columns.load(fromByteOffset: pass * 2, as: UInt16.self))
    }

    /// Inputs that a caller knows: those of several passes are one.
    @inlinable
    @inline(__always)
    public var pushedInputCount: Int { passes > 1 ? 1 : inputCount }

    /// Pixels in a row that is pushed into input `index`.
    @inlinable
    @inline(__always)
    public func pushedWidth(_ index: Int) -> Int {
        if let recomputation, recomputation.passes > 1 { return Int(recomputation.rowWidth) }
        return Int(input(index).width)
    }

    @inlinable
    func record<Record>(_ list: ListRecord, _ index: Int, as type: Record.Type) -> Record {
        (base + Int(list.offset) + index * MemoryLayout<Record>.stride).load(as: Record.self)
    }

    @inlinable public func input(_ index: Int) -> InputRecord { record(header.inputs, index, as: InputRecord.self) }
    @inlinable public func output(_ index: Int) -> OutputRecord { record(header.outputs, index, as: OutputRecord.self) }
    @inlinable public func buffer(_ index: Int) -> BufferRecord { record(header.buffers, index, as: BufferRecord.self) }

    @inlinable
    public func operation(_ index: Int) -> OperatorRecord { record(header.operators, index, as: OperatorRecord.self) }

    /// The first operator of segment `index`; for `segmentCount`, the number of operators.
    @inlinable
    public func segmentStart(_ index: Int) -> Int {
        index == segmentCount ? operatorCount : Int(record(header.segments, index, as: UInt16.self))
    }

    /// An entry of the producers and consumers: a producer counts the inputs first, then the operators; a consumer is an
    /// operator.
    @inlinable public func link(_ index: Int) -> Int { Int(record(header.links, index, as: UInt16.self)) }

    /// The bytes at `offset`, which a record named.
    @inlinable public func pointer(_ offset: UInt32) -> UnsafeRawPointer { base + Int(offset) }

    /// The table of channels at `offset`; nil for 0, which means consecutive channels.
    @inlinable
    public func channelTable(_ offset: UInt32) -> UnsafePointer<UInt16>? {
        offset == 0 ? nil : (base + Int(offset)).assumingMemoryBound(to: UInt16.self)
    }

    /// The UTF-8 bytes of the string at `offset`: UInt16 length, then the bytes.
    public func string(_ offset: UInt32) -> UnsafeRawBufferPointer {
        let start = base + Int(offset)
        return UnsafeRawBufferPointer(start: start + 2, count: Int(start.load(as: UInt16.self)))
    }

    /// The name of class `index`, UTF-8.
    public func className(_ index: Int) -> UnsafeRawBufferPointer {
        string(record(header.classNames, index, as: UInt32.self))
    }
}
