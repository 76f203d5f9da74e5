/// Operators that move values and compute nothing: views, shuffles, slices, pads, resizes, concatenations.
///
/// What it does not do: transposes other than a channel shuffle's; they would need the whole tensor.
import SwiftletConverter
import SwiftletFormat
import SwiftletGraph

extension TFLiteTranslator {
    mutating func translateMovement() throws {
        switch current.name {
        case "RESHAPE", "SQUEEZE", "EXPAND_DIMS": try reshape()
        case "TRANSPOSE": try transpose()
        case "CONCATENATION": try concatenate()
        case "SPLIT": try split()
        case "SLICE", "STRIDED_SLICE": try slice()
        case "PAD", "PADV2", "MIRROR_PAD": try pad()
        case "RESIZE_NEAREST_NEIGHBOR": try resizeNearest()
        case "RESIZE_BILINEAR": try resizeBilinear()
        default: throw TFLiteError.unsupportedOperator(index: index, name: current.name)
        }
    }

    /// A reshape is a view where the map stays as it is, where a flatten feeds a fully connected layer or the output, and where
    /// the channels become a grid or come back from one.
    private mutating func reshape() throws {
        let source = try shape(0)
        let target = output.shape
        if target.count == 5, let outer = target.dropLast().last, let inner = target.last {
            guard outer * inner == source.channels, target[1] == source.height, target[2] == source.width else {
                throw unsupported("only channels can be split in two")
            }
            channelGrid[current.outputs[0]] = (outer, inner)
            return try alias()
        }
        let isGrid = channelGrid[current.inputs[0]] != nil
        let isFlatten = output.map.channels == source.elementCount
        let isColumn = output.map.channels == source.channels && output.map.width == 1 && source.width == 1
        guard isGrid || isFlatten || isColumn || output.map == source else {
            throw unsupported("\(source) cannot be seen as \(target) without moving values")
        }
        try alias()
    }

    /// With channels as a grid: rows and columns of the grid change places, which is ShuffleNet's shuffle.
    private mutating func transpose() throws {
        let order = current.list("perm") ?? []
        if order == Array(order.indices) { return try alias() }
        guard let grid = channelGrid[current.inputs[0]], order == [0, 1, 2, 4, 3] else {
            throw TFLiteError.unsupportedOperator(index: index, name: current.name)
        }
        let channels = (0..<grid.outer * grid.inner).map { $0 % grid.outer * grid.inner + $0 / grid.outer }
        try emit(.selectChannels(channels), shape: try shape(0))
        channelGrid[current.outputs[0]] = (grid.inner, grid.outer)
    }

    /// Which of (rows, columns, channels) a dimension is in the map of a tensor; nil for the batch.
    private func axis(_ dimension: Int, rank: Int) -> Int? {
        guard 0..<rank ~= dimension else { return nil }
        return switch rank {
        case 1: 2
        case 2: dimension == 0 ? 0 : 2
        default: dimension < rank - 3 ? nil : dimension - (rank - 3)
        }
    }

    /// A value for each of (rows, columns, channels), given one for each dimension; all pictures must be treated alike.
    private func byAxis<Value: Equatable>(_ values: [Value], rank: Int, neutral: Value) throws -> [Value] {
        guard values.count == rank else { throw unsupported("\(values.count) entries for \(rank) dimensions") }
        var result = [neutral, neutral, neutral]
        for (dimension, value) in values.enumerated() {
            if let axis = axis(dimension, rank: rank) {
                result[axis] = value
            } else if value != neutral {
                throw unsupported("it does not treat all pictures alike")
            }
        }
        return result
    }

    private mutating func concatenate() throws {
        let inputs = try current.inputs.map { try value($0) }
        guard activation == .none else { throw unsupported("a concatenation with an activation") }
        let isOneScale = try current.inputs.indices.allSatisfy { try quantization($0) == output.quantization }
        guard isOneScale || !output.isUnsigned else { throw unsupported("it joins maps of uint8 of several scales") }
        let rank = output.shape.count
        var dimension = current.integer("axis", default: rank - 1)
        if dimension < 0 { dimension += rank }
        switch axis(dimension, rank: rank) {
        case 0: try emit(.concatenateRows, inputs: inputs)
        case 1: try emit(.concatenateColumns, inputs: inputs)
        case 2: try emit(.concatenateChannels, inputs: inputs)
        default: throw unsupported("pictures cannot be joined")
        }
    }

    private mutating func split() throws {
        let source = current.inputs[1]
        let map = values[try value(source)].shape
        let rank = graph.tensors[source].shape.count
        let sizes = [map.height, map.width, map.channels]
        guard let axis = axis(current.integer("axis", default: rank - 1), rank: rank),
            sizes[axis] % current.outputs.count == 0
        else { throw unsupported("it does not split rows, columns or channels evenly") }
        let size = sizes[axis] / current.outputs.count
        for place in current.outputs.indices {
            var kept = sizes.map { Array(0..<$0) }
            kept[axis] = Array(kept[axis][(place * size)..<((place + 1) * size)])
            try keep(kept, of: map, source: source, output: place)
        }
    }

