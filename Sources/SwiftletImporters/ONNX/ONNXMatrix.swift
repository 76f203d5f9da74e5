/// Products with constant matrices.
///
/// What it does not do: products of two maps, as attention has them.
import SwiftletGraph

extension ONNXTranslator {
    /// `alpha * A * B + beta * C`, B transposed or not.
    mutating func gemm(_ call: ONNXCall) throws -> ONNXMap {
        guard try call.node.integer("transA", default: 0) == 0 else {
            throw ONNXRefusal("it transposes its first input")
        }
        let alpha = try call.node.float("alpha", default: 1)
        let beta = try call.node.float("beta", default: 1)
        let isTransposed = try call.node.integer("transB", default: 0) != 0
        return try linear(
            call, isTransposed: isTransposed, scale: alpha, bias: try call.optionalConstant(2, "bias")?.floats() ?? [],
            biasScale: beta)
    }

    mutating func matMul(_ call: ONNXCall) throws -> ONNXMap {
        try linear(call, isTransposed: false, scale: 1, bias: [], biasScale: 0)
    }

    private mutating func linear(
        _ call: ONNXCall, isTransposed: Bool, scale: Float, bias: [Float], biasScale: Float
    ) throws -> ONNXMap {
        let map = try call.map()
        let matrix = try call.constant(1, "matrix")
        guard map.layout.isVector, map.layout.rank == 2 else {
            throw ONNXRefusal("it takes one vector a picture, given \(map.layout.sizes); flatten first")
        }
        guard matrix.sizes.count == 2 else { throw ONNXRefusal("its matrix has the sizes \(matrix.sizes)") }
        let inputs = matrix.sizes[isTransposed ? 1 : 0]
        let outputs = matrix.sizes[isTransposed ? 0 : 1]
        guard inputs == map.layout.elementCount, outputs > 0 else {
            throw ONNXRefusal("its matrix \(matrix.sizes) is not for a vector of \(map.layout.elementCount)")
        }
        guard bias.isEmpty || bias.count == 1 || bias.count == outputs else {
            throw ONNXRefusal("its bias of \(bias.count) numbers is not one for each of \(outputs) outputs")
        }
        // The graph reads rows, columns, channels in this order.
        let shape = graph.shape(of: map.value)
        let places = map.layout.positions(in: 1).map {
            ($0.row * shape.width + $0.column) * shape.channels + $0.channel
        }
        let source = try matrix.floats()
        var weight = [Float](repeating: 0, count: source.count)
        let (outputStep, inputStep) = isTransposed ? (inputs, 1) : (1, outputs)
        for output in 0..<outputs {
            for (input, place) in places.enumerated() {
                weight[output * inputs + place] = scale * source[output * outputStep + input * inputStep]
            }
        }
        var value = map.value
        if shape.height * shape.width > 1 {
            value = try append(.flatten, name: "\(call.name).flatten", input: value)
        }
        let shift = (0..<outputs).map { bias.isEmpty ? 0 : biasScale * bias[bias.count == 1 ? 0 : $0] }
        value = try append(
            .linear(outputs: outputs), name: call.name, input: value,
            parameters: [
                "weight": Tensor(shape: [outputs, inputs], values: weight),
                "bias": Tensor(shape: [outputs], values: shift),
            ])
        return ONNXMap(value: value, layout: .vector(outputs))
    }
}
