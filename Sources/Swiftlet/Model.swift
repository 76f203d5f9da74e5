/// A model that can be run: `int8.bin`, checked and used where it lies.
///
/// What it does not do: load files (a host maps them, a device has them in flash) or keep the bytes alive.
import SwiftletFormat

public struct Model: Sendable {
    public let reader: ModelReader

    /// - Parameter bytes: the whole file, aligned to `Model.alignment`; must outlive the model and never change.
    /// - Throws: `FormatError` that says what is wrong and where.
    public init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        reader = try ModelReader(bytes)
    }

    /// The alignment in memory that the file's bytes must have.
    public static var alignment: Int { ModelReader.alignment }

    /// What `Arena` must hold: exactly this many bytes work.
    public var arenaBytes: Int { reader.arenaBytes }
    public var inputHeight: Int { Int(reader.input(0).height) }
    public var inputWidth: Int { reader.pushedWidth(0) }
    public var inputChannels: Int { Int(reader.input(0).channels) }
    /// Bytes of one row of the picture.
    public var inputRowBytes: Int { inputWidth * inputChannels }
    public var classCount: Int { reader.classCount }

    /// How many times the rows of the picture must be pushed, all of them from the first to the last: once, unless the model was
    /// made to fit in less memory than that takes. Then the source must be one that can be read again: a frame buffer, a file.
    public var passes: Int { reader.passes }

    /// The columns of the picture that a pass looks at; what lies beside them in the rows that are pushed may be anything.
    ///
    /// - Parameter pass: from 0 on, below `passes`.
    public func columns(ofPass pass: Int) -> Range<Int> {
        precondition(pass >= 0 && pass < passes, "there is no such pass")
        let first = reader.firstColumn(ofPass: pass)
        return first..<(first + Int(reader.input(pass).width))
    }
}
