/// What moves numbers without computing: joins, cuts, and orders of channels that reshapes and transposes leave behind.
///
/// What it does not do: join along rows and columns.
import SwiftletGraph

/// The part of one axis that a slice keeps.
struct AxisRange {
    var axis: Int
    var start: Int
    var step: Int
    var count: Int

    var indices: [Int] { (0..<count).map { start + $0 * step } }

    func isEverything(of size: Int) -> Bool { start == 0 && step == 1 && count == size }
}

extension GraphBuilding {
    /// - Parameter axis: counted from the end if below zero.
    mutating func appendConcat(_ name: String, _ maps: [LaidOutMap], axis: Int) throws -> LaidOutMap {
        var maps = maps
        for index in maps.indices where maps[index].layout.isVector {
            maps[index] = try flattened(maps[index], name: "\(name).\(index)")
        }
        let first = maps[0].layout
        let dimension = try wrapped(axis, rank: first.rank)
        let isOneOrder = maps.allSatisfy {
            $0.layout.rank == first.rank && $0.layout.channelDimension == dimension
                && (first.rank != 4 || $0.layout.isNCHW || $0.layout.isNHWC)
        }
        guard isOneOrder else {
            throw Refusal(
                "it joins \(maps.map(\.layout.sizes)) along axis \(axis); known is joining along the channels")
        }
        let value = try append(.concat, name: name, inputs: maps.map(\.value))[0]
        return LaidOutMap(value: value, layout: first.replacing(dimension, with: .channel, of: graph.shape(of: value)))
    }

    /// The dimension that `axis` is, which must be that of the channels.
    func channelDimension(_ map: LaidOutMap, axis: Int) throws -> Int {
        let dimension = try wrapped(axis, rank: map.layout.rank)
        guard map.layout.axis(of: dimension) == .channel else {
            throw Refusal("it cuts \(map.layout.sizes) along axis \(axis); known is cutting along the channels")
        }
        return dimension
    }

    /// - Parameters:
    ///   - counts: channels of each part.
    ///   - dimension: that of the channels.
    mutating func appendSplit(
        _ name: String, _ map: LaidOutMap, counts: [Int], dimension: Int
    ) throws -> [LaidOutMap] {
        try append(.split(counts), name: name, inputs: [map.value]).map {
            LaidOutMap(value: $0, layout: map.layout.replacing(dimension, with: .channel, of: graph.shape(of: $0)))
        }
    }

    mutating func appendChannelIndex(
        _ name: String, _ map: LaidOutMap, _ indices: [Int], dimension: Int
    ) throws -> LaidOutMap {
        let value = try append(.channelIndex(indices), name: name, input: map.value)
        return LaidOutMap(
            value: value, layout: map.layout.replacing(dimension, with: .channel, of: graph.shape(of: value)))
    }

    mutating func appendSlice(_ name: String, _ map: LaidOutMap, _ ranges: [AxisRange]) throws -> LaidOutMap {
        var map = map
        if map.layout.isVector { map = try flattened(map, name: name) }
        var window = (kernel: Extent.one, stride: Extent.one, start: (row: 0, column: 0))
        for range in ranges {
            let size = map.layout.sizes[range.axis]
            if range.isEverything(of: size) { continue }
            guard let axis = map.layout.axis(of: range.axis), range.count > 0, axis == .channel || range.step > 0 else {
                throw Refusal("it cuts axis \(range.axis) of \(map.layout.sizes), which is not known")
            }
            // The smallest window that ends at the first kept row and fits as often as rows are kept.
            let step = min(range.step, size)
            let kernel = max(range.start + 1, size - range.count * step + 1)
            switch axis {
            case .channel:
                map = try appendChannelIndex("\(name).channels", map, range.indices, dimension: range.axis)
            case .row:
                (window.kernel.height, window.stride.height, window.start.row) = (kernel, step, range.start)
            case .column:
                (window.kernel.width, window.stride.width, window.start.column) = (kernel, step, range.start)
            }
        }
        guard window.kernel != .one || window.stride != .one else { return map }
        return try cut(map, window, name: name)
    }

