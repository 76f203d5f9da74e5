/// The parameters that a network begins with.
///
/// Weights: He's normal initialisation with the fan-out for convolutions (He et al. 2015, arXiv:1502.01852), Glorot's
/// uniform one for fully connected layers (Glorot and Bengio 2010). Batch norm: scale 1, shift 0, mean 0, variance 1.
/// Masks: 1. What it does not do: keep parameters that are there already; it sets all of them.
import Foundation
import SwiftletGraph

public enum GraphInitializer {
    /// Sets every parameter; the same seed gives the same numbers.
    public static func initialize(_ graph: inout Graph, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let shapes = Dictionary(uniqueKeysWithValues: graph.parameterShapes.map { ($0.name, $0.shape) })
        for node in graph.nodes {
            func fill(_ suffix: String, _ make: ([Int]) -> [Float]) {
                guard let shape = shapes["\(node.name).\(suffix)"] else { return }
                graph.parameters["\(node.name).\(suffix)"] = Tensor(shape: shape, values: make(shape))
            }
            func constant(_ value: Float) -> ([Int]) -> [Float] {
                { Array(repeating: value, count: $0.reduce(1, *)) }
            }
            switch node.operation {
            case .convolution(let convolution):
                fill("weight") { he($0, groups: convolution.groups, &generator) }
                fill("bias", constant(0))
            case .learnedGroupConvolution:
                fill("weight") { he($0, groups: 1, &generator) }
                fill("mask", constant(1))
            case .linear:
                fill("weight") { shape in
                    let bound = (6 / Float(shape[0] + shape[1])).squareRoot()
                    return (0..<shape.reduce(1, *)).map { _ in Float.random(in: -bound...bound, using: &generator) }
                }
                fill("bias", constant(0))
            case .batchNorm:
                fill("weight", constant(1))
                fill("bias", constant(0))
                fill("running_mean", constant(0))
                fill("running_var", constant(1))
            default:
                break
            }
        }
    }

    private static func he(_ shape: [Int], groups: Int, _ generator: inout SeededGenerator) -> [Float] {
        let fanOut = shape[0] * shape[2] * shape[3] / groups
        let deviation = (2 / Float(max(fanOut, 1))).squareRoot()
        return (0..<shape.reduce(1, *)).map { _ in gaussian(&generator) * deviation }
    }

    /// Box and Muller 1958.
    private static func gaussian(_ generator: inout SeededGenerator) -> Float {
        let radius = (-2 * log(Double.random(in: Double.leastNonzeroMagnitude...1, using: &generator))).squareRoot()
        return Float(radius * cos(2 * .pi * Double.random(in: 0..<1, using: &generator)))
    }
}
