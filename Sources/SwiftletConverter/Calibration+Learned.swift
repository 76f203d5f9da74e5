/// The ranges that training has learned, in the place of calibration.
///
/// What it does not do: mix both; a network has learned all of its ranges or none.
import SwiftletGraph
import SwiftletQuantizer

extension Calibration {
    /// Exactly what training rounded to: one scale for the channels of a map, weights to nearest, biases as they are.
    ///
    /// - Parameter ranges: by operator.
    /// - Throws: `ConversionError.wrongInput` when `graph`, a prepared one, has an operator whose range is not among them.
    init(learned ranges: [String: ClosedRange<Float>], of graph: Graph) throws {
        var found: [ValueID: ClosedRange<Float>] = [:]
        for operation in try Lowering.lower(graph).operations where !operation.keepsScales {
            guard let range = ranges[operation.name] else {
                throw ConversionError.wrongInput(
                    reason:
                        "training has learned no range for \(operation.name), only for \(ranges.count) other operators; "
                        + "train again with --quantize")
            }
            found[operation.value] = range
        }
        self.init(ranges: found)
    }
}