    /// Rows and columns at steps: a window that passes one of its taps on.
    private mutating func cut(
        _ map: LaidOutMap, _ window: (kernel: Extent, stride: Extent, start: (row: Int, column: Int)), name: String
    ) throws -> LaidOutMap {
        let value: ValueID
        if window.kernel == .one {
            let (source, before) = notes.strided[map.value] ?? (map.value, .one)
            let stride = Extent(
                height: before.height * window.stride.height, width: before.width * window.stride.width)
            value = try append(.pool(.max, Window(kernel: .one, stride: stride)), name: name, input: source)
            notes.strided[value] = (source, stride)
        } else {
            value = try appendDepthwise(
                name, map.value, kernel: window.kernel, stride: window.stride, tap: 1, at: window.start)
        }
        return spatial(value, like: map.layout)
    }

    /// - Parameter sizes: hold as many elements as the map.
    mutating func reshaped(_ map: LaidOutMap, _ sizes: [Int], name: String) throws -> LaidOutMap {
        func seen(_ map: LaidOutMap, as sizes: [Int]) -> LaidOutMap? {
            map.layout.reshaped(sizes).map {
                LaidOutMap(value: map.value, layout: $0, isProbability: map.isProbability)
            }
        }
        if let result = seen(map, as: sizes) { return try settled(result, name: name) }
        // Channels in a new order, which the other sizes cut elsewhere, come in that order first.
        let shape = graph.shape(of: map.value)
        for whole in [
            [1, shape.height, shape.width, shape.channels], [1, shape.channels, shape.height, shape.width],
        ] {
            guard let joined = seen(map, as: whole), joined.layout.permutedChannels != nil else { continue }
            let inOrder = try settled(joined, name: "\(name).order")
            if let result = seen(inOrder, as: sizes) { return try settled(result, name: name) }
        }
        throw Refusal("it makes \(sizes) of \(map.layout.sizes), which takes the picture apart")
    }

    /// - Parameter order: a permutation of the dimensions.
    mutating func transposed(_ map: LaidOutMap, _ order: [Int], name: String) throws -> LaidOutMap {
        let layout = map.layout.transposed(order)
        return try settled(LaidOutMap(value: map.value, layout: layout, isProbability: map.isProbability), name: name)
    }

    /// Where reshapes and transposes have left all channels in one dimension in a new order, that order becomes a node.
    private mutating func settled(_ map: LaidOutMap, name: String) throws -> LaidOutMap {
        guard let (dimension, order) = map.layout.permutedChannels else { return map }
        // A shuffle puts channel 0 of the second group next to channel 0 of the first.
        let perGroup = order[1]
        let groups = perGroup > 0 ? order.count / perGroup : 0
        let isShuffle =
            groups > 1 && groups * perGroup == order.count
            && order.indices.allSatisfy { order[$0] == $0 % groups * perGroup + $0 / groups }
        let value = try append(
            isShuffle ? .channelShuffle(groups: groups) : .channelIndex(order), name: name, input: map.value)
        return LaidOutMap(
            value: value, layout: map.layout.replacing(dimension, with: .channel, of: graph.shape(of: value)),
            isProbability: map.isProbability)
    }

    /// Left out: the runtime gives the scores before it. What reads it must be the network's output.
    ///
    /// - Parameters:
    ///   - count: elements that it runs over together.
    ///   - axis: where it begins.
    func probabilities(_ map: LaidOutMap, over count: Int, axis: Int) throws -> LaidOutMap {
        guard count == map.layout.elementCount else {
            throw Refusal(
                "it runs over axis \(axis) of \(map.layout.sizes), not over all that a picture has; cut it off")
        }
        var map = map
        map.isProbability = true
        return map
    }
}

/// A dimension, which may be counted from the end.
func wrapped(_ axis: Int, rank: Int) throws -> Int {
    guard axis >= -rank, axis < rank else { throw Refusal("axis \(axis) of a tensor of \(rank) dimensions") }
    return axis < 0 ? axis + rank : axis
}
