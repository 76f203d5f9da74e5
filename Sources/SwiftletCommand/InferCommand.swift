/// `swiftlet infer`: what is on a picture.
///
/// The decoder's rows go through the resizer straight into the session; no picture ever stands whole in memory.
import ArgumentParser
import Foundation
import Swiftlet
import SwiftletHost
import SwiftletImageIO

struct InferCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infer", abstract: "Names what is on pictures.")

    @Option(help: "A model by name (a file in models/) or path.")
    var model: String
    @Argument(help: "PNG files of any size; - for standard input.")
    var images: [String]
    @Option(help: "Run in an arena of exactly this many bytes.")
    var arena: Int?
    @Option(help: "How many classes to print.")
    var top = 5
    @Flag(help: "Print JSON.")
    var json = false

    struct Answer: Encodable {
        var label: String
        var index: Int
        var probability: Double
    }

    struct Result: Encodable {
        var image: String
        var arenaBytes: Int
        var milliseconds: Double
        var answers: [Answer]
    }

    func validate() throws {
        guard top > 0 else { throw ValidationError("--top must be at least 1") }
        guard arena.map({ $0 >= 0 }) ?? true else { throw ValidationError("--arena is a number of bytes") }
    }

    func run() throws {
        let file = try ModelLookup.open(model)
        let runner: Runner
        do {
            runner = try Runner(file, arenaBytes: arena)
        } catch {
            throw CommandFailure("\(file.path): \(error)")
        }
        var results: [Result] = []
        for image in images {
            let result = try infer(image, runner)
            results.append(result)
            if !json { show(result) }
        }
        if json { try Console.print(json: results) }
    }

    private func infer(_ image: String, _ runner: Runner) throws -> Result {
        let reader = image == "-" ? try PNGReader.standardInput() : try PNGReader(path: image)
        let begin = DispatchTime.now().uptimeNanoseconds
        let values = try runner.run { push in
            try PictureStream.read(reader, format: runner.file.inputFormat) { row in
                try push(UnsafeRawBufferPointer(row))
            }
        }
        let milliseconds = Double(DispatchTime.now().uptimeNanoseconds - begin) / 1e6
        let probabilities = softmax(runner.dequantize(values))
        let order = probabilities.indices.sorted { (probabilities[$0], $1) > (probabilities[$1], $0) }
        return Result(
            image: image, arenaBytes: arena ?? runner.file.model.arenaBytes, milliseconds: milliseconds,
            answers: order.prefix(top).map {
                Answer(label: runner.file.className($0), index: $0, probability: probabilities[$0])
            })
    }

    private func show(_ result: Result) {
        print(
            "\(result.image)  (\(String(format: "%.2f", result.milliseconds)) ms with decoding, arena \(result.arenaBytes) B)"
        )
        for answer in result.answers {
            print(String(format: "  %6.2f %%  %@", answer.probability * 100, answer.label))
        }
    }
}

/// Probabilities of scores, in double precision.
func softmax(_ scores: [Float]) -> [Double] {
    let largest = Double(scores.max() ?? 0)
    let powers = scores.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}
