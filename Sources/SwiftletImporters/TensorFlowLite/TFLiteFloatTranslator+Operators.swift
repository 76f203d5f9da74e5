/// The operators of float networks that have a form in the graph.
///
/// What it does not do: padding and resizing, which are beside it.
import SwiftletGraph

extension TFLiteFloatTranslator {
    /// - Returns: what stands for each output.
    mutating func apply() throws -> [LaidOutMap] {
        let name = layerName()
        switch current.name {
        case "CONV_2D": return [try activated(convolution(name, isDepthwise: false), name)]
        case "DEPTHWISE_CONV_2D": return [try activated(convolution(name, isDepthwise: true), name)]
        case "FULLY_CONNECTED": return [try activated(fullyConnected(name), name)]
        case "MAX_POOL_2D":
            let map = try pixels()
            return [try activated(appendMaxPool(name, map, window: poolWindow(over: map)), name)]
        case "AVERAGE_POOL_2D":
            let map = try pixels()
            let mean = try appendAveragePool(name, map, window: poolWindow(over: map), countsZeros: false)
            return [try activated(mean, name)]
        case "MEAN", "REDUCE_MAX": return [try reduction(name)]
        case "ADD": return [try activated(sum(name), name)]
        case "SUB": return [try activated(difference(name), name)]
        case "MUL": return [try activated(product(name), name)]
        case "DIV": return [try activated(quotient(name), name)]
        case "MAXIMUM", "MINIMUM": return [try bounded(name)]
        case "SQUARE": return [try appendPower(name, map(), exponent: 2)]
        case "SQRT": return [try appendPower(name, map(), exponent: 0.5)]
        case "RSQRT": return [try appendPower(name, map(), exponent: -0.5)]
        case "LOCAL_RESPONSE_NORMALIZATION": return [try localResponse(name)]
        case "NEG": return [try appendAffine(name, map(), sizes: [], scale: [-1], shift: [0])]
        case "RELU", "RELU6", "RELU_N1_TO_1": return [try clipped(map(), name, current.name)]
        case "LEAKY_RELU":
            return [
                try appendActivation(name, map(), .leakyReLU(slope: current.real("alpha", default: 0)))
            ]
        case "LOGISTIC": return [try appendActivation(name, map(), .sigmoid)]
        case "ELU": return [try appendActivation(name, map(), .elu(alpha: 1))]
        case "HARD_SWISH": return [try appendActivation(name, map(), .hardSwish)]
        case "PRELU":
            return [try appendPReLU(name, map(), sizes: tensor(1).shape, slopes: constant(1, "slope"))]
        case "TANH": return [try appendActivation(name, map(), .tanh)]
        case "SOFTMAX", "LOG_SOFTMAX": return [try softmax()]
        case "RESHAPE", "SQUEEZE", "EXPAND_DIMS": return [try reshaped(anyMap(), output.shape, name: name)]
        case "TRANSPOSE":
            let map = try anyMap()
            let order = current.list("perm") ?? []
            guard order.sorted() == Array(0..<map.layout.rank) else {
                throw Refusal("its perm \(order) is no order of \(map.layout.rank) dimensions")
            }
            return [try transposed(map, order, name: name)]
        case "CONCATENATION":
            let inputs = try current.inputs.indices.map { try map($0) }
            return [try activated(appendConcat(name, inputs, axis: current.integer("axis", default: -1)), name)]
        case "SPLIT": return try split(name)
        case "SLICE", "STRIDED_SLICE": return [try slice(name)]
        case "PAD", "PADV2", "MIRROR_PAD": return [try pad(name)]
        case "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR": return [try resize(name)]
        default: throw Refusal(Self.reasonAgainst(current.name))
        }
    }

    /// Why an operator that is not among these is refused, and the way out.
    private static func reasonAgainst(_ name: String) -> String {
        switch name {
        case "GELU":
            "known activations are ReLU, ReLU6, leaky ReLU, PReLU, ELU, sigmoid, tanh, swish and hard swish; train with one of them"
        case "TRANSPOSE_CONV", "DEPTH_TO_SPACE":
            "maps grow by resizing only; train with that and a convolution"
        case "QUANTIZE", "DEQUANTIZE": "the network computes in float and in integers; give one of one kind"
        default: "the graph has no such operator; cut the network before it or replace it"
        }
    }

    // MARK: Windows

