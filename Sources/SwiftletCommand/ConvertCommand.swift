/// `swiftlet convert`: a float checkpoint to `int8.bin`, with a report.
import ArgumentParser
import Foundation
import SwiftletConverter
import SwiftletFiles
import SwiftletGraph
import SwiftletHost
import SwiftletQuantizer
import SwiftletTraining
import SwiftletZoo

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Folds, quantizes and plans a network and writes int8.bin.",
        usage: """
            swiftlet convert <float.ckpt> <int8.bin> [--calibration KIND:PATH] [--evaluation KIND:PATH] ...
                   swiftlet convert --architecture SPEC --random-weights SEED <int8.bin>
            """)

    @Argument(help: "The checkpoint and the model to write; only the model with --architecture.")
    var files: [String]
    @Option(help: "Pictures that tell the ranges of activations; the training data if not given.")
    var calibration: String?
    @Option(help: "How many of them to look at.")
    var calibrationCount = 512
    @Option(help: "How ranges are chosen: \(RangeMethod.forms.joined(separator: ", ")).")
    var ranges = "\(ConversionOptions().rangeMethod)"
    @Option(help: "Labelled pictures: measure float and int8 accuracy on them.")
    var evaluation: String?
    @Option(help: "Write the report as JSON to this file.")
    var report: String?
    @Option(help: "Threads for calibration and evaluation.")
    var threads = Console.cores
    @Option(help: "Make a model of this architecture without training.")
    var architecture: String?
    @Option(help: "The seed of its weights.")
    var randomWeights: UInt64?

    func validate() throws {
        guard RangeMethod(ranges) != nil else {
            throw ValidationError("--ranges is one of \(RangeMethod.forms.joined(separator: ", ")), not '\(ranges)'")
        }
        guard calibrationCount > 0, threads > 0 else {
            throw ValidationError("--calibration-count and --threads must be at least 1")
        }
        guard (architecture == nil) == (randomWeights == nil) else {
            throw ValidationError("--architecture and --random-weights belong together")
        }
        let needed = architecture == nil ? 2 : 1
        guard files.count == needed else {
            throw ValidationError(
                needed == 2
                    ? "say which checkpoint and which model: swiftlet convert float.ckpt int8.bin"
                    : "say which model to write: swiftlet convert --architecture SPEC --random-weights SEED int8.bin")
        }
    }

    func run() throws {
        if let architecture, let randomWeights {
            let model = try ConversionPipeline.convertRandom(Architecture(parsing: architecture), seed: randomWeights)
            try AtomicFile.write(model.bytes, to: files[0])
            print("\(files[0]): \(model.bytes.count) B, arena \(model.plan.arenaBytes) B, weights random")
            return
        }
        let checkpoint = try Checkpoint(contentsOf: files[0])
        let format = InputFormat(shape: checkpoint.architecture.inputShape, preprocessing: checkpoint.preprocessing)
        guard let source = calibration ?? checkpoint.training["data"] else {
            throw CommandFailure("\(files[0]) does not say what it was trained on; give --calibration KIND:PATH")
        }
        let pictures: any DataSet
        do {
            pictures = try DataSets.open(source, split: .training, format: format)
        } catch {
            throw CommandFailure("\(error); calibration needs pictures, give --calibration KIND:PATH")
        }
        var options = ConversionOptions()
        options.rangeMethod = RangeMethod(ranges)!
        options.calibrationCount = min(calibrationCount, pictures.count)
        options.threads = threads
        Console.note("calibrating on \(options.calibrationCount) pictures of \(source)")
        var conversion = try ConversionPipeline.convert(checkpoint, calibration: pictures, options: options)
        if let evaluation {
            conversion.report.accuracy = try measure(conversion, checkpoint, on: evaluation, format: format)
        }
        try AtomicFile.write(conversion.model.bytes, to: files[1])
        if let report {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try AtomicFile.write(Array(try encoder.encode(conversion.report)), to: report)
        }
        print(conversion.report.text)
        print("wrote \(files[1])")
    }

    private func measure(
        _ conversion: Conversion, _ checkpoint: Checkpoint, on evaluation: String, format: InputFormat
    ) throws -> ConversionReport.Accuracy {
        let labelled = try openDataSet(
            evaluation, split: .test, format: format, classes: checkpoint.architecture.classes)
        let float = try Evaluation.evaluate(checkpoint, on: labelled, threads: threads) { done in
            Console.progress("float: \(done)/\(labelled.count)")
        }
        let file = try ModelFile(contents: conversion.model.bytes, path: files[1])
        let int8 = try Evaluation.evaluate(file, on: labelled, threads: threads) { done in
            Console.progress("int8: \(done)/\(labelled.count)")
        }
        return .init(
            images: labelled.count, float: float.top1, int8: int8.top1, agreement: float.agreement(with: int8))
    }
}
