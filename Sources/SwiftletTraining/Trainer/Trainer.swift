/// Trains a network: epochs of steps, a checkpoint after each, resumable to the same numbers.
///
/// What it does not do: choose the network or the data, or print; it reports to its caller.
import CSwiftletTraining
import Foundation
import SwiftletGraph
import SwiftletZoo

/// Why training stops.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
    case diverged(epoch: Int, step: Int, learningRate: Float)
    case wrongData(String)
    case cannotResume(String)
    case unavailable(ProductPrecision)

    public var description: String {
        switch self {
        case .diverged(let epoch, let step, let learningRate):
            "the loss is not finite in epoch \(epoch), step \(step), at learning rate \(learningRate); "
                + "try a smaller --learning-rate or a longer --warm-up"
        case .wrongData(let reason), .cannotResume(let reason):
            reason
        case .unavailable(let precision):
            "this processor or its oneDNN does not multiply \(precision.rawValue); train with --precision float32"
        }
    }
}

public final class Trainer {
    public let architecture: Architecture
    public let configuration: TrainingConfiguration
    /// Of all epochs so far, those before a resumption included.
    public private(set) var metrics: [EpochMetrics] = []
    let training: BatchLoader
    private let validation: BatchLoader?
    let engine: Engine
    private(set) var step: UInt64 = 0
    /// The runs behind the network that this one began with, the oldest first: a JSON array of their configurations.
    let history: String?
    private let teaching: Teaching?

    /// Begins a run, or goes on with the one that `checkpoint` holds.
    ///
    /// - Parameters:
    ///   - start: the network to begin with; fresh parameters if not given.
    ///   - quantization: where the network rounds once it is int8, made of the checkpoint or of `start`; goes with
    ///     `configuration.quantization`.
    ///   - teachers: those that `configuration.distillation` names.
    /// - Throws: `TrainingError.wrongData` when data, network and teachers do not fit; `.cannotResume` when the checkpoint is of
    ///   another run.
    public init(
        architecture: Architecture, configuration: TrainingConfiguration, training: any DataSet,
        validation: (any DataSet)? = nil, starting start: Checkpoint? = nil,
        quantization: QuantizationScheme? = nil, teachers: [any Teacher] = [], resuming checkpoint: Checkpoint? = nil
    ) throws {
        precondition(
            (quantization == nil) == (configuration.quantization == nil), "a scheme and its configuration go together")
        precondition(
            teachers.map(\.identity) == configuration.distillation?.teachers ?? [],
            "teachers and their configuration go together")
        guard training.format.shape == architecture.inputShape else {
            throw TrainingError.wrongData(
                "\(training.name) gives \(training.format.shape) pictures, \(architecture.spec) takes "
                    + "\(architecture.inputShape)")
        }
        guard training.classNames.count == architecture.classes else {
            throw TrainingError.wrongData(
                "\(training.name) has \(training.classNames.count) classes, \(architecture.spec) "
                    + "\(architecture.classes); say classes=\(training.classNames.count)")
        }
        guard training.count >= 1, configuration.batchSize >= 1, configuration.epochs >= 1 else {
            throw TrainingError.wrongData(
                "\(training.count) pictures, a batch of \(configuration.batchSize) and \(configuration.epochs) epochs: "
                    + "each must be at least 1")
        }
        guard configuration.precision.isAvailable else {
            throw TrainingError.unavailable(configuration.precision)
        }
        self.architecture = architecture
        self.configuration = configuration
        self.training = BatchLoader(training)
        self.validation = validation.map { BatchLoader($0) }
        history = checkpoint.map { $0.training["history"] } ?? start?.runs
        var graph = try architecture.makeGraph()
        if let given = quantization?.graph ?? checkpoint?.graph ?? start?.graph {
            graph = given
        } else {
            GraphInitializer.initialize(&graph, seed: configuration.seed)
        }
        engine = try Engine(
            graph: graph, batchSize: min(configuration.batchSize, training.count), threads: configuration.threads,
            isTrained: true, precision: configuration.precision, quantization: quantization)
        let batchSize = engine.batchSize
        teaching = try configuration.distillation.map {
            try Teaching(
                $0, teachers: teachers, batchSize: batchSize, threads: configuration.threads,
                classNames: training.classNames)
        }
        if let checkpoint { try resume(checkpoint) }
    }

    private var stepsPerEpoch: Int { max(1, training.dataSet.count / engine.batchSize) }

    /// Trains to the end.
    ///
    /// - Parameters:
    ///   - progress: called about twice a second.
    ///   - epochEnded: called after every epoch, with a checkpoint from which the run can go on.
    /// - Throws: `TrainingError.diverged`, or what a data set throws.
    public func run(
        progress: (TrainingProgress) -> Void, epochEnded: (EpochMetrics, () throws -> Checkpoint) throws -> Void
    ) throws {
        for epoch in metrics.count..<max(configuration.epochs, metrics.count) {
            let row = try runEpoch(epoch, progress: progress)
            metrics.append(row)
            try epochEnded(row) { try self.checkpoint(isFinished: epoch + 1 == self.configuration.epochs) }
        }
    }

