/// The one piece of memory that a session works in.
///
/// What it does not do: allocate or free. A device declares a static buffer, a host allocates one.

public struct Arena {
    public let bytes: UnsafeMutableRawBufferPointer

    /// - Parameter bytes: aligned to `Arena.alignment`; belongs to one session at a time and must outlive it.
    public init(_ bytes: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
    }

    /// The alignment in memory that the bytes must have.
    public static let alignment = 64
}
