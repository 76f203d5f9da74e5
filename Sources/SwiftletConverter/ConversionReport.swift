/// What `convert` tells of its work: sizes, memory, and how far each layer is from float.
///
/// What it does not do: print; it makes text.
import Foundation

public struct ConversionReport: Sendable, Codable {
    /// Correct answers on labelled pictures.
    public struct Accuracy: Sendable, Codable {
        public var images: Int
        public var float: Double
        public var int8: Double
        /// Of pictures on which both say the same.
        public var agreement: Double
        /// Of int8's scores to float's, in decibels.
        public var sqnr: Double

        public init(images: Int, float: Double, int8: Double, agreement: Double, sqnr: Double) {
            self.images = images
            self.float = float
            self.int8 = int8
            self.agreement = agreement
            self.sqnr = sqnr
        }

        /// Of what float and int8 said to the same pictures.
        public init(float: EvaluationResult, int8: EvaluationResult) {
            self.init(
                images: float.images, float: float.top1, int8: int8.top1, agreement: float.agreement(with: int8),
                sqnr: float.sqnr(of: int8))
        }

        /// Whether this is worth more than `other`: by answers, those that are right and those like float's, where they differ by more
        /// than luck; else by how near scores are to float's, which every picture tells of. Of `n` pictures that int8 answers
        /// otherwise than float, a change moves about the root of `n` either way.
        public func isBetter(than other: Accuracy) -> Bool {
            let gain = (int8 - other.int8 + agreement - other.agreement) * Double(images)
            let luck = ((1 - other.agreement) * Double(images)).squareRoot()
            if abs(gain) > max(luck, 1) { return gain > 0 }
            return sqnr >= other.sqnr + Self.leastGain
        }

        /// Decibels; less is not worth a change.
        private static let leastGain = 0.25
    }

    /// One way to convert, and what it was worth.
    public struct Trial: Sendable, Codable {
        /// As flags of `convert`.
        public var flags: String
        public var accuracy: Accuracy
        public var isKept = false
    }

    public var architecture: String
    public var rangeMethod: String
    /// How weights were rounded.
    public var roundingMethod: String
    public var calibrationImages: Int
    public var fileBytes: Int
    public var arenaBytes: Int
    public var layerwiseBytes: Int
    public var segments: Int
    /// Multiply-accumulates of a run, over those of a run that recomputes nothing.
    public var macsFactor: Double
    /// How many times the picture must be pushed.
    public var passes: Int
    public var layers: [LayerReport]
    public var accuracy: Accuracy?
    /// Of `--auto`: all that was tried, in that order.
    public var trials: [Trial]?

    init(architecture: String, options: ConversionOptions, model: ConvertedModel, layers: [LayerReport]) {
        self.architecture = architecture
        rangeMethod = "\(options.rangeMethod)"
        roundingMethod = options.roundingMethod.rawValue
        calibrationImages = options.calibrationCount
        fileBytes = model.bytes.count
        arenaBytes = model.plan.arenaBytes
        layerwiseBytes = model.plan.layerwiseBytes
        segments = model.plan.segments.count
        macsFactor = model.macsFactor
        passes = model.passes
        self.layers = layers
    }

    /// The layers of the lowest SQNR, worst first.
    public func worstLayers(_ count: Int = 5) -> [LayerReport] {
        Array(layers.sorted { $0.sqnr < $1.sqnr }.prefix(count))
    }

    /// The layers whose own errors do most to the scores, worst first.
    public func layersThatHurtMost(_ count: Int = 5) -> [LayerReport] {
        let known = layers.filter { $0.explanation != nil && $0.scores != nil }
        return Array(known.sorted { ($0.scores ?? 0) < ($1.scores ?? 0) }.prefix(count))
    }

