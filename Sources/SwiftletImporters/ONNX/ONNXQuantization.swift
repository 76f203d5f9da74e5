/// Networks that say in floats what they will round (QDQ): `DequantizeLinear` of weights, and pairs of both around maps.
///
/// They are taken over as float networks, whose weights are as they were rounded and whose maps are not: conversion chooses
/// their steps anew. What it does not do: operators that compute with integers (`QLinearConv` and its kind).
import SwiftletGraph

extension ONNXTranslator {
    /// `scale * (x - zero point)`, one of each or one for each place along an axis.
    mutating func dequantize(constant call: ONNXCall) throws -> ONNXTensor {
        let tensor = try call.constant(0, "input")
        let scales = try call.constant(1, "scale").floats()
        let zeros = try call.optionalConstant(2, "zero point")?.integers() ?? scales.map { _ in 0 }
        guard try call.node.integer("block_size", default: 0) == 0 else { throw Refusal("it has scales for blocks") }
        var stride = 1
        if scales.count != 1 {
            let axis = try wrapped(call.node.integer("axis", default: 1), rank: tensor.sizes.count)
            guard tensor.sizes[axis] == scales.count else {
                throw Refusal("its \(scales.count) scales are not for axis \(axis) of \(tensor.sizes)")
            }
            stride = tensor.sizes[(axis + 1)...].reduce(1, *)
        }
        guard zeros.count == scales.count else {
            throw Refusal("it has \(zeros.count) zero points for \(scales.count) scales")
        }
        _ = try allow(tensor.sizes, from: [tensor])
        let values = try tensor.integers().enumerated().map { index, value in
            let place = scales.count == 1 ? 0 : index / stride % scales.count
            return scales[place] * (Float(value) - Float(zeros[place]))
        }
        return ONNXTensor(sizes: tensor.sizes, contents: .floats(values))
    }

    /// The map as it is. Where zero is the smallest that the integers hold, rounding is a ReLU too, and quantizers leave that
    /// out before it.
    mutating func quantize(_ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.anyMap()
        let zero = try call.optionalConstant(2, "zero point")
        let zeros = try zero?.integers() ?? [0]
        let smallest: Int
        switch zero?.type {
        case .uint8, nil: smallest = 0
        case .int8: smallest = -128
        case .int16: smallest = -32_768
        default: throw Refusal("its zero point is of a type that is not known")
        }
        guard zeros.allSatisfy({ $0 == smallest }), !map.isProbability, !isNeverNegative(map.value) else { return map }
        return try appendActivation(call.name, map, .relu)
    }
}
