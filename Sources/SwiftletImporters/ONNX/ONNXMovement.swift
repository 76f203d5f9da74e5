/// What moves numbers without computing: concat, split, slice, gather, reshapes, transposes; and what does nothing.
///
/// What it does not do: join or cut along rows and columns, except for a slice of them.
import SwiftletGraph

extension ONNXTranslator {
    mutating func concat(_ call: ONNXCall) throws -> ONNXMap {
        var maps = try call.inputs.indices.map { try call.map($0) }
        for index in maps.indices where maps[index].layout.isVector {
            maps[index] = try flattened(maps[index], name: "\(call.name).\(index)")
        }
        let first = maps[0].layout
        guard case .integer(let axis) = call.node.attributes["axis"] else { throw ONNXRefusal("it has no axis") }
        let dimension = try wrapped(axis, rank: first.rank)
        let isOneOrder = maps.allSatisfy {
            $0.layout.rank == first.rank && $0.layout.channelDimension == dimension
                && (first.rank != 4 || $0.layout.isNCHW || $0.layout.isNHWC)
        }
        guard isOneOrder else {
            throw ONNXRefusal(
                "it joins \(maps.map(\.layout.sizes)) along axis \(axis); known is joining along the channels")
        }
        let value = try append(.concat, name: call.name, inputs: maps.map(\.value))[0]
        return ONNXMap(value: value, layout: first.replacing(dimension, with: .channel, of: graph.shape(of: value)))
    }

    mutating func split(_ call: ONNXCall) throws -> [ONNXOperand] {
        let (map, dimension) = try alongChannels(call, axis: try call.node.integer("axis", default: 0))
        let channels = graph.shape(of: map.value).channels
        let parts = call.node.outputs.count
        guard parts > 0 else { throw ONNXRefusal("it has no outputs") }
        // Without counts: equal parts, the last one smaller.
        let part = (channels + parts - 1) / parts
        let counts =
            try call.integers(input: 1, attribute: "split")
            ?? (0..<parts).map { min(part, channels - $0 * part) }
        guard counts.count == parts, counts.allSatisfy({ (1...channels).contains($0) }) else {
            throw ONNXRefusal("its parts \(counts) of \(channels) channels are not one for each of \(parts) outputs")
        }
        return try append(.split(counts), name: call.name, inputs: [map.value]).map {
            .map(ONNXMap(value: $0, layout: map.layout.replacing(dimension, with: .channel, of: graph.shape(of: $0))))
        }
    }

    mutating func gather(_ call: ONNXCall) throws -> ONNXMap {
        let (map, dimension) = try alongChannels(call, axis: try call.node.integer("axis", default: 0))
        let indices = try call.constant(1, "indices")
        guard indices.sizes.count == 1, indices.count > 0 else {
            throw ONNXRefusal("its indices \(indices.sizes) are no list")
        }
        let channels = graph.shape(of: map.value).channels
        let chosen = try indices.integers().map { $0 < 0 && $0 >= -channels ? $0 + channels : $0 }
        return try chosenChannels(chosen, of: map, dimension, name: call.name)
    }

    mutating func slice(_ call: ONNXCall) throws -> ONNXMap {
        var map = try call.map()
        if map.layout.isVector { map = try flattened(map, name: call.name) }
        var window = (kernel: Extent.one, stride: Extent.one, start: (row: 0, column: 0))
        for range in try ONNXSlice.ranges(call, sizes: map.layout.sizes) {
            let size = map.layout.sizes[range.axis]
            if range.isEverything(of: size) { continue }
            guard let axis = map.layout.axis(of: range.axis), range.count > 0, axis == .channel || range.step > 0 else {
                throw ONNXRefusal("it cuts axis \(range.axis) of \(map.layout.sizes), which is not known")
            }
            // The smallest window that ends at the first kept row and fits as often as rows are kept.
            let step = min(range.step, size)
            let kernel = max(range.start + 1, size - range.count * step + 1)
            switch axis {
            case .channel:
                map = try chosenChannels(
                    range.indices, of: map, range.axis, name: "\(call.name).channels")
            case .row:
                (window.kernel.height, window.stride.height, window.start.row) = (kernel, step, range.start)
            case .column:
                (window.kernel.width, window.stride.width, window.start.column) = (kernel, step, range.start)
            }
        }
        guard window.kernel != .one || window.stride != .one else { return map }
        return try cut(map, window, name: call.name)
    }

