/// What float says to pictures, for int8 models to be held against.
///
/// What it does not do: choose among models.
import SwiftletHost
import SwiftletTraining

struct Judge {
    private let pictures: any DataSet
    private let float: EvaluationResult
    private let threads: Int

    private init(pictures: any DataSet, float: EvaluationResult, threads: Int) {
        self.pictures = pictures
        self.float = float
        self.threads = threads
    }

    /// - Throws: what the data set throws.
    init(_ network: some TrainedNetwork, on pictures: any DataSet, threads: Int) throws {
        self.init(
            pictures: pictures, float: try Evaluation.evaluate(network, on: pictures, threads: threads),
            threads: threads)
    }

    /// - Parameter model: the bytes of its file.
    /// - Throws: what the data set throws.
    func accuracy(_ model: [UInt8]) throws -> ConversionReport.Accuracy {
        let file = try ModelFile(contents: model, path: "the converted model")
        return .init(float: float, int8: try Evaluation.evaluate(file, on: pictures, threads: threads))
    }

    /// One that looks at `count` of the pictures, spread over all classes.
    func glance(_ count: Int, seed: UInt64) -> Judge {
        let few = Array(seededShuffle(of: pictures.count, seed: seed).prefix(count))
        return Judge(pictures: pictures.subset(few), float: float.subset(few), threads: threads)
    }
}
