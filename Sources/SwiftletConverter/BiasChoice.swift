/// Which biases are mended on pictures (`EmpiricalBiasCorrection`): those of all convolutions, of the last one alone, or none.
///
/// Networks differ in it. MobileNetV1 0.25 gains a decibel and a half where all are mended; SqueezeNet and MobileNetV2, few of whose
/// outputs are active, lose one to four, since a mean that a few strong outputs have moved is given back to all. So each way is
/// judged by the scores of pictures that the correction has not looked at. What it does not do: look at labels.
import SwiftletGraph
import SwiftletHost
import SwiftletTraining

struct BiasChoice {
    /// Pictures that judge, of the calibration set, behind those of the correction.
    static let pictures = 64
    /// Fewer say little.
    static let leastPictures = 32
    /// By how many decibels scores must be nearer to float's.
    private static let leastGain = 0.1

    let correction: EmpiricalBiasCorrection
    let dataSet: any DataSet
    /// Of the pictures that judge.
    let indices: [Int]
    /// What float says to each of them.
    private let float: [[Float]]

    init(_ graph: Graph, _ correction: EmpiricalBiasCorrection, judging dataSet: any DataSet, indices: [Int]) throws {
        self.correction = correction
        self.dataSet = dataSet
        self.indices = indices
        let batchSize = Calibrator.batchSize(for: graph)
        let executor = try FloatExecutor(graph: graph, batchSize: batchSize, threads: correction.threads)
        let classes = executor.outputCount
        var float: [[Float]] = []
        try PixelBatches(dataSet: dataSet, indices: indices, batchSize: batchSize).forEach { pixels, batch in
            let scores = try executor.run(pixels, count: batch.count)
            for picture in 0..<batch.count {
                float.append(Array(scores[(picture * classes)..<((picture + 1) * classes)]))
            }
        }
        self.float = float
    }

    /// Mends those biases by which the scores gain.
    ///
    /// - Parameter file: writes a network into a file.
    /// - Throws: what the data set throws.
    func mend(_ network: inout AssembledNetwork, file: (AssembledNetwork) throws -> [UInt8]) throws {
        var best = (network: network, decibels: try sqnr(of: network, file: file) + Self.leastGain)
        let last = network.operations.lastIndex { $0.record.operatorKind == .convolution } ?? 0
        for first in [0, last] {
            var mended = network
            try correction.correct(&mended, from: first, file: file)
            let decibels = try sqnr(of: mended, file: file)
            if decibels > best.decibels { best = (mended, decibels) }
        }
        network = best.network
    }

    private func sqnr(of network: AssembledNetwork, file: (AssembledNetwork) throws -> [UInt8]) throws -> Double {
        let model = try ModelFile(contents: file(network), path: "the converted model")
        let found = try Evaluation.evaluate(model, on: dataSet.subset(indices), threads: correction.threads)
        var (signal, noise) = (0.0, 0.0)
        for (float, int8) in zip(float.joined(), found.scores.joined()) {
            signal += Double(float) * Double(float)
            noise += Double(float - int8) * Double(float - int8)
        }
        return decibels(signal: signal, noise: noise)
    }
}
