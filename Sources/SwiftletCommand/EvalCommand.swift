/// `swiftlet eval`: accuracy on labelled pictures.
import ArgumentParser
import Foundation
import SwiftletConverter
import SwiftletGraph
import SwiftletHost
import SwiftletTraining

struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Measures the accuracy of an int8 model or a float checkpoint.")

    @Option(help: "An int8 model by name or path, or a float.ckpt.")
    var model: String
    @Option(help: "Labelled pictures, KIND:PATH.")
    var data: String
    @Option(help: "Threads.")
    var threads = Console.cores
    @Flag(help: "Print JSON.")
    var json = false

    struct Result: Encodable {
        var model: String
        var data: String
        var images: Int
        var top1: Double
        var top5: Double
        var imagesPerSecond: Double
    }

    func validate() throws {
        guard threads > 0 else { throw ValidationError("--threads must be at least 1") }
    }

    func run() throws {
        let begin = Date()
        let result = try evaluate()
        let seconds = max(Date().timeIntervalSince(begin), 1e-9)
        if json {
            try Console.print(
                json: Result(
                    model: model, data: data, images: result.images, top1: result.top1, top5: result.top5,
                    imagesPerSecond: Double(result.images) / seconds))
        } else {
            print(
                String(
                    format: "top-1 %.2f %%, top-5 %.2f %% of %d images (%.0f images/s)", result.top1 * 100,
                    result.top5 * 100, result.images, Double(result.images) / seconds))
        }
    }

    private func evaluate() throws -> EvaluationResult {
        if model.hasSuffix(".ckpt") || model.hasSuffix(".safetensors") {
            let checkpoint = try Checkpoint(contentsOf: model)
            let format = InputFormat(shape: checkpoint.architecture.inputShape, preprocessing: checkpoint.preprocessing)
            let pictures = try openDataSet(
                data, split: .test, format: format, classes: checkpoint.architecture.classes)
            return try Evaluation.evaluate(
                checkpoint, on: pictures, threads: threads, progress: Self.show(pictures.count))
        }
        let file = try ModelLookup.open(model)
        let pictures = try openDataSet(data, split: .test, format: file.inputFormat, classes: file.outputCount)
        return try Evaluation.evaluate(file, on: pictures, threads: threads, progress: Self.show(pictures.count))
    }

    /// A bar of thirty characters.
    private static func show(_ count: Int) -> @Sendable (Int) -> Void {
        { done in
            let filled = 30 * done / max(count, 1)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
            Console.progress("[\(bar)] \(done)/\(count)", isMilestone: done == count)
        }
    }
}