    /// Rows and columns at steps: a window that passes one of its taps on.
    private mutating func cut(
        _ map: ONNXMap, _ window: (kernel: Extent, stride: Extent, start: (row: Int, column: Int)), name: String
    ) throws -> ONNXMap {
        let value: ValueID
        if window.kernel == .one {
            let (source, before) = strided[map.value] ?? (map.value, .one)
            let stride = Extent(
                height: before.height * window.stride.height, width: before.width * window.stride.width)
            value = try append(.pool(.max, Window(kernel: .one, stride: stride)), name: name, input: source)
            strided[value] = (source, stride)
        } else {
            value = try appendDepthwise(
                name, map.value, kernel: window.kernel, stride: window.stride, tap: 1, at: window.start)
        }
        let shape = graph.shape(of: value)
        return ONNXMap(value: value, layout: map.layout.isNCHW ? .nchw(shape) : .nhwc(shape))
    }

    private func alongChannels(_ call: ONNXCall, axis: Int) throws -> (map: ONNXMap, dimension: Int) {
        let map = try call.map()
        let dimension = try wrapped(axis, rank: map.layout.rank)
        guard map.layout.axis(of: dimension) == .channel else {
            throw ONNXRefusal("it cuts \(map.layout.sizes) along axis \(axis); known is cutting along the channels")
        }
        return (map, dimension)
    }

    private mutating func chosenChannels(
        _ indices: [Int], of map: ONNXMap, _ dimension: Int, name: String
    ) throws -> ONNXMap {
        let value = try append(.channelIndex(indices), name: name, input: map.value)
        return ONNXMap(
            value: value, layout: map.layout.replacing(dimension, with: .channel, of: graph.shape(of: value)))
    }

    mutating func reshape(_ operation: ONNXOperator, _ call: ONNXCall) throws -> ONNXMap {
        let map = try call.anyMap()
        let sizes = try ONNXSizes.after(operation, call, map.layout.sizes)
        guard let layout = map.layout.reshaped(sizes) else {
            throw ONNXRefusal("it makes \(sizes) of \(map.layout.sizes), which takes the picture apart")
        }
        return try settled(ONNXMap(value: map.value, layout: layout, isProbability: map.isProbability), name: call.name)
    }

    mutating func transpose(_ call: ONNXCall) throws -> ONNXMap {
        let map = try call.anyMap()
        let order = try ONNXSizes.order(call, rank: map.layout.rank)
        return try settled(
            ONNXMap(value: map.value, layout: map.layout.transposed(order), isProbability: map.isProbability),
            name: call.name)
    }

    /// Where reshapes and transposes have left all channels in one dimension in a new order, that order becomes a node.
    private mutating func settled(_ map: ONNXMap, name: String) throws -> ONNXMap {
        guard let (dimension, order) = map.layout.permutedChannels else { return map }
        // A shuffle puts channel 0 of the second group next to channel 0 of the first.
        let perGroup = order[1]
        let groups = perGroup > 0 ? order.count / perGroup : 0
        let isShuffle =
            groups > 1 && groups * perGroup == order.count
            && order.indices.allSatisfy { order[$0] == $0 % groups * perGroup + $0 / groups }
        let value = try append(
            isShuffle ? .channelShuffle(groups: groups) : .channelIndex(order), name: name, input: map.value)
        return ONNXMap(
            value: value, layout: map.layout.replacing(dimension, with: .channel, of: graph.shape(of: value)),
            isProbability: map.isProbability)
    }

    func cast(_ call: ONNXCall) throws -> ONNXMap {
        guard ONNXSizes.isFloat(try call.node.integer("to", default: 0)) else {
            throw ONNXRefusal("it makes integers of what comes from the picture; cut the network before it")
        }
        return try call.anyMap()
    }

    func dropout(_ call: ONNXCall) throws -> ONNXMap {
        if let isTraining = try call.optionalConstant(2, "training_mode"), try isTraining.integers() != [0] {
            throw ONNXRefusal("it is in training mode; export the network in evaluation mode")
        }
        return try call.anyMap()
    }

    /// Left out: the runtime gives the scores before it. What reads it must be the network's output.
    func softmax(_ call: ONNXCall) throws -> ONNXMap {
        var map = try call.map()
        let axis = try wrapped(call.node.integer("axis", default: call.opset < 13 ? 1 : -1), rank: map.layout.rank)
        // Before opset 13 it runs over all dimensions from the axis on.
        let sizes = map.layout.sizes
        let covered = call.opset < 13 ? sizes[axis...].reduce(1, *) : sizes[axis]
        guard covered == map.layout.elementCount else {
            throw ONNXRefusal("it runs over axis \(axis) of \(sizes), not over all that a picture has; cut it off")
        }
        map.isProbability = true
        return map
    }

    func shape(_ call: ONNXCall) throws -> ONNXTensor {
        try ONNXSizes.shape(call, of: try call.anyMap().layout.sizes)
    }
}