    /// The layers that 16 bits may help most, worst first: of those that hurt most, the ones whose explanation says so.
    func layersWorthKeeping(_ count: Int) -> [String] {
        var names: [String] = []
        for remedy in layersThatHurtMost(layers.count).flatMap({ $0.explanation?.remedies ?? [] }) {
            guard remedy.hasPrefix("--keep "), remedy.hasSuffix("=int16") else { continue }
            let name = String(remedy.dropFirst("--keep ".count).dropLast("=int16".count))
            if !names.contains(name) { names.append(name) }
        }
        return Array(names.prefix(count))
    }

    /// The report for a person.
    ///
    /// - Parameter explains: whether it tells of each layer what it adds and what it inherits, and of the worst why.
    public func text(explains: Bool = false) -> String {
        var lines = layers.isEmpty ? [] : explains ? explainedLines : layerLines
        lines.append(
            calibrationImages > 0
                ? "calibration: \(rangeMethod) on \(calibrationImages) images, \(roundingMethod) rounding"
                : "ranges:      \(rangeMethod) in training")
        lines.append("file:        \(fileBytes) B")
        lines.append(
            "arena:       \(arenaBytes) B in \(segments) segment\(segments == 1 ? "" : "s"); with whole tensors it would be "
                + "\(layerwiseBytes) B")
        if macsFactor > 1 || passes > 1 {
            lines.append(
                String(
                    format: "recomputed:  %.2f times the multiply-accumulates, the picture is read %@", macsFactor,
                    passes == 1 ? "once" : "\(passes) times"))
        }
        if let accuracy {
            lines.append(
                String(
                    format:
                        "accuracy:    float %.2f %%, int8 %.2f %%, same answer on %.2f %% of %d images, scores %.1f dB",
                    accuracy.float * 100, accuracy.int8 * 100, accuracy.agreement * 100, accuracy.images, accuracy.sqnr
                ))
        }
        if let trials {
            lines.append("tried:")
            for trial in trials {
                let few = trial.accuracy.images < (accuracy?.images ?? 0) ? " of \(trial.accuracy.images)" : ""
                lines.append(
                    String(
                        format: "  %@ int8 %.2f %%, same answer on %.2f %%%@, scores %.1f dB: %@",
                        trial.isKept ? "*" : " ",
                        trial.accuracy.int8 * 100, trial.accuracy.agreement * 100, few, trial.accuracy.sqnr,
                        trial.flags))
            }
        }
        return lines.joined(separator: "\n")
    }

    private var layerLines: [String] {
        let width = max(layers.map(\.name.count).max() ?? 0, 5)
        return [padded("layer", width) + "     SQNR dB       low      high  saturated"]
            + layers.map { layer in
                padded(layer.name, width)
                    + String(
                        format: "  %10.1f  %8.3f  %8.3f  %8.2f %%", layer.sqnr, layer.low, layer.high,
                        layer.saturation * 100)
            } + [
                "",
                "lowest SQNR: "
                    + worstLayers().map { String(format: "%@ %.1f dB", $0.name, $0.sqnr) }.joined(separator: ", "),
            ]
    }

    private var explainedLines: [String] {
        let width = max(layers.map(\.name.count).max() ?? 0, 5)
        var lines = [padded("layer", width) + "     SQNR dB       own  inherited    scores  saturated"]
        for layer in layers {
            lines.append(
                padded(layer.name, width)
                    + String(
                        format: "  %10.1f  %8.1f  %9.1f  %8.1f  %7.2f %%", layer.sqnr, layer.own, layer.inherited,
                        layer.scores ?? 120, layer.saturation * 100))
        }
        lines += [
            "",
            "the layers whose own errors do most to the scores (which would have so many dB with nothing else in int8):",
        ]
        for layer in layersThatHurtMost() {
            guard let explanation = layer.explanation else { continue }
            lines.append(
                String(format: "  %@ %.1f dB, ", layer.name, layer.scores ?? 120)
                    + "\(explanation.reason.rawValue): \(explanation.evidence)")
            if !explanation.remedies.isEmpty {
                lines.append("    try \(explanation.remedies.joined(separator: ", or "))")
            }
        }
        return lines + [""]
    }
}

private func padded(_ string: String, _ width: Int) -> String {
    string + String(repeating: " ", count: max(0, width - string.count))
}
