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

    /// Where a model's session begins to work.
    ///
    /// - Throws: `SessionError.arenaTooSmall`, `.arenaMisaligned`.
    func start(for model: Model) throws(SessionError) -> UnsafeMutableRawPointer {
        guard let start = bytes.baseAddress, bytes.count >= model.arenaBytes else {
            throw .arenaTooSmall(needed: model.arenaBytes, given: bytes.count)
        }
        let misalignment = Int(bitPattern: start) % Self.alignment
        guard misalignment == 0 else { throw .arenaMisaligned(byteOffset: misalignment) }
        return start
    }
}
