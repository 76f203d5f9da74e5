/// What works element by element: activations, sums, products with constants, batch norms.
///
/// What it does not do: products or quotients of two maps, except `x * Sigmoid(x)`, or sums of maps of two sizes.
import SwiftletGraph

extension ONNXTranslator {
    mutating func activation(_ call: ONNXCall, _ activation: Activation) throws -> ONNXMap {
        let map = try call.map()
        let value = try append(.activation(activation), name: call.name, input: map.value)
        return ONNXMap(value: value, layout: map.layout)
    }

    mutating func sigmoid(_ call: ONNXCall) throws -> ONNXMap {
        let map = try activation(call, .sigmoid)
        sigmoids[map.value] = try call.map().value
        return map
    }

    /// Between any two numbers: shifted and scaled so that ReLU or ReLU6 does it.
    mutating func clip(_ call: ONNXCall) throws -> ONNXMap {
        let limit = Float.greatestFiniteMagnitude
        func bound(_ index: Int, _ name: String, _ standard: Float) throws -> Float {
            if call.opset < 11 {
                // Infinity is a bound too.
                if case .float(let value) = call.node.attributes[name] { return value }
                return standard
            }
            guard let tensor = try call.optionalConstant(index, name) else { return standard }
            guard tensor.count == 1, let value = try tensor.floats().first else {
                throw ONNXRefusal("its \(name) \(tensor.sizes) is not one number")
            }
            return value
        }
        let map = try call.map()
        var low = try bound(1, "min", -limit)
        let high = try bound(2, "max", limit)
        if low <= -limit, high >= limit { return map }
        if low <= -limit, isNeverNegative(map.value) { low = 0 }
        guard low > -limit, low < high else {
            throw ONNXRefusal("it clips to \(low) ... \(high); known are a lower bound, or a lower and a higher one")
        }
        let isOpen = high >= limit
        let scale = isOpen ? 1 : 6 / (high - low)
        guard scale.isFinite, scale > 0, (low * scale).isFinite else {
            throw ONNXRefusal("it clips to \(low) ... \(high), which is too wide or too narrow")
        }
        let isPlain = scale == 1 && low == 0
        let channels = graph.shape(of: map.value).channels
        var value = map.value
        if !isPlain {
            value = try appendAffine(
                name: "\(call.name).before", input: value, scale: Array(repeating: scale, count: channels),
                shift: Array(repeating: -low * scale, count: channels))
        }
        value = try append(.activation(isOpen ? .relu : .relu6), name: call.name, input: value)
        if !isPlain {
            value = try appendAffine(
                name: "\(call.name).after", input: value, scale: Array(repeating: 1 / scale, count: channels),
                shift: Array(repeating: low, count: channels))
        }
        return ONNXMap(value: value, layout: map.layout)
    }

    mutating func batchNormalization(_ call: ONNXCall) throws -> ONNXMap {
        guard try call.node.integer("training_mode", default: 0) == 0 else {
            throw ONNXRefusal("it is in training mode; export the network in evaluation mode")
        }
        var map = try call.map()
        if map.layout.isVector { map = try flattened(map, name: call.name) }
        let channels = graph.shape(of: map.value).channels
        guard map.layout.channelDimension == 1 else {
            throw ONNXRefusal(
                "it takes channels in the second dimension; given is \(map.layout.sizes) in another order")
        }
        let epsilon = try call.node.float("epsilon", default: 1e-5)
        guard epsilon >= 0 else { throw ONNXRefusal("its epsilon \(epsilon) is below zero") }
        var parameters: [String: Tensor] = [:]
        for (index, suffix) in ["weight", "bias", "running_mean", "running_var"].enumerated() {
            let tensor = try call.constant(index + 1, suffix)
            guard tensor.count == channels else {
                throw ONNXRefusal("its \(suffix) \(tensor.sizes) is not one number for each of \(channels) channels")
            }
            parameters[suffix] = Tensor(shape: [channels], values: try tensor.floats())
        }
        let value = try append(
            .batchNorm(BatchNorm(epsilon: epsilon)), name: call.name, input: map.value, parameters: parameters)
        return ONNXMap(value: value, layout: map.layout)
    }