    private mutating func convolution(_ name: String, isDepthwise: Bool) throws -> LaidOutMap {
        let map = try pixels()
        let sizes = try tensor(1).shape
        let stored = try constant(1, "weight")
        guard sizes.count == 4, !isDepthwise || sizes[0] == 1 else {
            throw Refusal("its weight has the sizes \(sizes), which are not those of a convolution")
        }
        let taps = sizes[1] * sizes[2]
        // Outputs, taps, inputs of a group; where that is one input, the outputs come last.
        let (outputs, inputs) = isDepthwise ? (sizes[3], 1) : (sizes[0], sizes[3])
        let steps = isDepthwise ? (output: 1, tap: outputs) : (output: taps * inputs, tap: inputs)
        var values = [Float](repeating: 0, count: stored.count)
        for output in 0..<outputs {
            for input in 0..<inputs {
                for tap in 0..<taps {
                    values[(output * inputs + input) * taps + tap] =
                        stored[output * steps.output + tap * steps.tap + input]
                }
            }
        }
        let channels = graph.shape(of: map.value).channels
        let weights = ConvolutionWeights(
            sizes: [outputs, inputs, sizes[1], sizes[2]], values: values, bias: try constant(2),
            groups: channels / inputs)
        let dilation = try extent("dilation")
        return try appendConvolution(
            name, map, window: window(kernel: Extent(height: sizes[1], width: sizes[2]), dilation: dilation, over: map),
            weights)
    }

    private func poolWindow(over map: LaidOutMap) throws -> Window {
        try window(kernel: extent("filter"), dilation: .one, over: map)
    }

    private func extent(_ option: String) throws -> Extent {
        let (height, width) = (
            current.integer("\(option)_h", default: 1), current.integer("\(option)_w", default: 1)
        )
        guard (1...Self.sideLimit).contains(height), (1...Self.sideLimit).contains(width) else {
            throw Refusal("its \(option) \(height)x\(width) is not of two numbers from 1 to \(Self.sideLimit)")
        }
        return Extent(height: height, width: width)
    }

    private func window(kernel: Extent, dilation: Extent, over map: LaidOutMap) throws -> Window {
        let stride = try extent("stride")
        let input = graph.shape(of: map.value)
        let isSame = current.text("padding") != "VALID"
        return Window(
            kernel: kernel, stride: stride,
            padding: isSame ? .same(input: input, kernel: kernel, stride: stride, dilation: dilation) : .none,
            dilation: dilation)
    }

    private mutating func reduction(_ name: String) throws -> LaidOutMap {
        let map = try map()
        let dimensions = try (current.list("axes") ?? []).map { try wrapped($0, rank: map.layout.rank) }
        return try appendReduction(
            name, map, current.name == "MEAN" ? .average : .max, over: dimensions,
            keepsRank: output.shape.count == map.layout.rank)
    }

    // MARK: Elements

    /// Behind the activation that the operator ends with.
    private mutating func activated(_ map: LaidOutMap, _ name: String) throws -> LaidOutMap {
        switch current.text("activation") {
        case nil, "NONE": return map
        case "TANH": return try appendActivation(uniqueName("\(name).tanh"), map, .tanh)
        case let kind?: return try clipped(map, uniqueName("\(name).\(kind.lowercased())"), kind)
        }
    }

    private mutating func clipped(_ map: LaidOutMap, _ name: String, _ kind: String) throws -> LaidOutMap {
        let bounds: (low: Float, high: Float)
        switch kind {
        case "RELU": bounds = (0, .infinity)
        case "RELU6": bounds = (0, 6)
        case "RELU_N1_TO_1": bounds = (-1, 1)
        default: throw Refusal("it ends with \(kind), which is not known")
        }
        return try appendClip(name, map, low: bounds.low, high: bounds.high)
    }

    /// The place of the constant among two inputs, its sizes and values.
    private func onlyConstant() throws -> (place: Int, sizes: [Int], values: [Float])? {
        for place in 0...1 {
            if let values = try constant(place) { return (place, try tensor(place).shape, values) }
        }
        return nil
    }

    private mutating func sum(_ name: String) throws -> LaidOutMap {
        guard let (place, sizes, values) = try onlyConstant() else { return try appendSum(name, map(0), map(1)) }
        return try appendAffine(
            name, map(1 - place), sizes: sizes, scale: values.map { _ in 1 }, shift: values)
    }

    private mutating func difference(_ name: String) throws -> LaidOutMap {
        guard let (place, sizes, values) = try onlyConstant() else {
            return try appendDifference(name, map(0), map(1))
        }
        let sign: Float = place == 1 ? 1 : -1
        return try appendAffine(
            name, map(1 - place), sizes: sizes, scale: values.map { _ in sign }, shift: values.map { -sign * $0 })
    }

