/// How the dimensions of another program's tensor lie over a feature map of the graph.
///
/// Exporters write channel shuffles, flattens and changes between NCHW and NHWC as reshapes and transposes. Here each
/// dimension is a list of factors of the map's rows, columns and channels; reshapes split and join factors, transposes move
/// them, and no number moves until an operator needs a real order.
/// What it does not do: hold values, or know a batch: batches are of one picture, so that dimension has no factors.
import SwiftletGraph

struct TensorLayout: Equatable {
    enum Axis {
        case row
        case column
        case channel
    }

    /// A digit of an index along one axis of the map: the index is the sum of digit x stride over the axis's factors.
    struct Factor: Equatable {
        var axis: Axis
        var size: Int
        var stride: Int
    }

    /// Factors of more than 1, the slowest first, dimension by dimension.
    private(set) var dimensions: [[Factor]]

    private init(_ dimensions: [[Factor]]) {
        self.dimensions = dimensions.map { Self.joined($0.filter { $0.size > 1 }) }
    }

    /// Batch, channels, rows, columns.
    static func nchw(_ shape: Shape) -> TensorLayout {
        TensorLayout([[], whole(.channel, shape), whole(.row, shape), whole(.column, shape)])
    }

    /// Batch, rows, columns, channels.
    static func nhwc(_ shape: Shape) -> TensorLayout {
        TensorLayout([[], whole(.row, shape), whole(.column, shape), whole(.channel, shape)])
    }

    /// `rank` dimensions of which the last holds the channels of a 1x1 map.
    static func vector(_ channels: Int, rank: Int = 2) -> TensorLayout {
        let shape = Shape(height: 1, width: 1, channels: channels)
        return TensorLayout(Array(repeating: [], count: rank - 1) + [whole(.channel, shape)])
    }

    private static func whole(_ axis: Axis, _ shape: Shape) -> [Factor] {
        switch axis {
        case .row: [Factor(axis: axis, size: shape.height, stride: 1)]
        case .column: [Factor(axis: axis, size: shape.width, stride: 1)]
        case .channel: [Factor(axis: axis, size: shape.channels, stride: 1)]
        }
    }

    /// Neighbours that count on where the other stops become one.
    private static func joined(_ factors: [Factor]) -> [Factor] {
        factors.reduce(into: []) { result, factor in
            if let last = result.last, last.axis == factor.axis, last.stride == factor.stride * factor.size {
                result[result.count - 1] = Factor(
                    axis: factor.axis, size: last.size * factor.size, stride: factor.stride)
            } else {
                result.append(factor)
            }
        }
    }

    var rank: Int { dimensions.count }

    var sizes: [Int] { dimensions.map { $0.map(\.size).reduce(1, *) } }

    var elementCount: Int { sizes.reduce(1, *) }

