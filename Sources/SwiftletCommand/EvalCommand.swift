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
        usage: "swiftlet eval --model <model> --data KIND:PATH [--against <model>]",
        discussion: """
            Data sets: \(DataSets.usage). Where a data set has two halves, the test half is used. Pictures are brought to \
            the network's input as its file says; folders of pictures find their class by its name.

            Examples:
              swiftlet eval --model mobilenet --data cifar10:cifar-10/test_batch.bin
              swiftlet eval --model float.ckpt --data folder:photos --json
              swiftlet eval --model int8.bin --data folder:photos --against float.ckpt
            """)

    @Option(help: "An int8 model by name or path, or the path of a float checkpoint.")
    var model: String
    @Option(help: "Labelled pictures, KIND:PATH.")
    var data: String
    @Option(
        help: "Another model or checkpoint: say on how many pictures both agree, where they differ, and by how much.")
    var against: String?
    @Option(
        help: "Print this many of the commonest wrong answers, with the pictures; with --json the whole matrix, too.")
    var confusions = 0
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
        var against: Comparison?
        /// `[actual][answer]`, pictures.
        var confusionMatrix: [[Int]]?
        var confusions: [Confusion]?
    }

    struct Comparison: Encodable {
        var model: String
        var arithmetic: String
        var top1: Double
        /// The fraction of pictures on which both say the same.
        var agreement: Double
        /// Of the scores, with those of `against` as the signal, decibels.
        var sqnr: Double
        /// With the margins of `model`.
        var differences: [Difference]
    }

    func validate() throws {
        guard (threads ?? 1) > 0 else { throw ValidationError("--threads must be at least 1") }
        guard confusions >= 0 else { throw ValidationError("--confusions must be at least 0") }
    }

    func run() throws {
        let begin = Date()
        let (pictures, evaluated) = try evaluate(model)
        var result = Result(
            model: model, arithmetic: Self.arithmetic(of: model), data: data, images: evaluated.images,
            top1: evaluated.top1, top5: evaluated.top5,
            imagesPerSecond: Double(evaluated.images) / max(Date().timeIntervalSince(begin), 1e-9))
        if confusions > 0 {
            result.confusionMatrix = evaluated.confusionMatrix
            result.confusions = evaluated.confusions(confusions, on: pictures)
        }
        if let against {
            let other = try evaluate(against).result
            guard other.images == evaluated.images, other.scores.first?.count == evaluated.scores.first?.count else {
                throw CommandFailure(
                    "\(model) and \(against) cannot be compared: \(evaluated.images) pictures of "
                        + "\(evaluated.scores.first?.count ?? 0) classes, \(other.images) of "
                        + "\(other.scores.first?.count ?? 0)")
            }
            result.against = Comparison(
                model: against, arithmetic: Self.arithmetic(of: against), top1: other.top1,
                agreement: other.agreement(with: evaluated), sqnr: other.sqnr(of: evaluated),
                differences: evaluated.differences(from: other, on: pictures))
        }
        try json ? Console.print(json: result) : Console.print(text(result))
    }

    private func text(_ result: Result) -> String {
        var lines = [
            String(
                format: "%@: top-1 %.2f %%, top-5 %.2f %% of %d images (%@, %.0f images/s)", model, result.top1 * 100,
                result.top5 * 100, result.images, result.arithmetic, result.imagesPerSecond)
        ]
        if let other = result.against {
            lines.append(
                String(
                    format: "%@: top-1 %.2f %% (%@); same answer on %.2f %%, scores %.1f dB", other.model,
                    other.top1 * 100, other.arithmetic, other.agreement * 100, other.sqnr))
            lines += other.differences.prefix(10).map { difference in
                "  \(difference.picture): \(difference.answer) before \(difference.other) by "
                    + String(format: "%.3g", difference.margin) + "; it is \(difference.actual)"
            }
            if other.differences.count > 10 { lines.append("  and \(other.differences.count - 10) more") }
        }
        lines += (result.confusions ?? []).map { confusion in
            "\(confusion.count) x \(confusion.actual) taken for \(confusion.answer): "
                + confusion.pictures.joined(separator: ", ")
        }
        return lines.joined(separator: "\n")
    }

    private static func arithmetic(of path: String) -> String { isCheckpoint(path) ? "float" : "int8" }

    /// The pictures as the model at `path` takes them, and what it says to them.
    private func evaluate(_ path: String) throws -> (pictures: any DataSet, result: EvaluationResult) {
        let threads = threads ?? Console.cores
        if isCheckpoint(path) {
            let checkpoint = try Checkpoint(contentsOf: path)
            let pictures = try DataSets.open(data, split: .test, format: checkpoint.inputFormat)
                .matched(to: checkpoint.classNames)
            let bar = Console.bar("float", of: pictures.count)
            return (pictures, try Evaluation.evaluate(checkpoint, on: pictures, threads: threads, progress: bar))
        }
        let file = try ModelLookup.open(path)
        let pictures = try DataSets.open(data, split: .test, format: file.inputFormat).matched(to: file.classNames)
        let bar = Console.bar("int8", of: pictures.count)
        return (pictures, try Evaluation.evaluate(file, on: pictures, threads: threads, progress: bar))
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
