/// Networks that are trained as int8 will compute them: what training saw is what the model does.
import SwiftletGraph
import SwiftletHost
import SwiftletQuantizer
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletConverter
@testable import SwiftletTraining

@Suite struct QuantizedTrainingTests {
    private static let size = "resolution=32,channels=3,classes=10"

    private let pictures: any DataSet

    init() throws { pictures = try DataSets.open("shapes:96", split: .training) }

    private func configuration(epochs: Int) -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        configuration.beginQuantization()
        configuration.epochs = epochs
        configuration.batchSize = 32
        configuration.augmentation = Augmentation(shift: 2, flips: true)
        return configuration
    }

    /// A float network after a few steps, so that its batch norms know something.
    private func floatNetwork(_ spec: String) throws -> Checkpoint {
        var configuration = configuration(epochs: 2)
        configuration.quantization = nil
        configuration.learningRate = 0.05
        return try run(
            Trainer(architecture: Architecture(parsing: spec), configuration: configuration, training: pictures)
        ).last!
    }

    private func run(_ trainer: Trainer) throws -> [Checkpoint] {
        var checkpoints: [Checkpoint] = []
        try trainer.run(progress: { _ in }, epochEnded: { _, make in checkpoints.append(try make()) })
        return checkpoints
    }

    private func scheme(_ checkpoint: Checkpoint) throws -> QuantizationScheme {
        var options = ConversionOptions()
        options.calibrationCount = 32
        return try QuantizationScheme(training: checkpoint, calibration: pictures, options: options)
    }

    private func trainer(from start: Checkpoint, epochs: Int, resuming: Checkpoint? = nil) throws -> Trainer {
        try Trainer(
            architecture: start.architecture, configuration: configuration(epochs: epochs), training: pictures,
            starting: start, quantization: scheme(resuming ?? start), resuming: resuming)
    }

    @Test(arguments: [
        "mobilenet-v1:width=0.25,", "mobilenet-v2:width=0.35,", "shufflenet-v1:width=0.25,groups=3,",
        "shufflenet-v2:width=0.5,", "lenet5:", "resnet-8:", "condensenet:stages=2-2-2,growth=8-8-8,",
    ])
    func theNetworkThatIsTrainedAndTheInt8NetworkSayTheSame(_ name: String) throws {
        let start = try floatNetwork(name + Self.size)
        let trained = try run(trainer(from: start, epochs: 2)).last!
        let scheme = try scheme(trained)
        let executor = try FloatExecutor(graph: scheme.graph, batchSize: 1, threads: 1, quantization: scheme)
        let conversion = try ConversionPipeline.convert(trained, calibration: nil, options: ConversionOptions())
        let runner = try Runner(ModelFile(contents: conversion.model.bytes, path: "test"))
        let elements = trained.inputFormat.shape.elementCount
        let quantization = conversion.model.operations.last!.quantization[0]
        var differences: [Float] = []
        for index in 0..<24 {
            var pixels = [UInt8](repeating: 0, count: elements)
            try pixels.withUnsafeMutableBufferPointer { try pictures.readPixels(at: index, into: $0) }
            let channels = trained.preprocessing.mean.count
            let input = pixels.enumerated().map { place, pixel in
                (Float(pixel) - trained.preprocessing.mean[place % channels])
                    / trained.preprocessing.deviation[place % channels]
            }
            let expected = try input.withUnsafeBufferPointer { try executor.run($0, count: 1) }
            let found = runner.dequantize(try pixels.withUnsafeBytes { try runner.run($0) })
            differences += zip(expected, found).map { abs($0 - $1) / quantization.scale }
        }
        // Requantization in fixed point and sums in float go to other sides of a step now and then, and a network of a dozen steps
        // of training multiplies that, the deeper the more: MobileNets, whose maps are clamped throughout, by 2 and by 4.
        let mean = differences.reduce(0, +) / Float(differences.count)
        let limit: Float = name.hasPrefix("mobilenet") ? 5 : 1
        #expect(
            mean < limit, "\(name): \(mean) steps of \(quantization.scale) on average, at most \(differences.max()!)")
        #expect(conversion.report.rangeMethod == "learned" && conversion.report.calibrationImages == 0)
    }

    @Test func rangesAreLearnedAndTravelInTheCheckpoint() throws {
        let start = try floatNetwork("mobilenet-v2:width=0.35," + Self.size)
        #expect(start.learnedRanges == nil)
        let first = try scheme(start)
        let trained = try run(trainer(from: start, epochs: 1)).last!
        let folder = try TemporaryFolder()
        let path = folder.file("trained.ckpt")
        try trained.write(to: path)
        let read = try Checkpoint(contentsOf: path)
        #expect(read.learnedRanges == trained.learnedRanges)
        let ranges = try #require(read.learnedRanges)
        #expect(Set(ranges.keys) == Set(first.ranges.flatMap(\.operations)))
        #expect(first.ranges.contains { ranges[$0.operations[0]] != $0.bounds })
        // Both inputs of an addition and its own output are summed in one scale each; residual paths share theirs.
        for range in first.ranges {
            #expect(Set(range.operations.map { ranges[$0] }).count == 1, "\(range.operations)")
        }
    }

    @Test func aResumedRunEndsWithTheNumbersOfAnUnbrokenOne() throws {
        let start = try floatNetwork("shufflenet-v2:width=0.5," + Self.size)
        let whole = try run(trainer(from: start, epochs: 3))
        let again = try run(trainer(from: start, epochs: 3))
        #expect(whole.last!.graph.parameters == again.last!.graph.parameters)
        let folder = try TemporaryFolder()
        let path = folder.file("half.ckpt")
        try whole[0].write(to: path)
        let resumed = try run(trainer(from: start, epochs: 3, resuming: Checkpoint(contentsOf: path)))
        #expect(resumed.count == 2)
        #expect(resumed.last!.graph.parameters == whole.last!.graph.parameters)
        #expect(resumed.last!.learnedRanges == whole.last!.learnedRanges)
    }

    @Test func statisticsStayAsTheyAreInTheLastHalf() throws {
        let start = try floatNetwork("mobilenet-v1:width=0.25," + Self.size)
        let checkpoints = try run(trainer(from: start, epochs: 4))
        func statistics(_ checkpoint: Checkpoint) -> [String: Tensor] {
            checkpoint.graph.parameters.filter { $0.key.contains("running") }
        }
        #expect(statistics(checkpoints[0]) != statistics(checkpoints[1]))
        #expect(statistics(checkpoints[1]) == statistics(checkpoints[3]))
    }

    @Test func learnedGroupsThatHaveNotCondensedAreRefused() throws {
        let architecture = try Architecture(parsing: "condensenet:stages=2-2-2,growth=8-8-8," + Self.size)
        var graph = try architecture.makeGraph()
        GraphInitializer.initialize(&graph, seed: 1)
        let checkpoint = try Checkpoint(
            architecture: architecture, parameters: graph.parameters, classNames: pictures.classNames,
            preprocessing: pictures.format.preprocessing)
        let error = #expect(throws: PassError.self) { try scheme(checkpoint) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("train until the condensation has ended") && !text.contains("\n"), "\(text)")
    }

    @Test func inputsThatTrainingHasDroppedStayDropped() throws {
        let start = try floatNetwork("condensenet:stages=2-2-2,growth=8-8-8," + Self.size)
        let trained = try run(trainer(from: start, epochs: 2)).last!
        func dropped(_ checkpoint: Checkpoint) -> [String: [Int]] {
            checkpoint.graph.parameters.filter { $0.key.hasSuffix("conv_1.conv.weight") }
                .mapValues { weight in weight.values.indices.filter { weight.values[$0] == 0 } }
        }
        #expect(dropped(start) == dropped(trained) && dropped(start).values.allSatisfy { !$0.isEmpty })
    }

    @Test func aRangeThatTrainingHasNotLearnedIsNamed() throws {
        let start = try floatNetwork("lenet5:" + Self.size)
        let broken = try Checkpoint(
            architecture: start.architecture, parameters: start.graph.parameters, classNames: start.classNames,
            preprocessing: start.preprocessing, learnedRanges: ["conv1": 0...1])
        let error = #expect(throws: ConversionError.self) {
            try ConversionPipeline.convert(broken, calibration: nil, options: ConversionOptions())
        }
        #expect(error.map { "\($0)" }?.contains("has learned no range for") == true)
    }

    @Test func rangesThatAreNoneAreRefused() throws {
        let start = try floatNetwork("lenet5:" + Self.size)
        for ends in [[1, 2], [-2, -1], [0], [0, .infinity]] as [[Float]] {
            var tensors = start.safetensors.tensors
            tensors["range.conv1"] = Tensor(shape: [ends.count], values: ends)
            let file = Safetensors(tensors: tensors, metadata: start.safetensors.metadata)
            let error = #expect(throws: CheckpointError.self, "\(ends)") { try Checkpoint(file, file: "x.ckpt") }
            #expect(error.map { "\($0)" }?.contains("range.conv1") == true)
        }
    }
}
