/// `swiftlet eval`: accuracy on labelled pictures.
import ArgumentParser
import Foundation
import SwiftletConverter
import SwiftletFiles
import SwiftletGraph
import SwiftletHost
import SwiftletTraining

struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Measures the accuracy of an int8 model or a float checkpoint.",
        discussion: """
            Data sets: \(DataSets.usage). Where a data set has two halves, the test half is used. Pictures are brought to \
            the network's input as its file says; folders of pictures find their class by its name.

            Examples:
              swiftlet eval --model mobilenet --data cifar10:cifar-10/test_batch.bin
              swiftlet eval --model float.ckpt --data folder:photos --json
            """)

    @Option(help: "An int8 model by name or path, or the path of a float checkpoint.")
    var model: String
    @Option(help: "Labelled pictures, KIND:PATH.")
    var data: String
    @Option(help: "Threads; as many as there are cores if not given.")
    var threads: Int?
    @Flag(help: "Print JSON.")
    var json = false

    struct Result: Encodable {
        var model: String
        /// "int8" or "float".
        var arithmetic: String
        var data: String
        var images: Int
        /// Fractions of the pictures.
        var top1: Double
        var top5: Double
        var imagesPerSecond: Double
    }

    func validate() throws {
        guard (threads ?? 1) > 0 else { throw ValidationError("--threads must be at least 1") }
    }

    func run() throws {
        let isFloat = isCheckpoint(model)
        let begin = Date()
        let evaluated = isFloat ? try evaluateFloat() : try evaluateInt8()
        let result = Result(
            model: model, arithmetic: isFloat ? "float" : "int8", data: data, images: evaluated.images,
            top1: evaluated.top1, top5: evaluated.top5,
            imagesPerSecond: Double(evaluated.images) / max(Date().timeIntervalSince(begin), 1e-9))
        guard !json else { return try Console.print(json: result) }
        try Console.print(
            String(
                format: "%@: top-1 %.2f %%, top-5 %.2f %% of %d images (%@, %.0f images/s)", model, result.top1 * 100,
                result.top5 * 100, result.images, result.arithmetic, result.imagesPerSecond))
    }

    private func evaluateFloat() throws -> EvaluationResult {
        let checkpoint = try Checkpoint(contentsOf: model)
        let pictures = try DataSets.open(data, split: .test, format: checkpoint.inputFormat)
            .matched(to: checkpoint.classNames)
        return try Evaluation.evaluate(
            checkpoint, on: pictures, threads: threads ?? Console.cores,
            progress: Console.bar("float", of: pictures.count))
    }

    private func evaluateInt8() throws -> EvaluationResult {
        let file = try ModelLookup.open(model)
        let pictures = try DataSets.open(data, split: .test, format: file.inputFormat).matched(to: file.classNames)
        return try Evaluation.evaluate(
            file, on: pictures, threads: threads ?? Console.cores, progress: Console.bar("int8", of: pictures.count))
    }
}

/// Whether `path` names a float checkpoint rather than an int8 model: by its first bytes, or its name when it is not there.
func isCheckpoint(_ path: String) -> Bool {
    guard let handle = FileHandle(forReadingAtPath: path) else {
        return path.hasSuffix(".ckpt") || path.hasSuffix(".safetensors")
    }
    defer { try? handle.close() }
    // A safetensors file begins with the length of its header, eight bytes, and the header's brace.
    let start = (try? handle.read(upToCount: 9)) ?? Data()
    return start.count == 9 && start[8] == UInt8(ascii: "{")
}

extension ModelFile {
    /// A name for each score.
    var classNames: [String] { (0..<outputCount).map { className($0) } }
}
