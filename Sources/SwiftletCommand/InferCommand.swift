/// `swiftlet infer`: what is on a picture.
///
/// The decoder's rows go through the resizer straight into the session; no picture ever stands whole in memory, unless
/// `--rows` asks for it.
import ArgumentParser
import Foundation
import Swiftlet
import SwiftletFiles
import SwiftletFormat
import SwiftletHost
import SwiftletImageIO

struct InferCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infer", abstract: "Names what is on pictures.",
        discussion: """
            Takes any PNG of any size and brings it to the network's input as the model file says. A picture that cannot \
            be read is reported, the others are answered; the exit code is 1 then.

            Examples:
              swiftlet infer --model mobilenet cat.png dog.png
              swiftlet infer --model models/lenet5.bin - < digit.png
            """)

    @Option(help: "A model by name (a file in models/) or path.")
    var model: String
    @Argument(help: "PNG files of any size; - for standard input.")
    var images: [String]
    @Option(help: "Run in an arena of exactly this many bytes.")
    var arena: Int?
    @Option(help: "Threads that make each row together; a model too small to gain takes one.")
    var threads = 1
    @Option(help: "How many classes to print.")
    var top = 5
    @Option(help: "Also write the pixels that the network is given to this file, row by row. Takes one picture.")
    var rows: String?
    @Flag(help: "Print JSON.")
    var json = false

    struct Answer: Encodable {
        var label: String
        var index: Int
        var probability: Double
    }

    struct Result: Encodable {
        var image: String
        var model: String
        var arenaBytes: Int
        /// From the first byte of the picture to the scores.
        var milliseconds: Double
        /// The output's int8 values and their CRC-32, to compare with another machine's.
        var output: [Int8]
        var outputChecksum: String
        var answers: [Answer]
    }

    func validate() throws {
        guard top > 0 else { throw ValidationError("--top must be at least 1") }
        guard Console.threadNumbers.contains(threads) else { throw ValidationError(Console.wrongThreads) }
        guard arena.map({ $0 >= 0 }) ?? true else { throw ValidationError("--arena is a number of bytes, 0 or more") }
        guard images.filter({ $0 == "-" }).count <= 1 else {
            throw ValidationError("- (standard input) can be given only once")
        }
        guard rows == nil || images.count == 1 else { throw ValidationError("--rows takes one picture") }
    }

    func run() throws {
        let file = try ModelLookup.open(model)
        let runner: Runner
        do {
            runner = try Runner(file, arenaBytes: arena, threads: threads)
        } catch let error as SessionError {
            throw CommandFailure("\(file.path): \(error); give at least --arena \(file.model.arenaBytes)")
        }
        let passes = file.model.passes
        guard passes == 1 || !images.contains("-") else {
            throw CommandFailure(
                "\(file.path) reads a picture \(passes) times, standard input gives it once; save the picture to a file"
            )
        }
        var results: [Result] = []
        var hasFailed = false
        for image in images {
            do {
                let result = try infer(image, runner)
                if json { results.append(result) } else { try Console.print(text(result)) }
            } catch let error as ImageError {
                Console.complain("\(error)")
                hasFailed = true
            }
        }
        if json { try Console.print(json: results) }
        if hasFailed { throw ExitCode.failure }
    }

    private func infer(_ image: String, _ runner: Runner) throws -> Result {
        let begin = DispatchTime.now().uptimeNanoseconds
        var pixels: [UInt8] = []
        let values = try runner.run { push in
            let reader = image == "-" ? try PNGReader.standardInput() : try PNGReader(path: image)
            pixels.removeAll()
            try PictureStream.read(reader, format: runner.file.inputFormat) { row in
                let row = UnsafeRawBufferPointer(row)
                if rows != nil { pixels.append(contentsOf: row) }
                try push(row)
            }
        }
        let milliseconds = Double(DispatchTime.now().uptimeNanoseconds - begin) / 1e6
        if let rows { try AtomicFile.write(pixels, to: rows) }
        let scores = runner.dequantize(values)
        let probabilities = runner.file.endsInSoftmax ? scores.map { Double($0) } : softmax(scores)
        let order = probabilities.indices.sorted { (probabilities[$0], $1) > (probabilities[$1], $0) }
        return Result(
            image: image, model: runner.file.path, arenaBytes: arena ?? runner.file.model.arenaBytes,
            milliseconds: milliseconds, output: values,
            outputChecksum: values.withUnsafeBytes { String(format: "%08x", Checksum.of($0)) },
            answers: order.prefix(top).map {
                Answer(label: runner.file.className($0), index: $0, probability: probabilities[$0])
            })
    }

    private func text(_ result: Result) -> String {
        let title = String(
            format: "%@  %.2f ms with decoding, arena %d B", result.image, result.milliseconds, result.arenaBytes)
        let answers = result.answers.map { String(format: "  %6.2f %%  %@", $0.probability * 100, $0.label) }
        return ([title] + answers).joined(separator: "\n")
    }
}

/// Probabilities of scores, in double precision.
func softmax(_ scores: [Float]) -> [Double] {
    let largest = Double(scores.max() ?? 0)
    let powers = scores.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}
