/// One node with what its inputs stand for.
///
/// What it does not do: change the graph.
import SwiftletGraph

struct ONNXCall {
    var node: ONNXNode
    /// Unique in the graph.
    var name: String
    /// Nil for those that are left out.
    var inputs: [ONNXOperand?]
    var opset: Int64

    /// Whether nothing that it reads depends on the network's input.
    var isConstant: Bool {
        inputs.allSatisfy { if case .map = $0 { false } else { true } }
    }

    func isMissing(_ index: Int) -> Bool { index >= inputs.count || inputs[index] == nil }

    /// A tensor in which only its place matters, behind a softmax or not.
    func anyMap(_ index: Int = 0) throws -> LaidOutMap {
        guard index < inputs.count, case .map(let map) = inputs[index] else {
            throw Refusal("its input \(index) is a constant or missing, and must come from the picture")
        }
        return map
    }

    /// A tensor to compute with.
    func map(_ index: Int = 0) throws -> LaidOutMap { try anyMap(index).requiringScores() }

    /// A tensor of batch, channels, rows and columns.
    func planes(_ index: Int = 0) throws -> LaidOutMap {
        let map = try map(index)
        guard map.layout.isNCHW else {
            throw Refusal(
                "it takes batch, channels, rows and columns; given is \(map.layout.sizes) in another order")
        }
        return map
    }

    func constant(_ index: Int, _ what: String) throws -> ONNXTensor {
        guard index < inputs.count, case .constant(let tensor) = inputs[index] else {
            throw Refusal("its \(what) (input \(index)) is missing or computed; only constants are read")
        }
        return tensor
    }

    /// Nil when the input is left out.
    func optionalConstant(_ index: Int, _ what: String) throws -> ONNXTensor? {
        isMissing(index) ? nil : try constant(index, what)
    }

    /// Integers from an input, or from an attribute as older opsets have them.
    func integers(input index: Int, attribute: String) throws -> [Int]? {
        if let tensor = try optionalConstant(index, attribute) { return try tensor.integers() }
        return try node.integers(attribute)
    }
}
