/// What works element by element: activations, sums, products with constants, batch norms.
///
/// What it does not do: products of matrices.
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

    /// The greater or the lesser of a map and one number, or of maps.
    mutating func bounded(_ operation: ONNXOperator, _ call: ONNXCall) throws -> LaidOutMap {
        guard let (index, constant) = onlyConstant(call) else {
            return try folded(call) { try $0.appendBinary($1, operation == .max ? .maximum : .minimum, $2, $3) }
        }
        guard constant.count == 1, let bound = try constant.floats().first else {
            throw Refusal("its constant \(constant.sizes) is not one number")
        }
        let map = try call.map(1 - index)
        return try operation == .max
            ? appendClip(call.name, map, low: bound, high: .infinity)
            : appendClip(call.name, map, low: -.infinity, high: bound)
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
        if onlyConstant(call) != nil { return try add(call) }
        return try folded(call) { try $0.appendSum($1, $2, $3) }
    }

    /// One map after the other.
    private mutating func folded(
        _ call: ONNXCall, _ combine: (inout ONNXTranslator, String, LaidOutMap, LaidOutMap) throws -> LaidOutMap
    ) throws -> LaidOutMap {
        var total = try call.map(0)
        for index in call.inputs.indices.dropFirst() {
            let name = index == call.inputs.count - 1 ? call.name : "\(call.name).\(index)"
            total = try combine(&self, name, total, call.map(index))
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
        guard let (index, constant) = onlyConstant(call) else {
            return try appendQuotient(call.name, call.map(0), call.map(1))
        }
        var values = try constant.floats()
        var map = try call.map(1 - index)
        if index == 0 {
            map = try appendPower("\(call.name).reciprocal", map, exponent: -1)
        } else {
            values = values.map { 1 / $0 }
        }
        return try affine(call, map, constant.sizes, values, Array(repeating: 0, count: values.count))
    }

    mutating func power(_ call: ONNXCall) throws -> LaidOutMap {
        let exponent = try call.constant(1, "exponent")
        guard exponent.count == 1, let value = try exponent.floats().first else {
            throw Refusal("its exponent \(exponent.sizes) is not one number")
        }
        return try appendPower(call.name, call.map(), exponent: value)
    }

    /// Over the channels around each.
    mutating func localResponse(_ call: ONNXCall) throws -> LaidOutMap {
        let size = try call.node.integer("size", default: 0)
        guard (1...Self.sideLimit).contains(size) else {
            throw Refusal("its size \(size) is not one from 1 to \(Self.sideLimit)")
        }
        return try appendLocalResponse(
            call.name, call.planes(),
            LocalResponse(
                before: (size - 1) / 2, after: size / 2, bias: call.node.float("bias", default: 1),
                scale: call.node.float("alpha", default: 1e-4) / Float(size),
                exponent: call.node.float("beta", default: 0.75)))
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
