/// Convolutions, pools and padding.
///
/// What it does not do: three-dimensional or one-dimensional ones, or convolutions whose weights are computed.
import SwiftletGraph

extension ONNXTranslator {
    mutating func convolution(_ call: ONNXCall) throws -> ONNXMap {
        let map = try call.planes()
        let weight = try call.constant(1, "weight")
        let bias = try call.optionalConstant(2, "bias")
        guard weight.sizes.count == 4, weight.sizes.allSatisfy({ (1...Self.sideLimit).contains($0) }) else {
            throw ONNXRefusal("its weight has the sizes \(weight.sizes), not outputs, inputs, rows and columns")
        }
        let kernel = Extent(height: weight.sizes[2], width: weight.sizes[3])
        if let stated = try call.node.integers("kernel_shape"), stated != [kernel.height, kernel.width] {
            throw ONNXRefusal("its kernel_shape is \(stated) and its weight is of \(kernel)")
        }
        let outputs = weight.sizes[0]
        let groups = try call.node.integer("group", default: 1)
        let (source, around) = unpadded(map.value)
        let channels = graph.shape(of: source).channels
        guard groups > 0, channels % groups == 0, channels / groups == weight.sizes[1] else {
            throw ONNXRefusal(
                "its weight \(weight.sizes) in \(groups) groups is not for \(channels) input channels")
        }
        var window = try window(call.node, kernel: kernel, over: graph.shape(of: map.value))
        window.padding += around
        var parameters = ["weight": Tensor(shape: weight.sizes, values: try weight.floats())]
        if let bias {
            guard bias.count == outputs else {
                throw ONNXRefusal("its bias \(bias.sizes) is not one number for each of \(outputs) outputs")
            }
            parameters["bias"] = Tensor(shape: [outputs], values: try bias.floats())
        }
        let convolution = Convolution(
            outputChannels: outputs, window: window, groups: groups, hasBias: bias != nil)
        return try appendPlanes(.convolution(convolution), call, input: source, parameters: parameters)
    }

    mutating func maxPool(_ call: ONNXCall) throws -> ONNXMap {
        guard !call.node.hasFurtherOutputs else { throw ONNXRefusal("the places of the maxima are not known") }
        let map = try call.planes()
        // Zeros around a map without negative numbers never exceed what the window finds in it.
        let (source, around) = unpadded(map.value)
        let absorbs = around != .none && isNeverNegative(source)
        var window = try poolWindow(call, over: graph.shape(of: map.value))
        if absorbs { window.padding += around }
        try checkTapsInside(window)
        return try appendPlanes(.pool(.max, window), call, input: absorbs ? source : map.value)
    }

    mutating func averagePool(_ call: ONNXCall) throws -> ONNXMap {
        let map = try call.planes()
        let shape = graph.shape(of: map.value)
        let window = try poolWindow(call, over: shape)
        var stated = window.padding
        if try call.node.integer("ceil_mode", default: 0) != 0 {
            stated = try self.window(call.node, kernel: window.kernel, over: shape).padding
        }
        let (source, around) = unpadded(map.value)
        let countsZeros = try call.node.integer("count_include_pad", default: 0) != 0 && stated != .none
        guard countsZeros || around != .none else {
            try checkTapsInside(window)
            let kernel = window.kernel
            let isGlobal = window.padding == .none && (kernel.height, kernel.width) == (shape.height, shape.width)
            return try appendPlanes(
                isGlobal ? .globalAveragePool : .pool(.average, window), call, input: map.value)
        }
        guard stated == window.padding, countsZeros || stated == .none else {
            throw ONNXRefusal(
                "its mean counts zeros around the map and windows that reach beyond them; set ceil_mode to 0")
        }
        var padding = window.padding
        padding += around
        // A mean that counts zeros is a depthwise convolution over them.
        let value = try appendDepthwise(
            call.name, source, kernel: window.kernel, stride: window.stride, padding: padding,
            dilation: window.dilation, tap: 1 / Float(window.kernel.height * window.kernel.width))
        return planes(value)
    }

