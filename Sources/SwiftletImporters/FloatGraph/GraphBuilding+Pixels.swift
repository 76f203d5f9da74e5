/// Maps that become larger: padding with what is not zero, resizing, one number for many.
///
/// What it does not do: zeros around a map, which whoever reads it may pad by itself; see `GraphBuilding+Windows`.
import SwiftletGraph

/// What stands around a map, in the names of ONNX and NumPy.
enum PadMode {
    case constant(Float)
    /// A mirror image without the edge.
    case reflect
    /// A mirror image with the edge.
    case symmetric
    case edge
    case wrap

    /// Which of `size` rows or columns each is; those that are to go have negative numbers.
    func indices(_ size: Int, before: Int, after: Int) throws -> [Int?] {
        let most: Int =
            switch self {
            case .constant, .edge: .max
            case .reflect: size - 1
            case .symmetric, .wrap: size
            }
        guard max(before, after) <= most, before + size + after > 0, min(before, after) > -size else {
            throw Refusal("it puts \(before) and \(after) around \(size)")
        }
        return (-before..<(size + after)).map { place in
            if 0..<size ~= place { return place }
            let isBefore = place < 0
            switch self {
            case .constant: return nil
            case .reflect: return isBefore ? -place : 2 * size - 2 - place
            case .symmetric: return isBefore ? -place - 1 : 2 * size - 1 - place
            case .edge: return isBefore ? 0 : size - 1
            case .wrap: return isBefore ? place + size : place - size
            }
        }
    }
}

extension GraphBuilding {
    /// - Parameters:
    ///   - channels: how many before and after the map's own; zeros only.
    ///   - rows, columns: how many before and after; those that are to go have negative numbers.
    mutating func appendPadding(
        _ name: String, _ map: LaidOutMap, channels: (before: Int, after: Int), rows: (before: Int, after: Int),
        columns: (before: Int, after: Int), mode: PadMode
    ) throws -> LaidOutMap {
        var zeros = false
        if case .constant(let value) = mode { zeros = value == 0 }
        guard zeros || channels == (0, 0) else { throw Refusal("channels are padded with zeros only") }
        if zeros, min(rows.before, rows.after, columns.before, columns.after) >= 0 {
            return try appendZeros(
                name, map, channels: channels,
                padding: Padding(top: rows.before, left: columns.before, bottom: rows.after, right: columns.after))
        }
        let shape = graph.shape(of: map.value)
        var fill: Float = 0
        if case .constant(let value) = mode { fill = value }
        guard fill.isFinite, abs(fill) < Float.greatestFiniteMagnitude else {
            throw Refusal("it pads with \(fill); a max pool's own padding does that")
        }
        let index = PixelIndex(
            rows: try mode.indices(shape.height, before: rows.before, after: rows.after),
            columns: try mode.indices(shape.width, before: columns.before, after: columns.after), fill: fill)
        let value = try append(.pixelIndex(index), name: name, input: map.value)
        return spatial(value, like: map.layout)
    }

    /// The nearest row and column, or the mean of the two nearest, weighted with how near they are.
    mutating func appendResize(
        _ name: String, _ map: LaidOutMap, rows: ResizeRule, columns: ResizeRule
    ) throws -> LaidOutMap {
        let shape = graph.shape(of: map.value)
        let operation: Operator
        if rows.nearest != nil {
            operation = .pixelIndex(PixelIndex(rows: rows.indices(shape.height), columns: columns.indices(shape.width)))
        } else {
            operation = .interpolate(
                Interpolation(rows: rows.points(shape.height), columns: columns.points(shape.width)))
        }
        let value = try append(operation, name: name, input: map.value)
        return spatial(value, like: map.layout)
    }

    /// The map as often beside itself in each dimension as its size of 1 must become `sizes`.
    mutating func appendExpansion(_ name: String, _ map: LaidOutMap, to sizes: [Int]) throws -> LaidOutMap {
        let own = map.layout.sizes
        guard sizes.count <= own.count, map.layout.isNCHW || map.layout.isNHWC else {
            throw Refusal("it makes \(sizes) of \(own), which is not known")
        }
        let padded = Array(repeating: 1, count: own.count - sizes.count) + sizes
        var shape = graph.shape(of: map.value)
        for (dimension, size) in padded.enumerated() where size != own[dimension] && size != 1 {
            guard own[dimension] == 1, size > 0, size <= Self.sideLimit, dimension > 0 else {
                throw Refusal("it makes \(sizes) of \(own); known is one row, column or channel for many")
            }
            switch (map.layout.isNCHW, dimension) {
            case (true, 1), (false, 3): shape.channels = size
            case (true, 2), (false, 1): shape.height = size
            default: shape.width = size
            }
        }
        let value = try spread(name, map.value, to: shape)
        return spatial(value, like: map.layout)
    }
}

/// Where the rows or columns of a resized map lie in the map that it is made of.
struct ResizeRule {
    /// What a place between two rows is rounded to.
    enum Nearest {
        case floor
        case ceiling
        /// Halves down, or up.
        case roundPreferFloor
        case roundPreferCeiling
    }

    /// The place of row `index`, in rows of the input.
    enum Coordinates {
        case asymmetric
        case halfPixel
        /// As `halfPixel`; a single row is row 0.
        case pytorchHalfPixel
        /// The ends lie on the ends.
        case alignCorners
        /// As TensorFlow's nearest neighbour takes half pixels: `(index + 0.5) / scale`.
        case tensorflowHalfPixel
    }

    var count: Int
    /// Rows of the output for each of the input.
    var scale: Float
    var coordinates: Coordinates
    /// Nil for bilinear.
    var nearest: Nearest?

    private func place(_ index: Int, of size: Int) -> Float {
        let center = (Float(index) + 0.5) / scale
        switch coordinates {
        case .asymmetric: return Float(index) / scale
        case .halfPixel: return center - 0.5
        case .pytorchHalfPixel: return count > 1 ? center - 0.5 : 0
        case .alignCorners: return count > 1 ? Float(index) * Float(size - 1) / Float(count - 1) : 0
        case .tensorflowHalfPixel: return center
        }
    }

    func indices(_ size: Int) -> [Int?] {
        (0..<count).map { index in
            let place = place(index, of: size)
            let rounded: Float
            switch nearest {
            case .floor: rounded = place.rounded(.down)
            case .ceiling: rounded = place.rounded(.up)
            case .roundPreferCeiling: rounded = (place + 0.5).rounded(.down)
            case .roundPreferFloor, nil: rounded = (place - 0.5).rounded(.up)
            }
            return Int(min(max(rounded, 0), Float(size - 1)))
        }
    }

    func points(_ size: Int) -> [Interpolation.Point] {
        (0..<count).map { index in
            let place = min(max(place(index, of: size), 0), Float(size - 1))
            let low = Int(place)
            return .init(low: low, high: min(low + 1, size - 1), fraction: low == size - 1 ? 0 : place - Float(low))
        }
    }
}
