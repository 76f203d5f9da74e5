/// A float network with all that converting and evaluating it need, wherever it was trained.
///
/// What it does not do: say how to build the network again; a `Checkpoint` does.
import SwiftletGraph

public protocol TrainedNetwork: Sendable {
    /// With all parameters.
    var graph: Graph { get }
    /// One name for each logit.
    var classNames: [String] { get }
    var preprocessing: Preprocessing { get }
    /// What reports and `int8.bin` call the network: a specification of the zoo, or where it came from.
    var architectureText: String { get }
    /// The pictures that it was trained on, KIND:PATH, where that is known.
    var trainingData: String? { get }
    /// What the outputs of the int8 network's operators span, by operator, where training has learned that; nil where
    /// calibration is to find it.
    var learnedRanges: [String: ClosedRange<Float>]? { get }
}

extension TrainedNetwork {
    public var learnedRanges: [String: ClosedRange<Float>]? { nil }
    public var inputFormat: InputFormat { InputFormat(shape: graph.inputShape, preprocessing: preprocessing) }
}