    private mutating func slice() throws {
        let map = try shape(0)
        let dimensions = try tensor(0).shape
        guard let begin = current.list("begin"), begin.count == dimensions.count else {
            throw unsupported("it needs a beginning for each of \(dimensions.count) dimensions")
        }
        let strides = current.list("strides") ?? Array(repeating: 1, count: dimensions.count)
        let sizes = current.list("size")
        guard strides.count == begin.count, sizes.map({ $0.count == begin.count }) != false,
            current.list("end").map({ $0.count == begin.count }) != false
        else { throw unsupported("its beginnings, ends and sizes are not of one number") }
        var kept: [[Int]] = []
        for (dimension, first) in begin.enumerated() {
            // A size of -1 means all that is left.
            let whole = dimensions[dimension]
            guard 0..<whole ~= first else { throw unsupported("it begins at \(first) of \(whole)") }
            let size = sizes.map { $0[dimension] < 0 ? whole - first : min($0[dimension], whole + 1) }
            guard let end = current.list("end")?[dimension] ?? size.map({ first + $0 }), strides[dimension] != 0 else {
                throw unsupported("it has neither ends nor sizes, or a stride of zero")
            }
            guard -1...whole ~= end else { throw unsupported("\(first) to \(end) is not in 0..<\(whole)") }
            // A longer step than the map ends it as well.
            let step = max(-whole, min(strides[dimension], whole))
            let indices = Array(stride(from: first, to: end, by: step))
            guard !indices.isEmpty else { throw unsupported("\(first) to \(end) is nothing") }
            let isAll = indices == Array(0..<dimensions[dimension])
            kept.append(isAll ? [] : indices)
        }
        let axes = try byAxis(kept, rank: dimensions.count, neutral: [])
        let all = [map.height, map.width, map.channels]
        try keep(
            (0..<3).map { axes[$0].isEmpty ? Array(0..<all[$0]) : axes[$0] }, of: map, source: current.inputs[0],
            output: 0)
    }

    /// Keeps rows, columns and channels; channels alone cost nothing.
    private mutating func keep(_ kept: [[Int]], of map: Shape, source: Int, output: Int) throws {
        let inputs = [try value(source)]
        let shape = Shape(height: kept[0].count, width: kept[1].count, channels: kept[2].count)
        let keepsChannels = kept[2] == Array(0..<map.channels)
        if kept[0] == Array(0..<map.height), kept[1] == Array(0..<map.width) {
            return try emit(.selectChannels(kept[2]), inputs: inputs, shape: shape, output: output)
        }
        try emit(
            .rearrange(
                Rearrangement(rows: kept[0], columns: kept[1], channels: keepsChannels ? nil : kept[2])),
            inputs: inputs, shape: shape, output: output)
    }

    private mutating func pad() throws {
        let map = try shape(0)
        guard case .pairs(let given)? = current.options["paddings"],
            given.allSatisfy({ $0.count == 2 && $0.allSatisfy { 0...65_535 ~= $0 } })
        else { throw unsupported("it must pad by constants of 0 to 65535") }
        let pads = try byAxis(given, rank: try tensor(0).shape.count, neutral: [0, 0])
        let sizes = [map.height, map.width, map.channels]
        let mode = current.text("mode")
        let sources: [[Int?]] = try (0..<3).map { axis in
            let (before, after) = (pads[axis][0], pads[axis][1])
            guard current.name == "MIRROR_PAD" else {
                return Array(repeating: nil, count: before) + (0..<sizes[axis]).map { $0 }
                    + Array(repeating: nil, count: after)
            }
            guard max(before, after) <= sizes[axis] - (mode == "SYMMETRIC" ? 0 : 1) else {
                throw unsupported("\(max(before, after)) mirrored of \(sizes[axis])")
            }
            return Rearrangement.mirrored(
                count: sizes[axis], before: before, after: after, repeatsEdge: mode == "SYMMETRIC")
        }
        let fill = current.integer("pad_value", default: Int(try quantization(0).zeroPoint))
        let shape = Shape(height: sources[0].count, width: sources[1].count, channels: sources[2].count)
        try emit(
            .rearrange(
                Rearrangement(
                    rows: sources[0], columns: sources[1],
                    channels: pads[2] == [0, 0] ? nil : sources[2], fill: Int8(clamping: fill))),
            shape: shape)
    }

    private var resizeOptions: (alignCorners: Bool, halfPixelCenters: Bool) {
        (current.integer("align_corners", default: 0) != 0, current.integer("half_pixel_centers", default: 0) != 0)
    }

    private mutating func resizeNearest() throws {
        let (input, output, options) = (try shape(0), output.map, resizeOptions)
        func sources(_ size: Int, _ count: Int) -> [Int?] {
            Rearrangement.nearest(
                input: size, output: count, alignCorners: options.alignCorners,
                halfPixelCenters: options.halfPixelCenters)
        }
        try emit(
            .rearrange(
                Rearrangement(
                    rows: sources(input.height, output.height), columns: sources(input.width, output.width))))
    }

    private mutating func resizeBilinear() throws {
        let (input, output, options) = (try shape(0), output.map, resizeOptions)
        func points(_ size: Int, _ count: Int) -> [ResizePoint] {
            ResizePoint.points(
                input: size, output: count, alignCorners: options.alignCorners,
                halfPixelCenters: options.halfPixelCenters)
        }
        try emit(
            .resizeBilinear(rows: points(input.height, output.height), columns: points(input.width, output.width)))
    }
}
