/// Convolutions and pools.
///
/// What it does not do: three-dimensional or one-dimensional ones, or convolutions whose weights are computed.
import SwiftletGraph

extension ONNXTranslator {
    mutating func convolution(_ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.planes()
        let weight = try call.constant(1, "weight")
        let bias = try call.optionalConstant(2, "bias")
        guard weight.sizes.count == 4, weight.sizes.allSatisfy({ (1...Self.sideLimit).contains($0) }) else {
            throw Refusal("its weight has the sizes \(weight.sizes), not outputs, inputs, rows and columns")
        }
        let kernel = Extent(height: weight.sizes[2], width: weight.sizes[3])
        if let stated = try call.node.integers("kernel_shape"), stated != [kernel.height, kernel.width] {
            throw Refusal("its kernel_shape is \(stated) and its weight is of \(kernel)")
        }
        let weights = ConvolutionWeights(
            sizes: weight.sizes, values: try weight.floats(), bias: try bias?.floats(),
            groups: try call.node.integer("group", default: 1))
        let window = try window(call.node, kernel: kernel, over: graph.shape(of: map.value))
        return try appendConvolution(call.name, map, window: window, weights)
    }

    mutating func maxPool(_ call: ONNXCall) throws -> LaidOutMap {
        guard !call.node.hasFurtherOutputs else { throw Refusal("the places of the maxima are not known") }
        let map = try call.planes()
        return try appendMaxPool(call.name, map, window: poolWindow(call, over: graph.shape(of: map.value)))
    }

    mutating func averagePool(_ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.planes()
        let shape = graph.shape(of: map.value)
        let window = try poolWindow(call, over: shape)
        var stated = window.padding
        if try call.node.integer("ceil_mode", default: 0) != 0 {
            stated = try self.window(call.node, kernel: window.kernel, over: shape).padding
        }
        let countsZeros = try call.node.integer("count_include_pad", default: 0) != 0 && stated != .none
        let seesZeros = countsZeros || unpadded(map.value).padding != .none
        guard !seesZeros || stated == window.padding && (countsZeros || stated == .none) else {
            throw Refusal(
                "its mean counts zeros around the map and windows that reach beyond them; set ceil_mode to 0")
        }
        return try appendAveragePool(call.name, map, window: window, countsZeros: countsZeros)
    }

    mutating func globalPool(_ call: ONNXCall, _ kind: PoolKind) throws -> LaidOutMap {
        let map = try call.planes()
        let value = try appendGlobalPool(call.name, map, kind)
        return spatial(value, like: map.layout)
    }

    /// The mean, the maximum or the sum over all rows and columns.
    mutating func reduce(_ operation: ONNXOperator, _ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.map()
        guard let axes = try call.integers(input: 1, attribute: "axes"), !axes.isEmpty else {
            throw Refusal("it runs over all axes; only rows and columns are known")
        }
        let dimensions = try axes.map { try wrapped($0, rank: map.layout.rank) }
        let isSum = operation == .reduceSum
        let result = try appendReduction(
            isSum ? "\(call.name).mean" : call.name, map, operation == .reduceMax ? .max : .average,
            over: dimensions,
            keepsRank: call.node.integer("keepdims", default: 1) != 0)
        guard isSum else { return result }
        let count = dimensions.map { map.layout.sizes[$0] }.reduce(1, *)
        return try appendAffine(call.name, result, sizes: [], scale: [Float(count)], shift: [0])
    }
}

/// What these operators share.
extension ONNXTranslator {
    private func poolWindow(_ call: ONNXCall, over shape: Shape) throws -> Window {
        guard let sides = try pair(call.node, "kernel_shape") else { throw Refusal("it has no kernel_shape") }
        var window = try window(call.node, kernel: sides, over: shape)
        guard try call.node.integer("ceil_mode", default: 0) != 0 else { return window }
        // Rounding up means windows that reach over the end: more padding there.
        window.padding.bottom += Self.overhang(
            size: shape.height, before: window.padding.top, after: window.padding.bottom,
            span: (window.kernel.height - 1) * window.dilation.height + 1, stride: window.stride.height)
        window.padding.right += Self.overhang(
            size: shape.width, before: window.padding.left, after: window.padding.right,
            span: (window.kernel.width - 1) * window.dilation.width + 1, stride: window.stride.width)
        return window
    }

    /// What the last window lacks when the output's size is rounded up. A window that would begin behind the map is left out
    /// (ONNX's MaxPool and AveragePool, "ceil_mode").
    private static func overhang(size: Int, before: Int, after: Int, span: Int, stride: Int) -> Int {
        let room = size + before + after - span
        guard room >= 0 else { return 0 }
        var last = (room + stride - 1) / stride * stride
        if last >= size + before { last -= stride }
        return max(0, last - room)
    }

    private func pair(_ node: ONNXNode, _ name: String) throws -> Extent? {
        guard let values = try node.integers(name) else { return nil }
        guard values.count == 2, values.allSatisfy({ (1...Self.sideLimit).contains($0) }) else {
            throw Refusal("its \(name) \(values) is not two numbers from 1 to \(Self.sideLimit)")
        }
        return Extent(height: values[0], width: values[1])
    }

    private func window(_ node: ONNXNode, kernel: Extent, over shape: Shape) throws -> Window {
        let stride = try pair(node, "strides") ?? .one
        let dilation = try pair(node, "dilations") ?? .one
        let pads = try node.integers("pads") ?? [0, 0, 0, 0]
        guard pads.count == 4, pads.allSatisfy({ (0...Self.sideLimit).contains($0) }) else {
            throw Refusal("its pads \(pads) are not four numbers from 0 to \(Self.sideLimit)")
        }
        let same = Padding.same(input: shape, kernel: kernel, stride: stride, dilation: dilation)
        let padding: Padding
        switch try node.text("auto_pad", default: "NOTSET") {
        case "NOTSET": padding = Padding(top: pads[0], left: pads[1], bottom: pads[2], right: pads[3])
        case "VALID": padding = .none
        case "SAME_UPPER": padding = same
        case "SAME_LOWER":
            padding = Padding(top: same.bottom, left: same.right, bottom: same.top, right: same.left)
        case let other: throw Refusal("its auto_pad is '\(other)', which ONNX does not know")
        }
        guard max(padding.top, padding.left, padding.bottom, padding.right) <= Self.sideLimit else {
            throw Refusal("its padding \(padding) is larger than \(Self.sideLimit)")
        }
        return Window(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
    }
}
