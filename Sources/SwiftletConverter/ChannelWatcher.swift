/// What the channels of a model are, over pictures: their means, and how often activations clamp them.
///
/// What it does not do: know what they are in real numbers; they are int8.
import Dispatch
import Foundation
import Swiftlet
import SwiftletGraph
import SwiftletHost
import SwiftletKernels
import SwiftletTraining

struct ChannelWatcher: StepObserver {
    /// Of one operator.
    struct Statistics {
        /// Of each channel.
        var means: [Double]
        /// For each channel the share of outputs that lie inside the activation's bounds.
        var unclamped: [Double]
    }

    private struct Sums {
        let low: Int
        let high: Int
        let isWide: Bool
        var values: [Int]
        var unclamped: [Int]
        /// Of all pictures.
        var pixels = 0

        mutating func add(_ row: OutputRow) {
            pixels += row.width
            let (low, high, isWide) = (low, high, isWide)
            values.withUnsafeMutableBufferPointer { values in
                unclamped.withUnsafeMutableBufferPointer { unclamped in
                    for x in 0..<row.width {
                        for channel in values.indices {
                            let value =
                                isWide
                                ? Int(row.loadWide(x: x, channel: channel)) : Int(row.load(x: x, channel: channel))
                            values[channel] += value
                            if value > low && value < high { unclamped[channel] += 1 }
                        }
                    }
                }
            }
        }

        mutating func add(_ other: Sums) {
            pixels += other.pixels
            for channel in values.indices {
                values[channel] += other.values[channel]
                unclamped[channel] += other.unclamped[channel]
            }
        }
    }

    private var sums: [Sums]

    /// Runs the model on `threads` cores with an arena each.
    ///
    /// - Parameter operations: the model's own.
    static func watch(
        _ model: ModelFile, _ operations: [AssembledOperation], over batches: PixelBatches, threads: Int
    ) throws -> [Statistics] {
        let empty = ChannelWatcher(operations)
        let total = Total(empty)
        let indices = batches.indices
        let threads = max(1, min(threads, indices.count))
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            do {
                let runner = try Runner(model)
                var watcher = empty
                let share = PixelBatches(
                    dataSet: batches.dataSet,
                    indices: stride(from: thread, to: indices.count, by: threads).map { indices[$0] }, batchSize: 1)
                try share.forEach { floats, _ in
                    let pixels = floats.map { UInt8($0) }
                    _ = try pixels.withUnsafeBytes { try runner.run($0, observer: &watcher) }
                }
                total.add(watcher)
            } catch {
                total.fail(error)
            }
        }
        return try total.finish().sums.map { sums in
            let pixels = Double(max(sums.pixels, 1))
            return Statistics(
                means: sums.values.map { Double($0) / pixels }, unclamped: sums.unclamped.map { Double($0) / pixels })
        }
    }

    private init(_ operations: [AssembledOperation]) {
        sums = operations.map { operation in
            let zeros = operation.outputOrder.map { _ in 0 }
            let (low, high) = (Int(operation.record.activationMin), Int(operation.record.activationMax))
            let isWide = operation.output.channelBytes == 2
            return Sums(
                low: isWide ? low << 8 : low, high: isWide ? high << 8 | 0xFF : high, isWide: isWide, values: zeros,
                unclamped: zeros)
        }
    }

    mutating func willStep(operation: Int) {}

    mutating func didStep(operation: Int, row: Int?, output: OutputRow) {
        if row != nil { sums[operation].add(output) }
    }

    /// What several threads have seen.
    private final class Total: @unchecked Sendable {
        private let lock = NSLock()
        private var watcher: ChannelWatcher
        private var error: (any Error)?

        init(_ watcher: ChannelWatcher) { self.watcher = watcher }

        func add(_ other: ChannelWatcher) {
            lock.withLock { for index in other.sums.indices { watcher.sums[index].add(other.sums[index]) } }
        }

        func fail(_ error: any Error) { lock.withLock { self.error = self.error ?? error } }

        func finish() throws -> ChannelWatcher {
            if let error { throw error }
            return watcher
        }
    }
}
