/// What the user may choose in a conversion.
import SwiftletQuantizer

public struct ConversionOptions: Sendable {
    /// How activations' ranges are chosen from what calibration saw.
    public var rangeMethod = RangeMethod.meanSquaredError
    /// Pictures of the calibration set that are looked at, from its shuffled front.
    public var calibrationCount = 512
    public var seed: UInt64 = 1
    public var threads = 2

    public init() {}
}
