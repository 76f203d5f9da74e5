/// `swiftlet convert`: a float network to `int8.bin`, with a report.
import ArgumentParser
import Foundation
import SwiftletConverter
import SwiftletFiles
import SwiftletGraph
import SwiftletHost
import SwiftletImporters
import SwiftletQuantizer
import SwiftletTraining
import SwiftletZoo

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Folds, quantizes and plans a network and writes int8.bin.",
        usage: """
            swiftlet convert <float.ckpt> <int8.bin> [--calibration KIND:PATH] [--evaluation KIND:PATH] [--json]
            swiftlet convert <model.onnx> <int8.bin> --calibration KIND:PATH --mean NUMBERS --std NUMBERS
            swiftlet convert <model.tflite> <int8.bin>
            swiftlet convert <weights> --architecture SPEC <int8.bin>
            swiftlet convert --architecture SPEC --random-weights SEED <int8.bin> [--json]
            """,
        discussion: """
            Prints a report: how far each layer is from float, the layers that hurt most, sizes, the exact arena. The \
            second form takes over a float network of an ONNX file (opset 7 to 23), the third an int8 network of a TensorFlow \
            Lite file with its own integers, the fourth the weights of a PyTorch or safetensors file, the fifth makes a model \
            for measuring memory and time without training.

            Examples:
              swiftlet convert float.ckpt int8.bin --evaluation cifar10:cifar-10
              swiftlet convert model.onnx int8.bin --calibration folder:photos \\
                --mean 127.5,127.5,127.5 --std 128,128,128
              swiftlet convert mobilenet_v2_int8.tflite int8.bin --class-names labels.txt
              swiftlet convert mobilenet_v2.pth --architecture mobilenet-v2 int8.bin
              swiftlet convert --architecture mobilenet-v2 --random-weights 1 random.bin
            """)

    @Argument(help: "The checkpoint, ONNX or .tflite file and the model to write; only the model with --architecture.")
    var files: [String] = []
    @Option(
        help:
            "Pictures that tell the ranges of activations, unless training has learned them; the training data if not given."
    )
    var calibration: String?
    @Option(help: "How many of them to look at.")
    var calibrationCount = ConversionOptions().calibrationCount
    @Option(help: "How ranges are chosen: \(RangeMethod.forms.joined(separator: ", ")).")
    var ranges = Self.standardRanges
    @Flag(help: "Ranges just as --ranges says, even where narrower ones bring scores nearer to float's.")
    var unclipped = false
    @Flag(help: "One scale for all channels of a map, even where scales of single channels cost nothing.")
    var sharedScales = false
    @Flag(help: "Leave channels that no activation follows where they are, even off the middles of their ranges.")
    var uncentred = false
    @Option(help: "Scales of a convolution's weights: per-channel, or per-tensor, one for all of its outputs.")
    var weights = WeightScales.perChannel
    @Flag(help: "Move what channels hardly ever fall below into the biases of the layers that read them.")
    var absorbBiases = false
    @Option(
        help:
            "How weights are rounded: nearest; feedback, so that errors cancel on the calibration pictures; adaptive, by a search for the least error on them."
    )
    var rounding = ConversionOptions().roundingMethod
    @Flag(
        inversion: .prefixedNo,
        help:
            "Run the model on calibration pictures and give back in its biases what int8 took from means; where scores gain if not given."
    )
    var empiricalBiases: Bool?
    @Option(
        help: ArgumentHelp(
            "A layer whose output keeps 16 bits, twice the memory and slower; any number of times.",
            valueName: "layer=int16"))
    var keep: [String] = []
    @Flag(help: "Try what these options may do, one after the other; keep what is best on --evaluation.")
    var auto = false
    @Flag(
        help:
            "Say of each layer what it adds to the error and what it inherits, and of the worst five why and what helps."
    )
    var explain = false
    @Option(help: "Labelled pictures: measure float and int8 accuracy on them.")
    var evaluation: String?
    @Option(help: "Write the report as JSON to this file.")
    var report: String?
    @Option(help: "Threads for calibration and evaluation; as many as there are cores if not given.")
    var threads: Int?
    @Option(help: "The network of the zoo that the weights belong to.")
    var architecture: String?
    @Option(help: "No weights file: make weights from this seed.")
    var randomWeights: UInt64?
    @Flag(help: "Plan for a picture that stands whole in the arena, as in a camera's frame buffer.")
    var residentInput = false
    @Option(
        help: ArgumentHelp(
            "Bytes that the arena may have; where that needs it, rows and columns are computed more than once.",
            valueName: "bytes"))
    var maxArena: Int?
    @OptionGroup(title: "Pictures of an imported network")
    var imported: ImportOptions
    @Flag(help: "Print the report as JSON.")
    var json = false

    static let standardRanges = "\(ConversionOptions().rangeMethod)"

    func validate() throws {
        guard RangeMethod(ranges) != nil else {
            throw ValidationError("--ranges is one of \(RangeMethod.forms.joined(separator: ", ")), not '\(ranges)'")
        }
        guard calibrationCount > 0, (threads ?? 1) > 0 else {
            throw ValidationError("--calibration-count and --threads must be at least 1")
        }
        guard maxArena.map({ $0 > 0 }) ?? true else {
            throw ValidationError("--max-arena is a number of bytes, 1 or more")
        }
        for layer in keep where !layer.hasSuffix("=int16") || layer == "=int16" {
            throw ValidationError("--keep is LAYER=int16, not '\(layer)'; --explain names the layers")
        }
        guard !auto || evaluation != nil else {
            throw ValidationError("--auto needs labelled pictures to judge by: give --evaluation KIND:PATH")
        }
        guard architecture != nil || randomWeights == nil else {
            throw ValidationError("--random-weights needs --architecture")
        }
        guard randomWeights == nil || !imported.isGiven else {
            throw ValidationError("\(ImportOptions.flags) are for imported networks, not for random weights")
        }
        if randomWeights != nil, let given = Self.given(of: floatOptions) {
            throw ValidationError("random weights know nothing: leave out \(given)")
        }
        let needed = randomWeights == nil ? 2 : 1
        guard files.count == needed else {
            throw ValidationError(
                needed == 2
                    ? "say which checkpoint and which model: swiftlet convert float.ckpt int8.bin"
                    : "say which model to write: swiftlet convert --architecture SPEC --random-weights SEED int8.bin")
        }
        guard needed == 1 || files[0] != files[1] else {
            throw ValidationError("the model would overwrite the checkpoint \(files[0])")
        }
    }

    func run() throws {
        try requireWritable(files.last)
        try requireWritable(report)
        if let architecture, let randomWeights {
            try makeRandom(Architecture(parsing: architecture), seed: randomWeights)
        } else {
            guard (try? ModelFile(path: files[0])) == nil else {
                throw CommandFailure(
                    "\(files[0]) is an int8 model already; give the float checkpoint that it came from")
            }
            guard architecture == nil, TFLiteFile.isTFLite(firstBytes(of: files[0])) else {
                return try convert(network(of: files[0]), to: files[1])
            }
            let graph = try TFLiteFile.graph(contentsOf: files[0])
            if graph.isFloat {
                try convert(imported.network(of: graph, path: files[0]), to: files[1])
            } else {
                try takeOver(graph, path: files[0], to: files[1])
            }
        }
    }

    /// A network that is quantized already: nothing is calibrated, nothing is lost.
    private func takeOver(_ graph: TFLiteGraph, path: String, to output: String) throws {
        if let given = Self.given(of: floatOptions) {
            throw CommandFailure(
                "\(path) is quantized already: leave out \(given); swiftlet eval measures the model")
        }
        let model = try imported.model(of: graph, path: path, arrangement: arrangement)
        try AtomicFile.write(model.bytes, to: output)
        let name = path.split(separator: "/").last.map(String.init) ?? path
        try announce(model, name: name, note: "its own integers", path: output)
    }

    private func network(of path: String) throws -> any TrainedNetwork {
        if let architecture { return try imported.checkpoint(of: path, architecture: architecture) }
        if isONNX(path) { return try imported.network(of: path) }
        guard !imported.isGiven else {
            throw CommandFailure(
                "\(ImportOptions.flags) are for imported networks: give an ONNX or .tflite file, or --architecture and a file of weights"
            )
        }
        return try Checkpoint(contentsOf: path)
    }

    private var arrangement: Arrangement { Arrangement(inputIsResident: residentInput, maxArena: maxArena) }

    private struct WrittenModel: Encodable {
        var architecture: String
        var fileBytes: Int
        var arenaBytes: Int
        var layerwiseBytes: Int
        var macsFactor: Double
        var passes: Int
    }

    private func makeRandom(_ architecture: Architecture, seed: UInt64) throws {
        let model = try ConversionPipeline.convertRandom(architecture, seed: seed, arrangement: arrangement)
        try AtomicFile.write(model.bytes, to: files[0])
        try announce(model, name: architecture.spec, note: "random weights", path: files[0])
    }

    private func announce(_ model: ConvertedModel, name: String, note: String, path: String) throws {
        if json {
            try Console.print(
                json: WrittenModel(
                    architecture: name, fileBytes: model.bytes.count, arenaBytes: model.plan.arenaBytes,
                    layerwiseBytes: model.plan.layerwiseBytes, macsFactor: model.macsFactor, passes: model.passes))
        } else {
            try Console.print(
                "wrote \(path): \(name), \(note), \(model.bytes.count) B, arena \(model.plan.arenaBytes) B"
                    + recomputation(model))
        }
    }

    private func recomputation(_ model: ConvertedModel) -> String {
        guard model.macsFactor > 1 || model.passes > 1 else { return "" }
        let reads = model.passes == 1 ? "" : ", the picture is read \(model.passes) times"
        return String(format: ", %.2f times the MACs", model.macsFactor) + reads
    }

    private func convert(_ network: some TrainedNetwork, to output: String) throws {
        let pictures = try calibrationPictures(of: network)
        let labelled = try evaluation.map {
            try DataSets.open($0, split: .test, format: network.inputFormat).matched(to: network.classNames)
        }
        let options = options(pictures: pictures?.count)
        if network.learnedRanges == nil, let pictures {
            Console.note("calibrating on \(options.calibrationCount) pictures of \(pictures.name)")
        }
        var conversion: Conversion
        if auto, let labelled, let pictures {
            conversion = try ConversionPipeline.convertBest(
                network, calibration: pictures, evaluation: labelled, options: options
            ) { [started = ContinuousClock.now] trial in
                let left = (ContinuousClock.now - started) * (trial.limit - trial.number + 1) / max(trial.number - 1, 1)
                let estimate = trial.number == 1 ? "" : ", about \(left.components.seconds) s left"
                Console.note("trial \(trial.number) of at most \(trial.limit)\(estimate): \(trial.flags)")
            }
        } else {
            conversion = try ConversionPipeline.convert(network, calibration: pictures, options: options)
            if let labelled { conversion.report.accuracy = try measure(conversion, network, on: labelled) }
        }
        try AtomicFile.write(conversion.model.bytes, to: output)
        if let report { try AtomicFile.write(try Console.jsonBytes(conversion.report), to: report) }
        if json {
            try Console.print(json: conversion.report)
        } else {
            try Console.print(conversion.report.text(explains: explain))
            try Console.print("wrote \(output)")
        }
    }

    private func measure(
        _ conversion: Conversion, _ network: some TrainedNetwork, on labelled: any DataSet
    ) throws -> ConversionReport.Accuracy {
        let float = try Evaluation.evaluate(
            network, on: labelled, threads: threads ?? Console.cores,
            progress: Console.bar("float", of: labelled.count))
        let file = try ModelFile(contents: conversion.model.bytes, path: files[1])
        let int8 = try Evaluation.evaluate(
            file, on: labelled, threads: threads ?? Console.cores, progress: Console.bar("int8", of: labelled.count))
        return .init(float: float, int8: int8)
    }
}

/// Whether `path` holds an ONNX model: by its first bytes, or its name when they do not say.
private func isONNX(_ path: String) -> Bool { path.hasSuffix(".onnx") || ONNXImporter.isONNX(firstBytes(of: path)) }

/// Enough of a file to know its kind; nothing when it cannot be read.
private func firstBytes(of path: String) -> [UInt8] {
    guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
    defer { try? handle.close() }
    return [UInt8]((try? handle.read(upToCount: 16)) ?? Data())
}

extension RoundingMethod: ExpressibleByArgument {}
extension WeightScales: ExpressibleByArgument {}
