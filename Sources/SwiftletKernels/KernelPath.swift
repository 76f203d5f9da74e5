/// How a row has been made: by the portable reference, or by an instruction set's kernel in one of its ways.
///
/// The values are those of `CSwiftletKernels`. What it does not do: change a byte; all ways give the same row.

public struct KernelPath: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int32

    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    // Computed and inlined: a stored global of another module is made on first use, and every use asks whether it has been.

    /// No kernel was chosen, or the shape or a multiplier is beyond it.
    @inlinable public static var reference: KernelPath { KernelPath(rawValue: 0) }
    /// From the rows where they lie.
    @inlinable public static var inPlace: KernelPath { KernelPath(rawValue: 1) }
    /// From rows that were packed or sorted first.
    @inlinable public static var packed: KernelPath { KernelPath(rawValue: 2) }
    /// From rows that were sorted so that several small groups share a vector.
    @inlinable public static var grouped: KernelPath { KernelPath(rawValue: 3) }
}
