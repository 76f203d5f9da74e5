/// An arena on a host: exactly as many bytes as asked for, between guards that show any write beside it.
///
/// What it does not do: exist on a device, where the arena is a static buffer.
import Swiftlet

public final class HostArena {
    public let arena: Arena
    private let memory: UnsafeMutableRawBufferPointer
    /// Of the guard on either side.
    public static let guardBytes = 64
    private static let guardValue: UInt8 = 0xA5

    /// - Parameter byteCount: the size of the arena; a session refuses one that is smaller than the model says.
    public init(byteCount: Int) {
        let count = max(byteCount, 0)
        memory = .allocate(byteCount: count + 2 * Self.guardBytes, alignment: Arena.alignment)
        memory.initializeMemory(as: UInt8.self, repeating: Self.guardValue)
        arena = Arena(UnsafeMutableRawBufferPointer(rebasing: memory[Self.guardBytes..<(Self.guardBytes + count)]))
    }

    deinit { memory.deallocate() }

    /// Whether nobody has written beside the arena.
    public var guardsAreIntact: Bool {
        let end = memory.count - Self.guardBytes
        return (0..<Self.guardBytes).allSatisfy { memory[$0] == Self.guardValue && memory[end + $0] == Self.guardValue }
    }
}
