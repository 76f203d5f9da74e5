/// Preprocessing as a weight file's metadata words it, with what the user says on top.
///
///     RGB/255, mean .485 .456 .406, std .229 .224 .225, 224x224
///     RGB/127.5-1, 224x224
///     RGB 0..255, 32x32
///
/// What it does not do: guess. Files that say nothing need the user's numbers.
import Foundation
import SwiftletGraph

/// What the user says about pictures; nil leaves it to the file.
public struct PreprocessingChoice: Sendable {
    public var resize: Preprocessing.Resize?
    public var colorOrder: Preprocessing.ColorOrder?
    /// On the scale of 0 to 255, one a channel.
    public var mean: [Float]?
    /// On the scale of 0 to 255, one a channel.
    public var deviation: [Float]?

    public init() {}
}

struct PreprocessingText {
    var colorOrder: Preprocessing.ColorOrder
    var mean: [Float]
    var deviation: [Float]
    /// Rows and columns, when they are named.
    var resolution: Int?

    /// Nil when the text is none of the forms above.
    init?(_ text: String, channels: Int) {
        let parts = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        guard let first = parts.first else { return nil }
        let order = first.prefix(while: \.isLetter)
        guard let color = Preprocessing.ColorOrder(rawValue: order.lowercased()) else { return nil }
        colorOrder = color
        let scale = first.dropFirst(order.count).trimmingCharacters(in: .whitespaces)
        var divisor: Float = 1
        var shift: Float = 0
        if scale.hasPrefix("/") {
            let terms = scale.dropFirst().split(separator: "-").map { Float($0) }
            guard let given = terms.first, let given, given > 0, given.isFinite, terms.count <= 2 else { return nil }
            divisor = given
            if terms.count == 2 {
                guard let given = terms[1], given.isFinite else { return nil }
                shift = given
            }
        } else if scale != "0..255" {
            return nil
        }
        // x / divisor - shift = (x - shift * divisor) / divisor
        mean = Array(repeating: shift * divisor, count: channels)
        deviation = Array(repeating: divisor, count: channels)
        for part in parts.dropFirst() {
            let words = part.split(separator: " ")
            let numbers = words.dropFirst().compactMap { Float($0) }
            switch words.first {
            case "mean" where numbers.count == channels && shift == 0: mean = numbers.map { $0 * divisor }
            case "std" where numbers.count == channels: deviation = numbers.map { $0 * divisor }
            default:
                let sides = part.split(separator: "x").compactMap { Int($0) }
                guard sides.count == 2, sides[0] == sides[1], (1...4096).contains(sides[0]) else { return nil }
                resolution = sides[0]
            }
        }
    }
}

extension Preprocessing {
    /// What the user says, and the file where the user is silent.
    ///
    /// Unless told, a picture's shorter side is brought to the input's size and the centre cut out; pictures up to 64 pixels
    /// are stretched, since such data sets have them in the right size.
    ///
    /// - Throws: `ImportError.badPreprocessing` when neither says enough.
    static func merged(
        _ choice: PreprocessingChoice, _ text: PreprocessingText?, file: String, input: Shape
    ) throws -> Preprocessing {
        let grey: Preprocessing.ColorOrder = input.channels == 1 ? .grey : .rgb
        guard let mean = choice.mean ?? text?.mean, let deviation = choice.deviation ?? text?.deviation else {
            throw ImportError.badPreprocessing(
                "\(file) does not say how its pictures were normalized; give --mean and --std on the scale of 0 to 255, "
                    + "such as --mean 123.675,116.28,103.53 --std 58.395,57.12,57.375")
        }
        let side = min(input.height, input.width)
        let preprocessing = Preprocessing(
            resize: choice.resize ?? (side <= 64 ? .stretch : .centreCrop(shorterSide: side)),
            colorOrder: choice.colorOrder ?? text?.colorOrder ?? grey, mean: mean, deviation: deviation)
        if let defect = InputFormat(shape: input, preprocessing: preprocessing).defect {
            throw ImportError.badPreprocessing("\(file): \(defect)")
        }
        return preprocessing
    }
}
