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
    public var inputWidth: Int { Int(reader.input(0).width) }
    public var inputChannels: Int { Int(reader.input(0).channels) }
    /// Bytes of one row of the picture.
    public var inputRowBytes: Int { inputWidth * inputChannels }
    public var classCount: Int { reader.classCount }
}