    private func runEpoch(_ epoch: Int, progress: (TrainingProgress) -> Void) throws -> EpochMetrics {
        engine.condense(epoch: epoch, schedule: CondensationSchedule(epochs: configuration.epochs))
        let order = BatchLoader.order(count: training.dataSet.count, seed: configuration.seed, epoch: epoch)
        var total = CrossEntropy.Result()
        let begin = Date()
        var lastReport = begin
        var rate: Float = 0
        for index in 0..<stepsPerEpoch {
            rate = configuration.learningRate(at: Double(epoch) + Double(index) / Double(stepsPerEpoch))
            let first = index * engine.batchSize
            let result = try runStep(order[first..<(first + engine.batchSize)], epoch: epoch, rate: rate)
            total.add(result)
            guard result.loss.isFinite else {
                throw TrainingError.diverged(epoch: epoch + 1, step: index + 1, learningRate: rate)
            }
            let now = Date()
            guard now.timeIntervalSince(lastReport) > 0.5 || index + 1 == stepsPerEpoch else { continue }
            lastReport = now
            let speed = Double(total.images) / now.timeIntervalSince(begin)
            let stepsLeft = stepsPerEpoch - index - 1 + (configuration.epochs - epoch - 1) * stepsPerEpoch
            progress(
                TrainingProgress(
                    epoch: epoch + 1, epochs: configuration.epochs, step: index + 1, steps: stepsPerEpoch,
                    imagesPerSecond: speed, secondsLeft: Double(stepsLeft * engine.batchSize) / speed,
                    loss: total.loss / Double(total.images), accuracy: Double(total.correct) / Double(total.images),
                    learningRate: rate))
        }
        let seconds = Date().timeIntervalSince(begin)
        let measured = try validation.map { try evaluate($0) }
        return EpochMetrics(
            epoch: epoch + 1, learningRate: rate, trainingLoss: total.loss / Double(total.images),
            trainingAccuracy: Double(total.correct) / Double(total.images),
            validationLoss: measured.map { $0.loss / Double($0.images) },
            validationAccuracy: measured.map { Double($0.correct) / Double($0.images) },
            imagesPerSecond: Double(total.images) / seconds)
    }

    /// One step on the pictures `indices`: gradients, then the optimizer.
    private func runStep(_ indices: ArraySlice<Int>, epoch: Int, rate: Float) throws -> CrossEntropy.Result {
        let loss = CrossEntropy(
            labels: indices.map { training.dataSet.label(at: $0) }, smoothing: configuration.labelSmoothing,
            teaching: teaching)
        let seed = configuration.seed &* 0xA24B_AED4_963E_E407 &+ UInt64(epoch)
        let mode = Mode(isTraining: true, step: step, freezesStatistics: freezesStatistics)
        let result = engine.train(count: indices.count, mode, loss: loss) { [self] share in
            training.load(
                indices, images: share.images, into: engine.input, augmentation: configuration.augmentation, seed: seed
            ) { [teaching] image, pixels in try teaching?.ask(image, pixels, thread: share.thread) }
        }
        try training.check()
        if !engine.masks.isEmpty { engine.regularizeGroups(lasso: configuration.groupLasso) }
        step += 1
        engine.update(configuration, rate: rate, step: step)
        return result
    }

    /// Whether the next step leaves the batch norms' statistics as they are.
    private var freezesStatistics: Bool {
        guard let quantization = configuration.quantization else { return false }
        return Double(step) >= quantization.batchStatistics * Double(stepsPerEpoch * configuration.epochs)
    }

    private func evaluate(_ loader: BatchLoader) throws -> CrossEntropy.Result {
        var total = CrossEntropy.Result()
        var first = 0
        while first < loader.dataSet.count {
            let indices = Array(first..<min(first + engine.batchSize, loader.dataSet.count))
            let loss = CrossEntropy(labels: indices.map { loader.dataSet.label(at: $0) }, smoothing: 0)
            total.add(engine.evaluate(indices, loss: loss, loader: loader))
            try loader.check()
            first += indices.count
        }
        return total
    }

    /// Goes on behind the epochs of `past`.
    func begin(after past: [EpochMetrics], step: UInt64) {
        metrics = past
        self.step = step
    }
}

extension Engine {
    /// One step of the optimizer on the summed gradients.
    func update(_ configuration: TrainingConfiguration, rate: Float, step: UInt64) {
        let kernels = st_kernels().pointee
        let correction1 = 1 - Float(pow(0.9, Double(step)))
        let correction2 = 1 - Float(pow(0.999, Double(step)))
        for parameter in parameters {
            let decay = parameter.isDecayed ? configuration.weightDecay : 0
            let count = Int64(parameter.count)
            switch configuration.optimizer {
            case .sgd:
                kernels.sgd(
                    parameter.values, parameter.gradients[0], parameter.moments[0], count, rate,
                    configuration.momentum, decay)
            case .adamW:
                kernels.adamW(
                    parameter.values, parameter.gradients[0], parameter.moments[0], parameter.moments[1], count, rate,
                    0.9, 0.999, 1e-8, decay, correction1, correction2)
            }
        }
        for (weight, mask, _) in masks {
            for index in 0..<weight.count { weight.values[index] *= mask.values[index] }
        }
        guard let quantization = configuration.quantization else { return }
        let share = rate / configuration.learningRate
        for range in ranges { range.update(rate: quantization.rangeRate * share, step: step) }
    }

    /// Loss and correct answers on the pictures `indices`, with running statistics.
    func evaluate(_ indices: [Int], loss: CrossEntropy, loader: BatchLoader) -> CrossEntropy.Result {
        let results = UnsafeMutablePointer<CrossEntropy.Result>.allocate(capacity: workers.count)
        results.initialize(repeating: .init(), count: workers.count)
        defer { results.deallocate() }
        workers.run(batch: indices.count) { [self] share in
            loader.load(indices[...], images: share.images, into: input, augmentation: nil, seed: 0)
            for unit in units { unit.forward(share, Mode(isTraining: false, step: 0)) }
            results[share.thread] = loss.evaluate(output, share)
        }
        var total = CrossEntropy.Result()
        for thread in 0..<workers.count { total.add(results[thread]) }
        return total
    }
}