    mutating func globalPool(_ call: ONNXCall, _ kind: PoolKind) throws -> ONNXMap {
        let map = try call.planes()
        let shape = graph.shape(of: map.value)
        let window = Window(kernel: Extent(height: shape.height, width: shape.width))
        return try appendPlanes(kind == .max ? .pool(.max, window) : .globalAveragePool, call, input: map.value)
    }

    mutating func reduceMean(_ call: ONNXCall) throws -> ONNXMap {
        let map = try call.map()
        let rank = map.layout.rank
        guard let axes = try call.integers(input: 1, attribute: "axes"), !axes.isEmpty else {
            throw ONNXRefusal("it takes the mean over all axes; only that over rows and columns is known")
        }
        let reduced = try axes.map { try wrapped($0, rank: rank) }
        guard Set(reduced).count == reduced.count, map.layout.coversPixels(reduced, of: graph.shape(of: map.value))
        else {
            throw ONNXRefusal(
                "it takes the mean of \(map.layout.sizes) over \(axes); only that over all rows and columns is known")
        }
        let layout = map.layout.reducing(reduced, kept: try call.node.integer("keepdims", default: 1) != 0)
        let value = try append(.globalAveragePool, name: call.name, input: map.value)
        return ONNXMap(value: value, layout: layout)
    }

    mutating func pad(_ call: ONNXCall) throws -> ONNXMap {
        let map = try call.planes()
        guard try call.node.text("mode", default: "constant") == "constant" else {
            throw ONNXRefusal("only padding with zeros is known, not mode '\(try call.node.text("mode", default: ""))'")
        }
        let value = try call.optionalConstant(2, "value")?.floats().first ?? call.node.float("value", default: 0)
        guard value == 0 else { throw ONNXRefusal("it pads with \(value); only zeros are known") }
        let pads = try call.integers(input: 1, attribute: "pads") ?? []
        let axes = try call.optionalConstant(3, "axes")?.integers().map { try wrapped($0, rank: 4) } ?? Array(0..<4)
        guard pads.count == 2 * axes.count, Set(axes).count == axes.count,
            pads.allSatisfy({ (0...Self.sideLimit).contains($0) })
        else { throw ONNXRefusal("its pads \(pads) are not two numbers from 0 up for each of the axes \(axes)") }
        var before = [0, 0, 0, 0]
        var after = before
        for (index, axis) in axes.enumerated() {
            before[axis] = pads[index]
            after[axis] = pads[axes.count + index]
        }
        guard before[0] == 0, after[0] == 0 else { throw ONNXRefusal("it pads the batch") }
        var result = map.value
        if before[1] + after[1] > 0 {
            result = try appendChannels(call.name, result, before: before[1], after: after[1])
        }
        let padding = Padding(top: before[2], left: before[3], bottom: after[2], right: after[3])
        if padding != .none {
            let (source, around) = unpadded(result)
            var total = padding
            total += around
            let name = result == map.value ? call.name : "\(call.name).around"
            result = try appendDepthwise(name, source, kernel: .one, padding: total, tap: 1)
            padded[result] = (source, total)
        }
        return planes(result)
    }
}

/// What these operators share.
extension ONNXTranslator {
    private func planes(_ value: ValueID) -> ONNXMap { ONNXMap(value: value, layout: .nchw(graph.shape(of: value))) }

    private mutating func appendPlanes(
        _ operation: Operator, _ call: ONNXCall, input: ValueID, parameters: [String: Tensor] = [:]
    ) throws -> ONNXMap {
        let value = try append(operation, name: call.name, input: input, parameters: parameters)
        return planes(value)
    }

    /// The map inside of zeros that a pad has put around `value`.
    private func unpadded(_ value: ValueID) -> (source: ValueID, padding: Padding) { padded[value] ?? (value, .none) }

    func isNeverNegative(_ value: ValueID) -> Bool {
        switch graph.producer(of: value).map({ graph.nodes[$0].operation }) {
        case .activation(.relu), .activation(.relu6), .activation(.sigmoid): true
        default: false
        }
    }

