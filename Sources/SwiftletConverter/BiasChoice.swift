/// Which biases are mended on pictures (`EmpiricalBiasCorrection`): those of all convolutions, of the last one alone, or none.
///
/// Networks differ in it. MobileNetV1 0.25 gains a decibel and a half where all are mended; SqueezeNet and MobileNetV2, few of whose
/// outputs are active, lose one to four, since a mean that a few strong outputs have moved is given back to all. So each way is
/// judged by the scores of pictures that the correction has not looked at. What it does not do: look at labels.

struct BiasChoice {
    /// Pictures that judge, of the calibration set, behind those of the correction.
    static let pictures = 64
    /// Fewer say little.
    static let leastPictures = 32
    /// By how many decibels scores must be nearer to float's.
    private static let leastGain = 0.1

    let correction: EmpiricalBiasCorrection
    let judge: Judge

    /// Mends those biases by which the scores gain.
    ///
    /// - Parameter file: writes a network into a file.
    /// - Throws: what the data set throws.
    func mend(_ network: inout AssembledNetwork, file: (AssembledNetwork) throws -> [UInt8]) throws {
        var best = (network: network, decibels: try judge.accuracy(file(network)).sqnr + Self.leastGain)
        for first in [0, network.lastConvolution] {
            var mended = network
            try correction.correct(&mended, from: first, file: file)
            let decibels = try judge.accuracy(file(mended)).sqnr
            if decibels > best.decibels { best = (mended, decibels) }
        }
        network = best.network
    }
}