    /// The greater or the lesser of two maps, or of a map and one number.
    private mutating func bounded(_ name: String) throws -> LaidOutMap {
        let isMaximum = current.name == "MAXIMUM"
        guard let (place, sizes, values) = try onlyConstant() else {
            return try appendBinary(name, isMaximum ? .maximum : .minimum, map(0), map(1))
        }
        guard values.count == 1, let bound = values.first else {
            throw Refusal("its constant \(sizes) is not one number")
        }
        return try isMaximum
            ? appendClip(name, map(1 - place), low: bound, high: .infinity)
            : appendClip(name, map(1 - place), low: -.infinity, high: bound)
    }

    private mutating func quotient(_ name: String) throws -> LaidOutMap {
        guard let (place, sizes, values) = try onlyConstant() else {
            return try appendQuotient(name, map(0), map(1))
        }
        if place == 1 {
            return try appendAffine(
                name, map(0), sizes: sizes, scale: values.map { 1 / $0 }, shift: values.map { _ in 0 })
        }
        let reciprocal = try appendPower("\(name).reciprocal", map(1), exponent: -1)
        return try appendAffine(name, reciprocal, sizes: sizes, scale: values, shift: values.map { _ in 0 })
    }

    private mutating func product(_ name: String) throws -> LaidOutMap {
        guard let (place, sizes, values) = try onlyConstant() else { return try appendProduct(name, map(0), map(1)) }
        return try appendAffine(
            name, map(1 - place), sizes: sizes, scale: values, shift: values.map { _ in 0 })
    }

    private mutating func fullyConnected(_ name: String) throws -> LaidOutMap {
        let sizes = try tensor(1).shape
        let weights = try constant(1, "weight")
        guard sizes.count == 2 else { throw Refusal("its weight has the sizes \(sizes), not outputs and inputs") }
        let (outputs, inputs) = (sizes[0], sizes[1])
        let bias = try constant(2) ?? Array(repeating: 0, count: outputs)
        guard bias.count == outputs else {
            throw Refusal("its bias of \(bias.count) numbers is not one for each of \(outputs) outputs")
        }
        let map = try map()
        guard map.layout.elementCount == inputs else {
            throw Refusal("its weight \(sizes) is not for \(map.layout.sizes)")
        }
        let vector = try reshaped(map, [1, inputs], name: "\(name).vector")
        let result = try appendLinear(name, vector, inputs: inputs, bias: bias) { weights[$0 * inputs + $1] }
        return try reshaped(result, output.shape, name: name)
    }

    private func softmax() throws -> LaidOutMap {
        guard current.name == "LOG_SOFTMAX" || current.real("beta", default: 1) == 1 else {
            throw Refusal("its beta is \(current.real("beta", default: 1)); known is 1")
        }
        let map = try map()
        return try probabilities(map, over: map.layout.sizes.last ?? 1, axis: map.layout.rank - 1)
    }

    // MARK: Cuts

    private mutating func split(_ name: String) throws -> [LaidOutMap] {
        let map = try map(1)
        let axis = current.integer("axis", default: -1)
        let (size, parts) = (map.layout.sizes[try wrapped(axis, rank: map.layout.rank)], current.outputs.count)
        guard size % parts == 0 else { throw Refusal("it splits \(size) into \(parts) parts") }
        return try appendSplit(name, map, counts: Array(repeating: size / parts, count: parts), axis: axis)
    }

    private mutating func slice(_ name: String) throws -> LaidOutMap {
        let map = try map()
        let sizes = map.layout.sizes
        let begins = current.list("begin") ?? []
        let steps = current.list("strides") ?? sizes.map { _ in 1 }
        let counts = current.list("size")
        let ends = current.list("end") ?? []
        guard begins.count == sizes.count, steps.count == sizes.count, (counts ?? ends).count == sizes.count else {
            throw Refusal("its beginnings, ends and steps are not one for each dimension of \(sizes)")
        }
        let ranges = try sizes.indices.map { dimension in
            let (size, begin) = (sizes[dimension], begins[dimension])
            // No axis is longer, and sums stay small.
            let step = max(-size, min(steps[dimension], size))
            // A size below zero means all that is left.
            let end = counts.map { $0[dimension] < 0 ? size : begin + min($0[dimension], size) } ?? ends[dimension]
            guard (0..<size).contains(begin), (-1...size).contains(end), step != 0, (end - begin) * step > 0 else {
                throw Refusal("it takes \(begin) to \(end) of \(size), in steps of \(step)")
            }
            return AxisRange(
                axis: dimension, start: begin, step: step, count: (end - begin + step - step.signum()) / step)
        }
        return try appendSlice(name, map, ranges)
    }
}
