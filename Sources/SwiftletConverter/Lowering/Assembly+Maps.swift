/// Records and parameter blocks of what two maps become, and of what only moves or mixes pixels.
///
/// What it does not do: sums, which have more forms; channels, which need no operator.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletGraph

extension Assembly {
    /// - Throws: `ConversionError.unsupported` for scales whose product no multiplier holds.
    func setMaps(_ assembled: inout AssembledOperation, _ operation: LoweredOperation) throws {
        let input = scales(operation.operands[0][0])
        var integers = IntegerForm()
        switch operation.kind {
        case .binary(let kind, let flags):
            assembled.record.kind = OperatorKind(kind).rawValue
            integers.flags = flags
            if kind == .multiply {
                let second = scales(operation.operands[1][0])
                assembled.record.inputZeroPoint = input.zeroPoint
                assembled.record.secondZeroPoint = second.zeroPoint
                let real = Double(input.scale) * Double(second.scale) / Double(assembled.record.outputScale)
                integers.block = .multipliers(
                    [try .checked(real, node: operation.name, kind.rawValue)], constant: nil)
            }
        case .pixelIndex(let index):
            assembled.record.kind = OperatorKind.rearrange.rawValue
            integers.block = .rearrangement(
                Rearrangement(
                    rows: index.rows, columns: index.columns, fill: index.hasFill ? input.quantize(index.fill) : 0))
        case .interpolate(let points):
            assembled.record.kind = OperatorKind.resizeBilinear.rawValue
            integers.block = .bytes(
                (points.rows + points.columns).flatMap { point in
                    Swift.withUnsafeBytes(of: ResizePoint(point)) { Array($0) }
                })
        case .join(let axis):
            assembled.record.kind = OperatorKind.concatenate.rawValue
            if axis == .rows { integers.flags = .joinsRows }
        default: preconditionFailure("\(operation.name) computes with one map's numbers")
        }
        assembled.record.flags = integers.flags
        assembled.parameters = integers.block.bytes(inputOrder: [])
    }
}

extension OperatorKind {
    fileprivate init(_ kind: BinaryKind) {
        switch kind {
        case .multiply: self = .multiply
        case .maximum: self = .maximum
        case .minimum: self = .minimum
        }
    }
}

extension ResizePoint {
    fileprivate init(_ point: Interpolation.Point) {
        self.init(
            low: UInt16(point.low), high: UInt16(point.high),
            fraction: Int32((point.fraction * Float(ResizePoint.one)).rounded(.toNearestOrAwayFromZero)))
    }
}
