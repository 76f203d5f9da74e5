/// Which operators are worth dividing among threads, and how.
///
/// A divided row costs more than the wait for the other threads: lines of the cache that two cores take turns in travel between
/// them at some 20 ns each. So only rows with much work for their bytes are worth it. What it does not do: measure; the estimate
/// is coarse and errs on the side of one thread.
import Swiftlet
import SwiftletFormat

struct DivisionPolicy {
    /// Work of a row that is worth dividing: about 1.3 us of one core with AVX-512. With a quarter of it MobileNetV1 1.0 at 224 x
    /// 224 takes as long, and ShuffleNetV2 longer than on one thread.
    var leastWork = 600_000
    /// Columns for each thread, below which channels are divided instead where they can be. Neighbouring columns stay in a core's
    /// own cache from operator to operator, channels do not.
    var leastColumns = 3
    /// Parameters beyond which channels are divided, too: each core then reads only its part of them for every row, which for
    /// weights that its cache does not hold is worth more (ResNet-18, two threads: 1.6 times as fast as one, with columns 1.35).
    var mostSharedBytes = 400_000
    /// The least part of a model's work that must be worth dividing: with less, waiting takes what is gained.
    var leastPart = 0.5

    /// The division of each operator; none where the model takes one thread.
    func choose(_ records: [OperatorRecord], among count: Int) -> [RowDivision] {
        let divisions = records.map { choose($0, among: count) }
        let work = records.map { Double(Self.rowWork($0) * Int($0.outputHeight)) }
        let divided = zip(divisions, work).reduce(0) { $0 + ($1.0 == .none ? 0 : $1.1) }
        let isWorthIt = divided > 0 && divided >= leastPart * work.reduce(0, +)
        return isWorthIt ? divisions : records.map { _ in .none }
    }

    private func choose(_ record: OperatorRecord, among count: Int) -> RowDivision {
        let ways = record.divisions(among: count)
        guard !ways.isEmpty, Self.rowWork(record) >= leastWork else { return .none }
        let hasFewColumns = Int(record.outputWidth) < leastColumns * count
        if ways.contains(.channels), hasFewColumns || Int(record.parameterBytes) > mostSharedBytes { return .channels }
        return ways.contains(.columns) ? .columns : .none
    }

    /// Of one row, in multiply-accumulates of a dense convolution: a sum of bytes and its requantization cost as much as some
    /// tens of them, a depthwise tap as much as some.
    private static func rowWork(_ record: OperatorRecord) -> Int {
        let outputs = Int(record.outputWidth) * Int(record.outputChannels)
        let taps = Int(record.kernelHeight) * Int(record.kernelWidth)
        switch record.operatorKind {
        case .convolution: return outputs * (taps * Int(record.inputChannels) / Int(record.groups) + 32)
        case .depthwiseConvolution: return outputs * (taps * 6 + 32)
        case .maxPool, .averagePool: return outputs * (taps + 8)
        case .add: return outputs * 16
        default: return 0
        }
    }
}
