/// One operator's share of a run: time, work, bytes, and the kernel that made its rows.
///
/// What it does not do: measure; `Profile` does.
import SwiftletFormat
import SwiftletHost
import SwiftletKernels

public struct OperatorProfile: Sendable, Codable {
    public var name: String
    public var kind: String
    /// "112x112x32".
    public var outputShape: String
    /// "avx512vnni pointwise": who makes the rows, and how; see `OperatorRecord.kernelName`.
    public var kernel: String
    public var medianMicroseconds: Double
    public var p90Microseconds: Double
    public var macs: Int
    /// Weights, biases, multipliers.
    public var parameterBytes: Int
    /// Of all rows that it makes in a run.
    public var outputBytes: Int
    /// What its rows read and write in a run: the rows under each window, the parameters once a row, the output.
    public var bytesMoved: Int
    /// 10^9 multiply-accumulates a second; 0 for operators without any.
    public var gmacsPerSecond: Double
    /// Of what this machine's cores can do at best; 0 for operators without multiply-accumulates.
    public var percentOfPeak: Double
}

extension OperatorProfile {
    /// - Parameter peak: 10^9 multiply-accumulates a second, of all cores that the run had.
    init(_ file: ModelFile, operation index: Int, _ clock: StepClock, instructionSet: String, peak: Double) {
        let record = file.model.reader.operation(index)
        let (median, p90) = clock.microseconds(index)
        name = file.operationName(index)
        kind = record.kindName
        outputShape =
            "\(record.outputHeight)x\(record.outputWidth)x\(record.outputChannels)"
            + (record.outputBytes == 2 ? " int16" : "")
        kernel = record.kernelName(clock.path(of: index), instructionSet: instructionSet)
        medianMicroseconds = median
        p90Microseconds = p90
        macs = file.multiplyAccumulates(index)
        parameterBytes = Int(record.parameterBytes)
        outputBytes =
            Int(record.outputHeight) * Int(record.outputWidth) * Int(record.outputChannels)
            * record.outputBytes
        bytesMoved = record.bytesMoved(block: file.model.reader.pointer(record.parameters))
        gmacsPerSecond = median > 0 ? Double(macs) / median / 1e3 : 0
        percentOfPeak = peak > 0 ? gmacsPerSecond / peak * 100 : 0
    }
}
