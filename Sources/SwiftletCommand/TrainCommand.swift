/// `swiftlet train`: a network of the zoo, from data to `float.ckpt`.
import ArgumentParser
import Foundation
import SwiftletConverter
import SwiftletFiles
import SwiftletGraph
import SwiftletImageIO
import SwiftletTraining
import SwiftletZoo

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains a network and writes a checkpoint after every epoch.",
        discussion: """
            Architectures: \(Architecture.names.joined(separator: ", ")), with options such as \
            mobilenet-v2:width=0.5,resolution=32. Size, channels and classes are the data's unless the options say \
            otherwise. Data sets: \(DataSets.usage).

            The checkpoint, the metrics and the curve are written after every epoch; a run that was stopped goes on with \
            --resume and the same options.

            With --quantize a trained network learns to be int8: weights and activations are rounded as the int8 network will \
            round them, and the ranges of activations are learned, too. convert then takes them from the checkpoint.

            With --teacher a network learns from the answers of trained int8 models, too: each picture, as it was changed for \
            training, is shown to all of them, and the network is drawn to the mean of what they say.

            Examples:
              swiftlet train mobilenet-v2:width=0.5 --data cifar10:cifar-10 --curve c.png
              swiftlet train lenet5 --data idx:mnist --epochs 12 --learning-rate 0.05
              swiftlet train --from float.ckpt --quantize --data cifar10:cifar-10
              swiftlet train mobilenet-v2 --data cifar10:cifar-10 --teacher shufflenet
            """)

    @Argument(help: "The architecture, with options: NAME:option=value,option=value; that of --from if not given.")
    var architecture: String?
    @Option(help: "The training pictures, KIND:PATH.")
    var data: String
    @Option(help: "Labelled pictures to measure on after every epoch; the data set's test half if not given.")
    var validation: String?
    @Option(name: [.short, .long], help: "The checkpoint to write.")
    var output = "float.ckpt"
    @Option(name: .customLong("from"), help: "The checkpoint to begin with; fresh weights if not given.")
    var start: String?
    @Flag(help: "Train the network of --from as int8 will compute it.")
    var quantize = false
    @Option(help: "Passes over the data; 30, or 3 with --quantize, if not given.")
    var epochs: Int?
    @Option(help: "Pictures a step.")
    var batch = 128
    @Option(help: "The learning rate at its peak; 0.1, or 0.01 with --quantize, if not given.")
    var learningRate: Float?
    @Option(help: "Epochs over which the learning rate rises; 1, or 0 with --quantize, if not given.")
    var warmUp: Float?
    @Option(help: "sgd (Nesterov momentum) or adamw.")
    var optimizer = TrainingConfiguration.Optimizer.sgd
    @Option(help: "Decay of weights; batch norms and biases never decay.")
    var weightDecay: Float = 5e-4
    @Option(help: "The share of the target that goes to all classes alike.")
    var labelSmoothing: Float = 0.1
    @Option(help: "A trained int8 model to learn from, by name or path; several teach together.")
    var teacher: [String] = []
    @Option(help: "The share of the loss that is the distance from the teachers; the rest is that from the labels.")
    var teacherShare: Float = 0.9
    @Option(help: "Divides scores where the network is compared with its teachers: the higher, the softer.")
    var temperature: Float = 4
    @Option(help: "Decides initial weights, order and augmentation.")
    var seed: UInt64 = 1
    @Option(help: "Threads; as many as there are cores if not given. Results depend on their number.")
    var threads: Int?
    @Option(help: "float32, or bfloat16 for the factors of matrix products: faster where the processor has them.")
    var precision = ProductPrecision.float32
    @Flag(help: "Leave the pictures as they are.")
    var noAugmentation = false
    @Flag(help: "Go on with the run that the output file holds.")
    var resume = false
    @Option(help: "Write a row for each epoch to this CSV file.")
    var metrics: String?
    @Option(help: "Draw loss and accuracy into this PNG.")
    var curve: String?
    @Flag(help: "Print the outcome as JSON.")
    var json = false

    struct Outcome: Encodable {
        var checkpoint: String
        var architecture: String
        var data: String
        var epochs: [EpochMetrics]
    }

    func validate() throws {
        guard architecture != nil || start != nil else {
            throw ValidationError("say what to train: an architecture, or --from float.ckpt")
        }
        guard !quantize || start != nil else {
            throw ValidationError("--quantize begins with a trained network: give --from float.ckpt")
        }
        guard start != output else {
            throw ValidationError("the run would overwrite the checkpoint that it begins with: give another --output")
        }
        guard (epochs ?? 1) > 0, batch > 0, (threads ?? 1) > 0 else {
            throw ValidationError("--epochs, --batch and --threads must be at least 1")
        }
        guard (learningRate ?? 1) > 0, (warmUp ?? 0) >= 0, weightDecay >= 0, (0..<1).contains(labelSmoothing) else {
            throw ValidationError(
                "--learning-rate must be above 0, --warm-up and --weight-decay not below, --label-smoothing in 0..<1")
        }
        guard temperature > 0, temperature.isFinite, (0...1).contains(teacherShare) else {
            throw ValidationError("--temperature must be above 0, --teacher-share in 0...1")
        }
    }

    func run() throws {
        for path in [output, metrics, curve] { try requireWritable(path) }
        let past = resume ? try Checkpoint(contentsOf: output) : nil
        let first = try start.map { try Checkpoint(contentsOf: $0) }
        let format = try DataSets.defaultFormat(for: data)
        let names = try DataSets.open(data, split: .training, format: format).classNames
        let network = try network(first, classes: names.count, shape: format.shape)
        let sized = try DataSets.defaultFormat(for: data, shape: network.inputShape)
        let training = try DataSets.open(data, split: .training, format: sized)
        let measured = try DataSets.open(validation ?? data, split: .test, format: sized)
            .matched(to: training.classNames)
        var configuration = try configuration(for: sized)
        let teachers = try teacher.map { try ModelTeacher($0, format: sized, threads: configuration.threads) }
        if !teachers.isEmpty {
            configuration.distillation = .init(
                teachers: teachers.map(\.identity), temperature: temperature, share: teacherShare)
        }
        let trainer = try Trainer(
            architecture: network, configuration: configuration, training: training, validation: measured,
            starting: first, quantization: scheme(past ?? first, training, threads: configuration.threads),
            teachers: teachers, resuming: past)
        Console.note(
            "training \(network.spec)\(quantize ? " as int8" : "") on \(training.count) pictures of \(data)")
        try trainer.run(
            progress: { Console.progress($0.line, isMilestone: $0.step == $0.steps) },
            epochEnded: { row, checkpoint in
                try checkpoint().write(to: output)
                if let accuracy = row.validationAccuracy {
                    Console.note(String(format: "           validation accuracy %.2f %%", accuracy * 100))
                }
                try writeRecords(trainer.metrics, title: network.name)
            })
        if json {
            try Console.print(
                json: Outcome(
                    checkpoint: output, architecture: network.spec, data: data, epochs: trainer.metrics))
        } else if let accuracy = trainer.metrics.last?.validationAccuracy {
            try Console.print(
                String(
                    format: "wrote %@: validation accuracy %.2f %% after %d epochs", output, accuracy * 100,
                    trainer.metrics.count))
        }
    }

    /// The architecture of the command line, or of the checkpoint to begin with; both when they are the same.
    private func network(_ first: Checkpoint?, classes: Int, shape: Shape) throws -> Architecture {
        guard let architecture else { return first!.architecture }
        let network = try Architecture(
            parsing: architecture,
            defaults: [
                "classes": String(classes), "resolution": String(shape.height), "channels": String(shape.channels),
            ])
        if let first, first.architecture != network {
            throw CommandFailure(
                "\(start!) holds \(first.architecture.spec), not \(network.spec); leave the architecture out")
        }
        return network
    }

    /// Where the network rounds once it is int8; nil when it is trained in float.
    private func scheme(
        _ checkpoint: Checkpoint?, _ pictures: any DataSet, threads: Int
    ) throws -> QuantizationScheme? {
        guard quantize, let checkpoint else { return nil }
        guard checkpoint.inputFormat == pictures.format else {
            throw CommandFailure(
                "\(start!) was trained on pictures of another preparation than \(pictures.name) has: "
                    + "\(checkpoint.preprocessing), not \(pictures.format.preprocessing)")
        }
        var options = ConversionOptions()
        options.rangeMethod = .meanSquaredError
        options.threads = threads
        return try QuantizationScheme(training: checkpoint, calibration: pictures, options: options)
    }

    private func configuration(for format: InputFormat) throws -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        if quantize { configuration.beginQuantization() }
        configuration.epochs = epochs ?? configuration.epochs
        configuration.batchSize = batch
        configuration.optimizer = optimizer
        configuration.learningRate = learningRate ?? configuration.learningRate
        configuration.warmUpEpochs = warmUp ?? configuration.warmUpEpochs
        configuration.weightDecay = weightDecay
        configuration.labelSmoothing = labelSmoothing
        configuration.seed = seed
        configuration.threads = threads ?? Console.cores
        configuration.precision = precision
        configuration.augmentation = noAugmentation ? .none : try .default(for: data, shape: format.shape)
        return configuration
    }

    private func writeRecords(_ rows: [EpochMetrics], title: String) throws {
        if let metrics {
            let text = ([EpochMetrics.csvHeader] + rows.map(\.csvRow)).joined(separator: "\n") + "\n"
            try AtomicFile.write(Array(text.utf8), to: metrics)
        }
        if let curve {
            let canvas = CurvePlot.training(
                title: title, subtitle: data, trainingLoss: rows.map(\.trainingLoss),
                testLoss: rows.compactMap(\.validationLoss), trainingAccuracy: rows.map(\.trainingAccuracy),
                testAccuracy: rows.compactMap(\.validationAccuracy)
            ).draw()
            try canvas.write(to: curve)
        }
    }
}

extension TrainingConfiguration.Optimizer: ExpressibleByArgument {}
extension ProductPrecision: ExpressibleByArgument {}
