/// Products with constant matrices.
///
/// What it does not do: products of two maps, as attention has them.
import SwiftletGraph

extension ONNXTranslator {
    /// `alpha * A * B + beta * C`, B transposed or not.
    mutating func gemm(_ call: ONNXCall) throws -> LaidOutMap {
        guard try call.node.integer("transA", default: 0) == 0 else {
            throw Refusal("it transposes its first input")
        }
        let alpha = try call.node.float("alpha", default: 1)
        let beta = try call.node.float("beta", default: 1)
        let isTransposed = try call.node.integer("transB", default: 0) != 0
        return try linear(
            call, isTransposed: isTransposed, scale: alpha, bias: try call.optionalConstant(2, "bias")?.floats() ?? [],
            biasScale: beta)
    }

    mutating func matMul(_ call: ONNXCall) throws -> LaidOutMap {
        try linear(call, isTransposed: false, scale: 1, bias: [], biasScale: 0)
    }

    private mutating func linear(
        _ call: ONNXCall, isTransposed: Bool, scale: Float, bias: [Float], biasScale: Float
    ) throws -> LaidOutMap {
        let map = try call.map()
        let matrix = try call.constant(1, "matrix")
        guard matrix.sizes.count == 2 else { throw Refusal("its matrix has the sizes \(matrix.sizes)") }
        let inputs = matrix.sizes[isTransposed ? 1 : 0]
        let outputs = matrix.sizes[isTransposed ? 0 : 1]
        guard bias.isEmpty || bias.count == 1 || bias.count == outputs else {
            throw Refusal("its bias of \(bias.count) numbers is not one for each of \(outputs) outputs")
        }
        let shift = (0..<outputs).map { bias.isEmpty ? 0 : biasScale * bias[bias.count == 1 ? 0 : $0] }
        let source = try matrix.floats()
        let (outputStep, inputStep) = isTransposed ? (inputs, 1) : (1, outputs)
        return try appendLinear(call.name, map, inputs: inputs, bias: shift) { output, input in
            scale * source[output * outputStep + input * inputStep]
        }
    }
}
