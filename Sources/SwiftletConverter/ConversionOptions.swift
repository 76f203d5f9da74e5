/// What the user may choose in a conversion.
import SwiftletQuantizer

public struct ConversionOptions: Sendable {
    /// How activations' ranges are chosen from what calibration saw. Of all methods this one kept most answers the same over
    /// MobileNetV1 and V2, SqueezeNet, ResNet-20 and the networks of models/, if by little.
    public var rangeMethod = RangeMethod.percentile(99.999)
    /// Whether ranges are narrowed where that brings scores nearer to float's.
    public var clipsOutliers = true
    /// Whether channels have scales of their own where that costs nothing.
    public var equalizesChannels = true
    public var weightScales = WeightScales.perChannel
    /// Whether channels between linear layers are moved to the middles of their ranges.
    public var centresChannels = true
    /// Whether what channels hardly ever fall below moves into the biases of who reads them.
    public var absorbsHighBiases = false
    /// How weights are rounded.
    public var roundingMethod = RoundingMethod.adaptive
    /// Whether biases give back what int8 as a whole does to means; else only what rounding their own weights does. Nil for those biases by
    /// which the scores of other calibration pictures gain (`BiasChoice`).
    public var correctsBiasesEmpirically: Bool?
    /// Layers whose outputs have 16 bits, by name.
    public var wideLayers: [String] = []
    /// Whether the report follows each layer's own error to the scores.
    public var explains = false
    /// Pictures of the calibration set that are looked at, from its shuffled front.
    public var calibrationCount = 512
    public var seed: UInt64 = 1
    public var threads = 2
    /// Whether the picture stands whole in the arena, as a camera's frame buffer does; else its rows are a stream.
    public var inputIsResident = false
    /// Bytes that the arena may have; nil for the smallest in which nothing is computed twice.
    public var maxArena: Int?

    public init() {}
}

extension ConversionOptions {
    /// What differs from one trial to the next, as flags of `convert`.
    public var flags: String {
        let flags = [
            weightScales == .perChannel ? nil : "--weights \(weightScales.rawValue)",
            clipsOutliers ? nil : "--unclipped",
            equalizesChannels ? nil : "--shared-scales",
            centresChannels ? nil : "--uncentred",
            absorbsHighBiases ? "--absorb-biases" : nil,
            roundingMethod == ConversionOptions().roundingMethod ? nil : "--rounding \(roundingMethod.rawValue)",
            correctsBiasesEmpirically.map { $0 ? "--empirical-biases" : "--no-empirical-biases" },
        ]
        let kept = wideLayers.map { "--keep \($0)=int16" }
        return (["--ranges \(rangeMethod)"] + flags.compactMap { $0 } + kept).joined(separator: " ")
    }
}
