import Foundation
import SwiftletGraph
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletTraining

@Suite struct TrainerTests {
    private static let spec = "mobilenet-v2:width=0.35,resolution=32,classes=10"

    private func makeTrainer(
        _ change: (inout TrainingConfiguration) -> Void = { _ in }, resuming checkpoint: Checkpoint? = nil,
        spec: String = TrainerTests.spec, count: Int = 160
    ) throws -> Trainer {
        var configuration = TrainingConfiguration()
        configuration.epochs = 3
        configuration.batchSize = 32
        configuration.learningRate = 0.05
        configuration.augmentation = Augmentation(shift: 2, flips: true)
        change(&configuration)
        let data = try DataSets.open("shapes:\(count)", split: .training)
        return try Trainer(
            architecture: Architecture(parsing: spec), configuration: configuration, training: data, validation: nil,
            resuming: checkpoint)
    }

    private func run(_ trainer: Trainer) throws -> [Checkpoint] {
        var checkpoints: [Checkpoint] = []
        try trainer.run(progress: { _ in }, epochEnded: { _, make in checkpoints.append(try make()) })
        return checkpoints
    }

    @Test func theSameSeedGivesTheSameNetwork() throws {
        let first = try run(makeTrainer { $0.epochs = 1 }).last!
        let second = try run(makeTrainer { $0.epochs = 1 }).last!
        let other = try run(
            makeTrainer {
                $0.epochs = 1; $0.seed = 2
            }
        ).last!
        #expect(first.graph.parameters == second.graph.parameters)
        #expect(first.graph.parameters != other.graph.parameters)
    }

    @Test(arguments: TrainingConfiguration.Optimizer.allCases)
    func aResumedRunEndsWithTheNumbersOfAnUnbrokenOne(_ optimizer: TrainingConfiguration.Optimizer) throws {
        func configure(_ configuration: inout TrainingConfiguration) {
            configuration.optimizer = optimizer
            configuration.learningRate = optimizer == .sgd ? 0.05 : 0.002
        }
        let whole = try run(makeTrainer(configure))
        // Through a file, as after a kill.
        let folder = try TemporaryFolder()
        let path = folder.file("half.ckpt")
        try whole[0].write(to: path)
        let resumed = try run(makeTrainer(configure, resuming: Checkpoint(contentsOf: path)))
        #expect(resumed.count == 2)
        #expect(resumed.last!.graph.parameters == whole.last!.graph.parameters)
    }

    @Test(.enabled(if: ProductPrecision.bfloat16.isAvailable, "SKIPPED: this processor does not multiply bfloat16"))
    func inBFloat16TheFirstStepsAreAboutTheSame() throws {
        func loss(_ precision: ProductPrecision) throws -> Float {
            // Two steps: later ones magnify every difference.
            let trainer = try makeTrainer(
                {
                    $0.epochs = 1
                    $0.precision = precision
                }, count: 64)
            _ = try run(trainer)
            return Float(trainer.metrics.last!.trainingLoss)
        }
        let (exact, rounded) = (try loss(.float32), try loss(.bfloat16))
        #expect(exact != rounded)
        #expect(abs(exact - rounded) < 0.02, "float32 \(exact), bfloat16 \(rounded)")
    }

    @Test func aCheckpointNamesEveryRunBehindIt() throws {
        let data = try DataSets.open("shapes:16", split: .training)
        var start: Checkpoint?
        for epochs in 1...3 {
            var configuration = TrainingConfiguration()
            configuration.epochs = epochs
            let trainer = try Trainer(
                architecture: Architecture(parsing: "lenet5:resolution=32,channels=3,classes=10"),
                configuration: configuration, training: data, starting: start)
            start = try run(trainer).last
        }
        let history = try #require(start?.record([TrainingConfiguration].self, "history"))
        #expect(history.map(\.epochs) == [1, 2])
    }

    @Test func aCheckpointOfAnotherRunIsNotResumed() throws {
        let checkpoint = try run(makeTrainer { $0.epochs = 2 })[0]
        #expect(throws: TrainingError.self) { try makeTrainer({ $0.learningRate = 0.1 }, resuming: checkpoint) }
    }

    @Test func aLossThatIsNoNumberStopsTheRun() throws {
        let trainer = try makeTrainer {
            $0.learningRate = 1e30; $0.warmUpEpochs = 0
        }
        let error = #expect(throws: TrainingError.self) { try run(trainer) }
        #expect(error.map { "\($0)" }?.contains("is not finite in epoch 1") == true)
    }

    @Test func dataOfAnotherSizeOrOtherClassesIsRefused() throws {
        #expect(throws: TrainingError.self) {
            try makeTrainer(spec: "mobilenet-v2:width=0.35,resolution=64,classes=10")
        }
        #expect(throws: TrainingError.self) { try makeTrainer(spec: "mobilenet-v2:width=0.35,resolution=32,classes=7") }
    }

    @Test func condensationLeavesEachGroupItsShareAndTheNetworkConverts() throws {
        let spec = "condensenet:stages=2-2-2,growth=8-8-8,resolution=32,classes=10"
        let trained = try run(
            makeTrainer(
                {
                    $0.epochs = 6; $0.learningRate = 0.02
                }, spec: spec, count: 64)
        ).last!
        for node in trained.graph.nodes {
            guard case .learnedGroupConvolution(let convolution) = node.operation,
                let mask = trained.graph.parameter("mask", of: node)
            else { continue }
            let inputs = mask.shape[1]
            let rows = mask.shape[0] / convolution.groups
            for group in 0..<convolution.groups {
                let first = group * rows * inputs
                let kept = (0..<inputs).filter { mask.values[first + $0] != 0 }.count
                #expect(kept == inputs / convolution.condensationFactor, "\(node.name) group \(group)")
            }
        }
    }

    @Test func theLearningRateRisesThenFallsAsACosine() {
        var configuration = TrainingConfiguration()
        configuration.epochs = 11
        configuration.learningRate = 0.2
        configuration.warmUpEpochs = 1
        #expect(configuration.learningRate(at: 0) < 0.001)
        #expect(abs(configuration.learningRate(at: 0.5) - 0.1) < 0.001)
        #expect(abs(configuration.learningRate(at: 1) - 0.2) < 1e-6)
        #expect(abs(configuration.learningRate(at: 6) - 0.1) < 1e-6)
        #expect(configuration.learningRate(at: 11) < 1e-6)
    }

    @Test func aSmallNetworkLearnsDrawnShapes() throws {
        let trainer = try makeTrainer(
            {
                $0.epochs = 12; $0.augmentation = .none
            }, spec: "lenet5:resolution=32,channels=3,classes=10", count: 320)
        _ = try run(trainer)
        let losses = trainer.metrics.map(\.trainingLoss)
        #expect(losses.last! < losses.first! * 0.8, "\(losses)")
    }
}
