/// How fast a network trains here: whole steps on made-up pictures, nothing read or augmented.
///
/// What it does not do: judge; `tools/bench-training` sets the number against another framework's.
import Foundation
import SwiftletGraph

public enum TrainingBenchmark {
    /// The speed of one step: forward pass, loss, backward pass and SGD with Nesterov momentum.
    public struct Result: Sendable {
        /// By the clock; the median step.
        public var imagesPerSecond: Double
        /// By the processor time of all threads; the mean step. Other programs on the machine disturb it less.
        public var imagesPerCPUSecond: Double
    }

    /// Trains `graph` on random pictures, from fresh parameters, two steps unmeasured and then `steps`.
    ///
    /// - Parameters:
    ///   - graph: its output is one score for each class; parameters are not needed.
    ///   - batchSize: images a step.
    ///   - steps: at least 1.
    /// - Throws: `GraphError` and `EngineError` for what cannot be computed.
    public static func measure(graph: Graph, batchSize: Int, steps: Int, threads: Int = 2) throws -> Result {
        precondition(steps >= 1 && batchSize >= 1, "\(steps) steps of \(batchSize) images measure nothing")
        var graph = graph
        GraphInitializer.initialize(&graph, seed: 1)
        let engine = try Engine(graph: graph, batchSize: batchSize, threads: threads, isTrained: true)
        var generator = SeededGenerator(seed: 1)
        let input = engine.input
        for index in 0..<(batchSize * input.shape.elementCount) {
            input.values[index] = Float.random(in: -1...1, using: &generator)
        }
        let labels = (0..<batchSize).map { $0 % engine.output.shape.elementCount }
        let loss = CrossEntropy(labels: labels, smoothing: 0)
        let configuration = TrainingConfiguration()
        var times: [Double] = []
        var processorTime = 0.0
        for step in 0..<(steps + 2) {
            let begin = (clock: seconds(CLOCK_MONOTONIC), processor: seconds(CLOCK_PROCESS_CPUTIME_ID))
            _ = engine.train(count: batchSize, Mode(isTraining: true, step: UInt64(step)), loss: loss) { _ in }
            engine.update(configuration, rate: 0.01, step: UInt64(step + 1))
            guard step >= 2 else { continue }
            times.append(seconds(CLOCK_MONOTONIC) - begin.clock)
            processorTime += seconds(CLOCK_PROCESS_CPUTIME_ID) - begin.processor
        }
        return Result(
            imagesPerSecond: Double(batchSize) / times.sorted()[times.count / 2],
            imagesPerCPUSecond: Double(batchSize * steps) / processorTime)
    }

    /// The clock's median of `measure`.
    public static func imagesPerSecond(graph: Graph, batchSize: Int, steps: Int, threads: Int = 2) throws -> Double {
        try measure(graph: graph, batchSize: batchSize, steps: steps, threads: threads).imagesPerSecond
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