    /// A convolution channel by channel, with the same number at one or all taps.
    ///
    /// - Parameter place: the tap that is not zero; all of them if nil.
    mutating func appendDepthwise(
        _ name: String, _ input: ValueID, kernel: Extent, stride: Extent = .one, padding: Padding = .none,
        dilation: Extent = .one, tap: Float, at place: (row: Int, column: Int)? = nil
    ) throws -> ValueID {
        let channels = graph.shape(of: input).channels
        let sizes = [channels, 1, kernel.height, kernel.width]
        guard let count = ONNXTensor.elementCount(sizes, limit: Self.constantLimit) else {
            throw ONNXRefusal("its window of \(kernel) over \(channels) channels is too large")
        }
        var values = Array(repeating: place == nil ? tap : 0, count: count)
        if let place {
            for channel in 0..<channels {
                values[(channel * kernel.height + place.row) * kernel.width + place.column] = tap
            }
        }
        let window = Window(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
        return try append(
            .convolution(Convolution(outputChannels: channels, window: window, groups: channels)), name: name,
            input: input, parameters: ["weight": Tensor(shape: sizes, values: values)])
    }

    /// Channels of zeros on both sides: a 1x1 convolution with an identity matrix, which steps as its input does.
    private mutating func appendChannels(
        _ name: String, _ input: ValueID, before: Int, after: Int
    ) throws -> ValueID {
        let inputs = graph.shape(of: input).channels
        let outputs = before + inputs + after
        guard let count = ONNXTensor.elementCount([outputs, inputs], limit: Self.constantLimit) else {
            throw ONNXRefusal("it makes \(outputs) channels, which are too many")
        }
        var values = [Float](repeating: 0, count: count)
        for channel in 0..<inputs { values[(before + channel) * inputs + channel] = 1 }
        let (source, stride) = strided[input] ?? (input, .one)
        let window = Window(kernel: .one, stride: stride)
        return try append(
            .convolution(Convolution(outputChannels: outputs, window: window)), name: name, input: source,
            parameters: ["weight": Tensor(shape: [outputs, inputs, 1, 1], values: values)])
    }

    /// Windows that see nothing but padding have no maximum and no mean.
    private func checkTapsInside(_ window: Window) throws {
        let padding = window.padding
        let spans = (
            (window.kernel.height - 1) * window.dilation.height + 1,
            (window.kernel.width - 1) * window.dilation.width + 1
        )
        guard max(padding.top, padding.bottom) < spans.0, max(padding.left, padding.right) < spans.1 else {
            throw ONNXRefusal("its padding \(padding) is not smaller than its kernel \(window.kernel)")
        }
    }

    private func poolWindow(_ call: ONNXCall, over shape: Shape) throws -> Window {
        guard let sides = try pair(call.node, "kernel_shape") else { throw ONNXRefusal("it has no kernel_shape") }
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
            throw ONNXRefusal("its \(name) \(values) is not two numbers from 1 to \(Self.sideLimit)")
        }
        return Extent(height: values[0], width: values[1])
    }

    private func window(_ node: ONNXNode, kernel: Extent, over shape: Shape) throws -> Window {
        let stride = try pair(node, "strides") ?? .one
        let dilation = try pair(node, "dilations") ?? .one
        let pads = try node.integers("pads") ?? [0, 0, 0, 0]
        guard pads.count == 4, pads.allSatisfy({ (0...Self.sideLimit).contains($0) }) else {
            throw ONNXRefusal("its pads \(pads) are not four numbers from 0 to \(Self.sideLimit)")
        }
        let same = Padding.same(input: shape, kernel: kernel, stride: stride, dilation: dilation)
        let padding: Padding
        switch try node.text("auto_pad", default: "NOTSET") {
        case "NOTSET": padding = Padding(top: pads[0], left: pads[1], bottom: pads[2], right: pads[3])
        case "VALID": padding = .none
        case "SAME_UPPER": padding = same
        case "SAME_LOWER":
            padding = Padding(top: same.bottom, left: same.right, bottom: same.top, right: same.left)
        case let other: throw ONNXRefusal("its auto_pad is '\(other)', which ONNX does not know")
        }
        guard max(padding.top, padding.left, padding.bottom, padding.right) <= Self.sideLimit else {
            throw ONNXRefusal("its padding \(padding) is larger than \(Self.sideLimit)")
        }
        return Window(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
    }
}

extension Padding {
    fileprivate static func += (sum: inout Padding, other: Padding) {
        sum.top += other.top
        sum.left += other.left
        sum.bottom += other.bottom
        sum.right += other.right
    }
}