    /// The product of sizes from 0 up; nil when that of any of them is beyond `limit`.
    static func elementCount(_ sizes: [Int], limit: Int = 1 << 40) -> Int? {
        guard sizes.allSatisfy({ $0 >= 0 }) else { return nil }
        var count = 1
        for size in sizes {
            // Zeros are left out: no product of some of the sizes may overflow either.
            let (product, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
            guard !overflow, product <= limit else { return nil }
            count = product
        }
        return sizes.contains(0) ? 0 : count
    }

    /// - Parameter order: a permutation of the dimensions.
    func transposed(_ order: [Int]) -> TensorLayout { TensorLayout(order.map { dimensions[$0] }) }

    /// Nil when the sizes do not divide the factors as they lie.
    func reshaped(_ sizes: [Int]) -> TensorLayout? {
        guard TensorLayout.elementCount(sizes) == elementCount else { return nil }
        var rest = Array(dimensions.joined().reversed())
        var result: [[Factor]] = []
        for size in sizes {
            var dimension: [Factor] = []
            var open = size
            while open > 1 {
                guard let factor = rest.popLast() else { return nil }
                if open % factor.size == 0 {
                    dimension.append(factor)
                    open /= factor.size
                } else if factor.size % open == 0 {
                    let inner = factor.size / open
                    dimension.append(Factor(axis: factor.axis, size: open, stride: factor.stride * inner))
                    rest.append(Factor(axis: factor.axis, size: inner, stride: factor.stride))
                    open = 1
                } else {
                    return nil
                }
            }
            result.append(dimension)
        }
        return TensorLayout(result)
    }

    /// The same with dimensions of size 1 in front.
    func raised(to rank: Int) -> TensorLayout {
        TensorLayout(Array(repeating: [], count: max(0, rank - self.rank)) + dimensions)
    }

    /// The same with other factors in one dimension.
    func replacing(_ dimension: Int, with axis: Axis, of shape: Shape) -> TensorLayout {
        var dimensions = dimensions
        dimensions[dimension] = Self.whole(axis, shape)
        return TensorLayout(dimensions)
    }

    /// The same without the factors in `reduced` dimensions, which stay with the size 1 if they are `kept`.
    func reducing(_ reduced: [Int], kept: Bool) -> TensorLayout {
        TensorLayout(
            dimensions.indices.compactMap { reduced.contains($0) ? (kept ? [] : nil) : dimensions[$0] })
    }

    private func holds(_ axis: Axis, _ dimension: Int) -> Bool { dimensions[dimension].allSatisfy { $0.axis == axis } }

    private func isWhole(_ dimension: Int) -> Bool {
        dimensions[dimension].isEmpty || (dimensions[dimension].count == 1 && dimensions[dimension][0].stride == 1)
    }

    /// Whether the dimensions are batch, channels, rows, columns, each in the map's order.
    var isNCHW: Bool {
        rank == 4 && dimensions[0].isEmpty && holds(.channel, 1) && holds(.row, 2) && holds(.column, 3)
            && (1...3).allSatisfy(isWhole)
    }

    /// Whether the dimensions are batch, rows, columns, channels, each in the map's order.
    var isNHWC: Bool {
        rank == 4 && dimensions[0].isEmpty && holds(.row, 1) && holds(.column, 2) && holds(.channel, 3)
            && (1...3).allSatisfy(isWhole)
    }

    /// Whether all elements lie in the last dimension of at most two.
    var isVector: Bool { (1...2).contains(rank) && dimensions.dropLast().allSatisfy(\.isEmpty) }

    /// Whether the last dimension is the channels of a 1x1 map in their order.
    var isChannelVector: Bool { isVector && holds(.channel, rank - 1) && isWhole(rank - 1) }

    /// What a dimension counts, where it counts one thing in the map's order; nil for the batch and for mixtures.
    func axis(of dimension: Int) -> Axis? {
        if isNCHW { return [nil, .channel, .row, .column][dimension] }
        if isNHWC { return [nil, .row, .column, .channel][dimension] }
        return isChannelVector && dimension == rank - 1 ? .channel : nil
    }

    /// The dimension that counts the channels, in their order.
    var channelDimension: Int? { dimensions.indices.first { axis(of: $0) == .channel } }

    /// Where all channels lie in one dimension, alone but in another order: that dimension, and the map's channel at each
    /// place.
    var permutedChannels: (dimension: Int, order: [Int])? {
        for (index, factors) in dimensions.enumerated()
        where factors.count > 1 && factors.allSatisfy({ $0.axis == .channel }) {
            guard dimensions.joined().filter({ $0.axis == .channel }).count == factors.count else { return nil }
            return (index, Self.positions(factors).map(\.channel))
        }
        return nil
    }

    struct Position {
        var row = 0
        var column = 0
        var channel = 0
    }

    /// The place in the map of each element of a dimension; digits of other dimensions count as 0.
    func positions(in dimension: Int) -> [Position] { Self.positions(dimensions[dimension]) }

    private static func positions(_ factors: [Factor]) -> [Position] {
        factors.reduce([Position()]) { outer, factor in
            outer.flatMap { position in
                (0..<factor.size).map { digit in
                    var position = position
                    switch factor.axis {
                    case .row: position.row += digit * factor.stride
                    case .column: position.column += digit * factor.stride
                    case .channel: position.channel += digit * factor.stride
                    }
                    return position
                }
            }
        }
    }

    /// Whether `reduced` dimensions hold all rows and columns of a map and no channels.
    func coversPixels(_ reduced: [Int], of shape: Shape) -> Bool {
        let factors = reduced.flatMap { dimensions[$0] }
        return factors.allSatisfy { $0.axis != .channel }
            && factors.map(\.size).reduce(1, *) == shape.height * shape.width
    }
}
