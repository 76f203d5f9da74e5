/// The rows and buffers of a network without its numbers: an arena does not depend on weights.
///
/// The same passes, lowering and assembly as a conversion, on parameters that are all zero and ranges that are all alike.
/// What it does not do: plan; `Planner` does.
import SwiftletGraph
import SwiftletPlanner
import SwiftletQuantizer
import SwiftletZoo

extension ConversionPipeline {
    /// What the planner makes of a network.
    public struct PlannedNetwork {
        public var problem: PlanProblem
        public var plan: Plan
        /// Multiply-accumulates of a run, over those of a run that recomputes nothing.
        public var macsFactor: Double
    }

    /// The plan of what `convertRandom` would make.
    ///
    /// - Throws: `GraphError`, `PassError`, `ConversionError`, `PlanError`.
    public static func plan(_ architecture: Architecture, arrangement: Arrangement) throws -> PlannedNetwork {
        let network = try assembledNetwork(of: architecture)
        let (arranged, plan) = try arrangement.arrange(network)
        let least = network.multiplyAccumulates
        return PlannedNetwork(
            problem: Planner(arranged.planProblem).withInputs(areResident: arrangement.inputIsResident).problem,
            plan: plan,
            macsFactor: least > 0 ? Double(arranged.multiplyAccumulates) / Double(least) : 1)
    }

    static func assembledNetwork(of architecture: Architecture) throws -> AssembledNetwork {
        var graph = try architecture.makeGraph()
        for (name, shape) in graph.parameterShapes {
            let isOne = name.hasSuffix(".running_var") || name.hasSuffix(".mask")
            graph.parameters[name] = Tensor(shape: shape, repeating: isOne ? 1 : 0)
        }
        graph.condenseEvenly()
        let channels = architecture.inputShape.channels
        let prepared = try graph.preparedForQuantization(
            Preprocessing(
                resize: .stretch, colorOrder: channels == 1 ? .grey : .rgb, mean: Array(repeating: 0, count: channels),
                deviation: Array(repeating: 1, count: channels)))
        return try Converter.networkWithoutWeights(of: prepared)
    }
}

extension Converter {
    /// What `convert` would arrange, whatever the ranges.
    static func networkWithoutWeights(of graph: Graph) throws -> AssembledNetwork {
        let network = try Lowering.lower(graph).splittingChannels(leastChannels: leastSplitChannels)
        let ranges = Dictionary(uniqueKeysWithValues: Set(try rangedValues(of: graph)).map { ($0, Float(-1)...1) })
        let scales = try ScaleAssignment(
            network, ranges: ranges, input: AffineQuantization(scale: 1, zeroPoint: -128), names: { "value \($0)" })
        return try Assembly.assemble(network, scales: scales, inputsArePixels: true, omitsWeights: true)
    }
}
