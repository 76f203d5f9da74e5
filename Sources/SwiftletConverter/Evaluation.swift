/// Accuracy of float networks and int8 models on labelled pictures.
///
/// What it does not do: print progress; it reports to its caller.
import Foundation
import SwiftletGraph
import SwiftletHost
import SwiftletTraining

/// What a model said to a set of pictures.
public struct EvaluationResult: Sendable {
    /// The class with the highest score, one a picture; the first of equals.
    public var answers: [Int]
    /// The class of each picture.
    public var labels: [Int]
    /// The scores of each picture.
    public var scores: [[Float]]
    public var top1Count = 0
    public var top5Count = 0

    public var images: Int { answers.count }
    public var top1: Double { images == 0 ? 0 : Double(top1Count) / Double(images) }
    public var top5: Double { images == 0 ? 0 : Double(top5Count) / Double(images) }

    /// The fraction of pictures on which both say the same.
    public func agreement(with other: EvaluationResult) -> Double {
        let same = zip(answers, other.answers).filter { $0 == $1 }.count
        return images == 0 ? 0 : Double(same) / Double(images)
    }

    /// How far the scores of `other` are from these: signal to noise ratio in decibels, at most 120.
    public func sqnr(of other: EvaluationResult) -> Double {
        var (signal, noise) = (0.0, 0.0)
        for (mine, theirs) in zip(scores, other.scores) {
            for (a, b) in zip(mine, theirs) {
                signal += Double(a) * Double(a)
                noise += Double(a - b) * Double(a - b)
            }
        }
        return noise > 0 ? min(10 * log10(max(signal / noise, 1e-12)), 120) : 120
    }

    /// What it said to some of the pictures, in that order.
    func subset(_ indices: [Int]) -> EvaluationResult {
        EvaluationResult(scores: indices.map { scores[$0] }, labels: indices.map { labels[$0] })
    }

    fileprivate init(scores: [[Float]], labels: [Int]) {
        answers = []
        self.scores = scores
        self.labels = labels
        for (values, label) in zip(scores, labels) {
            let order = values.indices.sorted { (values[$0], $1) > (values[$1], $0) }
            answers.append(order[0])
            top1Count += order[0] == label ? 1 : 0
            top5Count += order.prefix(5).contains(label) ? 1 : 0
        }
    }
}

public enum Evaluation {
    /// Runs an int8 model on every picture, on `threads` cores with an arena each.
    ///
    /// - Parameter progress: called from time to time with the number of pictures done.
    public static func evaluate(
        _ file: ModelFile, on dataSet: any DataSet, threads: Int, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> EvaluationResult {
        let results = Results(count: dataSet.count, progress: progress)
        DispatchQueue.concurrentPerform(iterations: max(1, threads)) { thread in
            do {
                let runner = try Runner(file)
                var pixels = [UInt8](repeating: 0, count: dataSet.format.shape.elementCount)
                while let index = results.next() {
                    try pixels.withUnsafeMutableBufferPointer { try dataSet.readPixels(at: index, into: $0) }
                    let values = try pixels.withUnsafeBytes { try runner.run($0) }
                    results.set(index, runner.dequantize(values))
                }
            } catch {
                results.fail(error)
            }
        }
        return try results.finish(dataSet)
    }

    /// Runs a float network on every picture.
    public static func evaluate(
        _ network: some TrainedNetwork, on dataSet: any DataSet, threads: Int,
        progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> EvaluationResult {
        let batchSize = FloatExecutor.batchSize(for: network.graph, limit: 64)
        let executor = try FloatExecutor(graph: network.graph, batchSize: batchSize, threads: threads)
        let preprocessing = network.preprocessing
        let channels = dataSet.format.shape.channels
        let classes = executor.outputCount
        let results = Results(count: dataSet.count, progress: progress)
        try PixelBatches(dataSet: dataSet, indices: Array(0..<dataSet.count), batchSize: batchSize).forEach {
            pixels, batch in
            let normalized = pixels.indices.map { index in
                (pixels[index] - preprocessing.mean[index % channels]) / preprocessing.deviation[index % channels]
            }
            let scores = try normalized.withUnsafeBufferPointer { try executor.run($0, count: batch.count) }
            for (position, index) in batch.enumerated() {
                results.set(index, Array(scores[(position * classes)..<((position + 1) * classes)]))
            }
        }
        return try results.finish(dataSet)
    }
}

/// Scores as they come from several threads.
private final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private var scores: [[Float]]
    private var nextIndex = 0
    private var done = 0
    private var error: (any Error)?
    private let progress: @Sendable (Int) -> Void

    init(count: Int, progress: @escaping @Sendable (Int) -> Void) {
        scores = Array(repeating: [], count: count)
        self.progress = progress
    }

    /// The next picture that nobody has taken; nil at the end or after an error.
    func next() -> Int? {
        lock.withLock {
            guard error == nil, nextIndex < scores.count else { return nil }
            defer { nextIndex += 1 }
            return nextIndex
        }
    }

    func set(_ index: Int, _ values: [Float]) {
        let count = lock.withLock {
            scores[index] = values
            done += 1
            return done
        }
        if count % 50 == 0 || count == scores.count { progress(count) }
    }

    func fail(_ error: any Error) { lock.withLock { self.error = self.error ?? error } }

    func finish(_ dataSet: any DataSet) throws -> EvaluationResult {
        if let error { throw error }
        return EvaluationResult(scores: scores, labels: scores.indices.map { dataSet.label(at: $0) })
    }
}
