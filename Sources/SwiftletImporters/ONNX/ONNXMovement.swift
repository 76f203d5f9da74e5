/// What moves numbers without computing: concat, split, slice, gather, reshapes, transposes; and what does nothing.
///
/// What it does not do: make maps larger; see `ONNXPixels`.
import SwiftletGraph

extension ONNXTranslator {
    mutating func concat(_ call: ONNXCall) throws -> LaidOutMap {
        let maps = try call.inputs.indices.map { try call.map($0) }
        guard case .integer(let axis) = call.node.attributes["axis"] else { throw Refusal("it has no axis") }
        return try appendConcat(call.name, maps, axis: axis)
    }

    mutating func split(_ call: ONNXCall) throws -> [ONNXOperand] {
        let map = try call.map()
        let axis = try call.node.integer("axis", default: 0)
        let size = map.layout.sizes[try wrapped(axis, rank: map.layout.rank)]
        let parts = call.node.outputs.count
        guard parts > 0 else { throw Refusal("it has no outputs") }
        // Without counts: equal parts, the last one smaller.
        let part = (size + parts - 1) / parts
        let counts =
            try call.integers(input: 1, attribute: "split")
            ?? (0..<parts).map { min(part, size - $0 * part) }
        guard counts.count == parts, counts.allSatisfy({ (1...size).contains($0) }), counts.reduce(0, +) == size else {
            throw Refusal("its parts \(counts) of \(size) are not one for each of \(parts) outputs")
        }
        return try appendSplit(call.name, map, counts: counts, axis: axis).map { .map($0) }
    }

    mutating func expand(_ call: ONNXCall) throws -> LaidOutMap {
        try appendExpansion(call.name, call.map(), to: call.constant(1, "shape").integers())
    }

    mutating func gather(_ call: ONNXCall) throws -> LaidOutMap {
        let (map, dimension) = try alongChannels(call, axis: try call.node.integer("axis", default: 0))
        let indices = try call.constant(1, "indices")
        guard indices.sizes.count == 1, indices.count > 0 else {
            throw Refusal("its indices \(indices.sizes) are no list")
        }
        let channels = graph.shape(of: map.value).channels
        let chosen = try indices.integers().map { $0 < 0 && $0 >= -channels ? $0 + channels : $0 }
        return try appendChannelIndex(call.name, map, chosen, dimension: dimension)
    }

    mutating func slice(_ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.map()
        return try appendSlice(call.name, map, AxisRange.ranges(call, sizes: map.layout.sizes))
    }

    private func alongChannels(_ call: ONNXCall, axis: Int) throws -> (map: LaidOutMap, dimension: Int) {
        let map = try call.map()
        return (map, try channelDimension(map, axis: axis))
    }

    mutating func reshape(_ operation: ONNXOperator, _ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.anyMap()
        return try reshaped(map, ONNXSizes.after(operation, call, map.layout.sizes), name: call.name)
    }

    mutating func transpose(_ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.anyMap()
        return try transposed(map, ONNXSizes.order(call, rank: map.layout.rank), name: call.name)
    }

    func cast(_ call: ONNXCall) throws -> LaidOutMap {
        guard ONNXSizes.isFloat(try call.node.integer("to", default: 0)) else {
            throw Refusal("it makes integers of what comes from the picture; cut the network before it")
        }
        return try call.anyMap()
    }

    func dropout(_ call: ONNXCall) throws -> LaidOutMap {
        if let isTraining = try call.optionalConstant(2, "training_mode"), try isTraining.integers() != [0] {
            throw Refusal("it is in training mode; export the network in evaluation mode")
        }
        return try call.anyMap()
    }

    func softmax(_ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.map()
        let axis = try wrapped(call.node.integer("axis", default: call.opset < 13 ? 1 : -1), rank: map.layout.rank)
        // Before opset 13 it runs over all dimensions from the axis on.
        let sizes = map.layout.sizes
        return try probabilities(
            map, over: call.opset < 13 ? sizes[axis...].reduce(1, *) : sizes[axis], axis: axis)
    }

    func shape(_ call: ONNXCall) throws -> ONNXTensor {
        try ONNXSizes.shape(call, of: try call.anyMap().layout.sizes)
    }
}
