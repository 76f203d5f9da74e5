/// What moves numbers without computing: joins, cuts, and orders of channels that reshapes and transposes leave behind.
///
/// What it does not do: make maps larger; `GraphBuilding+Pixels` does.
import SwiftletGraph

/// The part of one axis that a slice keeps.
struct AxisRange {
    var axis: Int
    var start: Int
    var step: Int
    var count: Int

    var indices: [Int] { (0..<count).map { start + $0 * step } }

    func isEverything(of size: Int) -> Bool { start == 0 && step == 1 && count == size }

    /// Whether it is from the first on, as often as steps fit.
    func isSteps(of size: Int) -> Bool { start == 0 && step > 0 && (count - 1) * step < size && count * step >= size }
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
        guard maps.allSatisfy({ $0.layout.rank == first.rank && $0.layout.axis(of: dimension) != nil }),
            first.rank < 4 || maps.allSatisfy(\.layout.isNCHW) || maps.allSatisfy(\.layout.isNHWC)
        else {
            throw Refusal(
                "it joins \(maps.map(\.layout.sizes)) along axis \(axis); known is joining rows, columns or channels")
        }
        guard first.axis(of: dimension) == .channel else {
            let along: JoinAxis = first.axis(of: dimension) == .row ? .rows : .columns
            var joined = maps[0].value
            for (index, map) in maps.enumerated().dropFirst() {
                let name = index == maps.count - 1 ? name : "\(name).\(index)"
                joined = try append(.join(along), name: name, inputs: [joined, map.value])[0]
            }
            return spatial(joined, like: first)
        }
        let value = try append(.concat, name: name, inputs: maps.map(\.value))[0]
        return LaidOutMap(value: value, layout: first.replacing(dimension, with: .channel, of: graph.shape(of: value)))
    }

    /// The dimension that `axis` is, which must be that of the channels.
    func channelDimension(_ map: LaidOutMap, axis: Int) throws -> Int {
        let dimension = try wrapped(axis, rank: map.layout.rank)
        guard map.layout.axis(of: dimension) == .channel else {
            throw Refusal("it takes \(map.layout.sizes) apart along axis \(axis); known is along the channels")
        }
        return dimension
    }

    /// - Parameters:
    ///   - counts: rows, columns or channels of each part.
    ///   - axis: counted from the end if below zero.
    mutating func appendSplit(
        _ name: String, _ map: LaidOutMap, counts: [Int], axis: Int
    ) throws -> [LaidOutMap] {
        let dimension = try wrapped(axis, rank: map.layout.rank)
        guard map.layout.axis(of: dimension) != .channel else {
            return try append(.split(counts), name: name, inputs: [map.value]).map {
                LaidOutMap(value: $0, layout: map.layout.replacing(dimension, with: .channel, of: graph.shape(of: $0)))
            }
        }
        var start = 0
        return try counts.enumerated().map { part, count in
            defer { start += count }
            return try appendSlice(
                "\(name).\(part)", map, [AxisRange(axis: dimension, start: start, step: 1, count: count)])
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
        let shape = graph.shape(of: map.value)
        var (rows, columns) = (
            AxisRange(axis: 0, start: 0, step: 1, count: shape.height),
            AxisRange(axis: 0, start: 0, step: 1, count: shape.width)
        )
        for range in ranges {
            if range.isEverything(of: map.layout.sizes[range.axis]) { continue }
            guard let axis = map.layout.axis(of: range.axis), range.count > 0 else {
                throw Refusal("it cuts axis \(range.axis) of \(map.layout.sizes), which is not known")
            }
            switch axis {
            case .channel:
                map = try appendChannelIndex("\(name).channels", map, range.indices, dimension: range.axis)
            case .row: rows = range
            case .column: columns = range
            }
        }
        guard !rows.isEverything(of: shape.height) || !columns.isEverything(of: shape.width) else { return map }
        let value = try cut(map.value, rows: rows, columns: columns, name: name)
        return spatial(value, like: map.layout)
    }

    private mutating func cut(
        _ value: ValueID, rows: AxisRange, columns: AxisRange, name: String
    ) throws -> ValueID {
        let shape = graph.shape(of: value)
        guard rows.isSteps(of: shape.height), columns.isSteps(of: shape.width) else {
            return try append(
                .pixelIndex(PixelIndex(rows: rows.indices, columns: columns.indices)), name: name, input: value)
        }
        // A pool of one tap, whose steps a convolution behind it may take.
        let (source, before) = notes.strided[value] ?? (value, .one)
        let stride = Extent(
            height: before.height * min(rows.step, shape.height), width: before.width * min(columns.step, shape.width))
        let result = try append(.pool(.max, Window(kernel: .one, stride: stride)), name: name, input: source)
        notes.strided[result] = (source, stride)
        return result
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
