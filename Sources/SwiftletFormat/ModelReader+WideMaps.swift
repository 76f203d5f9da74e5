/// The part of the proof that operators on maps of 16 bits need besides: that no sum of theirs leaves the numbers it is made in.
///
/// What it does not do: shapes and parameters, which are those of the same operator on bytes.
import SwiftletArithmetic

extension ModelReader {
    /// Weights that an output may have: sums of so many products of 2^22 stay below 2^47, which is what
    /// `FixedPointMultiplier.applyWide` takes.
    static let wideTermLimit = 1 << 24
    /// Pixels that a mean of Int16 may have: their sum stays within Int32.
    public static let widePixelLimit = 0xFFFF

    func checkWideMaps(_ record: OperatorRecord, kind: OperatorKind, index: Int) throws(FormatError) {
        guard header.version == HeaderRecord.wideVersion else {
            throw .invalid(part: .header, index: index, value: Int(header.version))
        }
        // A map of 16 bits has the zero point 0.
        guard record.outputBytes == 1 || record.outputZeroPoint == 0 else {
            throw .invalid(part: .activation, index: index, value: Int(record.outputZeroPoint))
        }
        switch kind {
        case .maxPool, .averagePool:
            guard record.inputBytes == record.outputBytes else {
                throw .invalid(part: .geometry, index: index, value: record.outputBytes)
            }
        case .convolution, .depthwiseConvolution:
            let inputs = kind == .convolution ? Int64(record.inputChannels) / Int64(max(record.groups, 1)) : 1
            let terms = inputs * Int64(record.kernelHeight) * Int64(record.kernelWidth)
            guard terms <= Int64(Self.wideTermLimit) else {
                throw .outOfBounds(
                    part: .geometry, index: index, value: Int(min(terms, Int64(Self.arenaLimit))),
                    limit: Self.wideTermLimit)
            }
        case .globalAveragePool:
            let pixels = Int64(record.inputHeight) * Int64(record.inputWidth)
            guard pixels <= Int64(Self.widePixelLimit) else {
                throw .outOfBounds(
                    part: .geometry, index: index, value: Int(min(pixels, Int64(Self.arenaLimit))),
                    limit: Self.widePixelLimit)
            }
        case .add:
            guard record.flags.isSubset(of: OperatorFlags.wideMaps.union([.negatesFirst, .negatesSecond])) else {
                throw .invalid(part: .operatorKind, index: index, value: Int(record.flags.rawValue))
            }
        default: break  // They have no such flags.
        }
    }
}

extension OperatorRecord {
    /// The largest shift that a multiplier of the operator may have.
    var largestShift: Int {
        Int((isWide ? FixedPointMultiplier.wideShiftRange : FixedPointMultiplier.shiftRange).upperBound)
    }
}