    mutating func add(_ call: ONNXCall) throws -> ONNXMap {
        guard call.inputs.count == 2 else { throw ONNXRefusal("it adds \(call.inputs.count) tensors; known are two") }
        if let (index, constant) = onlyConstant(call) {
            let shift = try constant.floats()
            return try affine(
                call, try call.map(1 - index), constant.sizes, Array(repeating: 1, count: shift.count), shift)
        }
        let (first, second) = try aligned(call)
        return ONNXMap(
            value: try append(.add, name: call.name, inputs: [first.value, second.value])[0], layout: first.layout)
    }

    mutating func subtract(_ call: ONNXCall) throws -> ONNXMap {
        guard let (index, constant) = onlyConstant(call) else {
            throw ONNXRefusal("the difference of two maps is not known; only that to a constant is")
        }
        let values = try constant.floats()
        let sign: Float = index == 1 ? 1 : -1
        return try affine(
            call, try call.map(1 - index), constant.sizes, Array(repeating: sign, count: values.count),
            values.map { -sign * $0 })
    }

    mutating func multiply(_ call: ONNXCall) throws -> ONNXMap {
        if let (index, constant) = onlyConstant(call) {
            let values = try constant.floats()
            return try affine(
                call, try call.map(1 - index), constant.sizes, values, Array(repeating: 0, count: values.count))
        }
        let (first, second) = (try call.map(0), try call.map(1))
        guard first.layout == second.layout,
            let source = sigmoids[first.value] == second.value
                ? second : sigmoids[second.value] == first.value ? first : nil
        else {
            throw ONNXRefusal("the product of two maps is not known, except x * Sigmoid(x); train without such gates")
        }
        let value = try append(.activation(.swish), name: call.name, input: source.value)
        return ONNXMap(value: value, layout: source.layout)
    }

    mutating func divide(_ call: ONNXCall) throws -> ONNXMap {
        guard let (index, constant) = onlyConstant(call), index == 1 else {
            throw ONNXRefusal("only division by a constant is known")
        }
        let values = try constant.floats().map { 1 / $0 }
        return try affine(call, try call.map(0), constant.sizes, values, Array(repeating: 0, count: values.count))
    }

    mutating func negate(_ call: ONNXCall) throws -> ONNXMap {
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

    /// `scale * x + shift`, one number of each for all or for each channel, broadcast as ONNX does.
    private mutating func affine(
        _ call: ONNXCall, _ map: ONNXMap, _ sizes: [Int], _ scale: [Float], _ shift: [Float]
    ) throws -> ONNXMap {
        var map = map
        if scale.count != 1, map.layout.isVector { map = try flattened(map, name: call.name) }
        let channels = graph.shape(of: map.value).channels
        let rank = map.layout.rank
        let places = sizes.indices.filter { sizes[$0] != 1 }.map { $0 + rank - sizes.count }
        let isPerChannel = places.count == 1 && places[0] == map.layout.channelDimension && scale.count == channels
        guard sizes.count <= rank, scale.count == 1 || isPerChannel else {
            throw ONNXRefusal(
                "its constant \(sizes) beside \(map.layout.sizes) is not one number for all or for each channel")
        }
        func spread(_ values: [Float]) -> [Float] {
            values.count == channels ? values : Array(repeating: values[0], count: channels)
        }
        let value = try appendAffine(name: call.name, input: map.value, scale: spread(scale), shift: spread(shift))
        return ONNXMap(value: value, layout: map.layout)
    }

    /// Both maps in one layout.
    private mutating func aligned(_ call: ONNXCall) throws -> (ONNXMap, ONNXMap) {
        var maps = [try call.map(0), try call.map(1)]
        guard maps[0].layout.sizes == maps[1].layout.sizes else {
            throw ONNXRefusal("it adds \(maps[0].layout.sizes) and \(maps[1].layout.sizes); known are maps of one size")
        }
        let isOneLayout = maps[0].layout == maps[1].layout
        if !isOneLayout, maps[0].layout.isVector {
            for index in 0...1 { maps[index] = try flattened(maps[index], name: "\(call.name).\(index)") }
        } else if !isOneLayout {
            throw ONNXRefusal("it adds two tensors \(maps[0].layout.sizes) whose channels are in different orders")
        }
        return (maps[0], maps[1])
    }
}
