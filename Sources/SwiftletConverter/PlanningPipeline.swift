/// The rows and buffers of a network without its numbers: an arena does not depend on weights.
///
/// The same passes, lowering and assembly as a conversion, on parameters that are all zero and ranges that are all alike.
/// What it does not do: plan; `Planner` does.
import SwiftletGraph
import SwiftletPlanner
import SwiftletQuantizer
import SwiftletZoo

extension ConversionPipeline {
    /// What `convertRandom` would give the planner.
    ///
    /// - Throws: `GraphError`, `PassError`, `ConversionError`.
    public static func planProblem(of architecture: Architecture) throws -> PlanProblem {
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
        return try Converter.planProblem(of: prepared)
    }
}

extension Converter {
    /// What `convert` would give the planner, whatever the ranges.
    static func planProblem(of graph: Graph) throws -> PlanProblem {
        let network = try Lowering.lower(graph).splittingChannels(leastChannels: leastSplitChannels)
        let ranges = Dictionary(uniqueKeysWithValues: Set(try rangedValues(of: graph)).map { ($0, Float(-1)...1) })
        let scales = try ScaleAssignment(
            network, ranges: ranges, input: AffineQuantization(scale: 1, zeroPoint: -128), names: { "value \($0)" })
        return try Assembly.assemble(network, scales: scales, means: [:], inputsArePixels: true, omitsWeights: true)
            .planProblem
    }
}
