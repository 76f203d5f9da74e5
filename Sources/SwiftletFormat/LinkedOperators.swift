/// Which operators a build can run.
///
/// All of them, here. The build of a firmware for one model puts a file in this one's place whose switch names the model's
/// operators alone (see tools/firmware-boards/build), and the compiler drops the kernels of all others. What only models that
/// recompute need, or that have maps of 16 bits, goes the same way.

extension OperatorRecord {
    /// What the operator does; nil for a kind that this build does not have, which `ModelReader` refuses.
    @inlinable
    @inline(__always)
    public var operatorKind: OperatorKind? { OperatorKind(rawValue: kind) }
}

extension HeaderRecord {
    /// The newest version that this build reads.
    @inlinable
    @inline(__always)
    public static var newestVersion: UInt16 { wideVersion }
}
