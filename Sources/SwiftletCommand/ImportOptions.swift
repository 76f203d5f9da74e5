/// What `convert` may be told about a network that another program trained.
import ArgumentParser
import SwiftletConverter
import SwiftletFiles
import SwiftletGraph
import SwiftletImporters
import SwiftletPlanner
import SwiftletTraining

struct ImportOptions: ParsableArguments {
    static let flags = "--resize, --mean, --std, --color-order and --class-names"

    @Option(help: "stretch, or the shorter side's length before the centre is cut out.")
    var resize: String?
    @Option(help: "What is subtracted from pixels of 0 to 255: one number a channel, by commas.")
    var mean: String?
    @Option(help: "What they are then divided by: one number a channel, by commas.")
    var std: String?
    @Option(help: "rgb, bgr or grey.")
    var colorOrder: String?
    @Option(help: "A text file with the name of a class in each line.")
    var classNames: String?

    var isGiven: Bool { [resize, mean, std, colorOrder, classNames].contains { $0 != nil } }

    func validate() throws { _ = try choice() }

    func checkpoint(of path: String, architecture: String) throws -> Checkpoint {
        try WeightImporter(WeightFile(contentsOf: path), architecture: architecture)
            .checkpoint(choice(), classNames: names())
    }

    /// The network of an ONNX file.
    func network(of path: String) throws -> ImportedNetwork {
        try ONNXImporter(contentsOf: path).network(choice(), classNames: names())
    }

    /// The float network of a `.tflite` file.
    ///
    /// - Parameter path: where it has been read.
    func network(of graph: TFLiteGraph, path: String) throws -> ImportedNetwork {
        try TFLiteFloatImporter(graph, file: path).network(choice(), classNames: names())
    }

    /// The model of a `.tflite` file that is quantized already.
    ///
    /// - Parameters:
    ///   - path: where it has been read.
    ///   - arrangement: how it lies in memory.
    func model(of graph: TFLiteGraph, path: String, arrangement: Arrangement) throws -> ConvertedModel {
        try TFLiteImporter(graph, file: path).model(choice(), classNames: names(), arrangement: arrangement)
    }

    private func names() throws -> [String]? {
        try classNames.map { path in
            String(decoding: try readFile(path, limit: 1 << 24), as: UTF8.self)
                .split(whereSeparator: \.isNewline).map(String.init)
        }
    }

    private func choice() throws -> PreprocessingChoice {
        var choice = PreprocessingChoice()
        choice.resize = try resize.map { text in
            if text == "stretch" { return .stretch }
            guard let side = Int(text), (1...65_535).contains(side) else {
                throw ValidationError("--resize is stretch or a length from 1 to 65535, not '\(text)'")
            }
            return .centreCrop(shorterSide: side)
        }
        choice.colorOrder = try colorOrder.map { text in
            guard let order = Preprocessing.ColorOrder(rawValue: text) else {
                throw ValidationError("--color-order is rgb, bgr or grey, not '\(text)'")
            }
            return order
        }
        choice.mean = try mean.map { try numbers($0, of: "--mean") }
        choice.deviation = try std.map { try numbers($0, of: "--std") }
        return choice
    }

    private func numbers(_ text: String, of option: String) throws -> [Float] {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let values = parts.compactMap { Float($0) }.filter(\.isFinite)
        guard values.count == parts.count else {
            throw ValidationError("\(option) is one number a channel, such as 123.7,116.3,103.5, not '\(text)'")
        }
        return values
    }
}
