/// What works element by element: activations, sums, products with constants, batch norms.
///
/// What it does not do: products or quotients of two maps, except `x * Sigmoid(x)`, or sums of maps of two sizes.
import SwiftletGraph

extension ONNXTranslator {
    mutating func clip(_ call: ONNXCall) throws -> LaidOutMap {
        let limit = Float.greatestFiniteMagnitude
        func bound(_ index: Int, _ name: String, _ standard: Float) throws -> Float {
            if call.opset < 11 {
                // Infinity is a bound too.
                if case .float(let value) = call.node.attributes[name] { return value }
                return standard
            }
            guard let tensor = try call.optionalConstant(index, name) else { return standard }
            guard tensor.count == 1, let value = try tensor.floats().first else {
                throw Refusal("its \(name) \(tensor.sizes) is not one number")
            }
            return value
        }
        return try appendClip(
            call.name, call.map(), low: bound(1, "min", -limit), high: bound(2, "max", limit))
    }

    mutating func batchNormalization(_ call: ONNXCall) throws -> LaidOutMap {
        guard try call.node.integer("training_mode", default: 0) == 0 else {
            throw Refusal("it is in training mode; export the network in evaluation mode")
        }
        var map = try call.map()
        if map.layout.isVector { map = try flattened(map, name: call.name) }
        let channels = graph.shape(of: map.value).channels
        guard map.layout.channelDimension == 1 else {
            throw Refusal(
                "it takes channels in the second dimension; given is \(map.layout.sizes) in another order")
        }
        let epsilon = try call.node.float("epsilon", default: 1e-5)
        guard epsilon >= 0 else { throw Refusal("its epsilon \(epsilon) is below zero") }
        var parameters: [String: Tensor] = [:]
        for (index, suffix) in ["weight", "bias", "running_mean", "running_var"].enumerated() {
            let tensor = try call.constant(index + 1, suffix)
            guard tensor.count == channels else {
                throw Refusal("its \(suffix) \(tensor.sizes) is not one number for each of \(channels) channels")
            }
            parameters[suffix] = Tensor(shape: [channels], values: try tensor.floats())
        }
        let value = try append(
            .batchNorm(BatchNorm(epsilon: epsilon)), name: call.name, input: map.value, parameters: parameters)
        return LaidOutMap(value: value, layout: map.layout)
    }

    mutating func add(_ call: ONNXCall) throws -> LaidOutMap {
        guard call.inputs.count == 2 else { throw Refusal("it adds \(call.inputs.count) tensors; known are two") }
        if let (index, constant) = onlyConstant(call) {
            let shift = try constant.floats()
            return try affine(
                call, try call.map(1 - index), constant.sizes, Array(repeating: 1, count: shift.count), shift)
        }
        return try appendSum(call.name, call.map(0), call.map(1))
    }

    /// Of one map or more.
    mutating func sum(_ call: ONNXCall) throws -> LaidOutMap {
        guard call.inputs.count != 2 else { return try add(call) }
        var total = try call.map(0)
        for index in call.inputs.indices.dropFirst() {
            let name = index == call.inputs.count - 1 ? call.name : "\(call.name).\(index)"
            total = try appendSum(name, total, call.map(index))
        }
        return total
    }

    mutating func subtract(_ call: ONNXCall) throws -> LaidOutMap {
        guard let (index, constant) = onlyConstant(call) else {
            return try appendDifference(call.name, call.map(0), call.map(1))
        }
        let values = try constant.floats()
        let sign: Float = index == 1 ? 1 : -1
        return try affine(
            call, try call.map(1 - index), constant.sizes, Array(repeating: sign, count: values.count),
            values.map { -sign * $0 })
    }

    mutating func multiply(_ call: ONNXCall) throws -> LaidOutMap {
        if let (index, constant) = onlyConstant(call) {
            let values = try constant.floats()
            return try affine(
                call, try call.map(1 - index), constant.sizes, values, Array(repeating: 0, count: values.count))
        }
        return try appendProduct(call.name, call.map(0), call.map(1))
    }

    mutating func divide(_ call: ONNXCall) throws -> LaidOutMap {
        guard let (index, constant) = onlyConstant(call), index == 1 else {
            throw Refusal("only division by a constant is known")
        }
        let values = try constant.floats().map { 1 / $0 }
        return try affine(call, try call.map(0), constant.sizes, values, Array(repeating: 0, count: values.count))
    }

    mutating func negate(_ call: ONNXCall) throws -> LaidOutMap {
        try affine(call, try call.map(), [], [-1], [0])
    }

    /// The place and value of the constant among two inputs.
    private func onlyConstant(_ call: ONNXCall) -> (index: Int, tensor: ONNXTensor)? {
        guard call.inputs.count == 2 else { return nil }
        for index in 0...1 {
            if case .constant(let tensor) = call.inputs[index] { return (index, tensor) }
        }
        return nil
    }

    private mutating func affine(
        _ call: ONNXCall, _ map: LaidOutMap, _ sizes: [Int], _ scale: [Float], _ shift: [Float]
    ) throws -> LaidOutMap {
        try appendAffine(call.name, map, sizes: sizes, scale: scale, shift: shift)
    }
}
