/// What two maps become, element by element: sums, products, quotients, the greater and the lesser.
///
/// Dimensions are aligned at the last one, and one of size 1 serves for all of the other map's.
/// What it does not do: constants; they become batch norms and bounds.
import SwiftletGraph

extension GraphBuilding {
    mutating func appendSum(_ name: String, _ first: LaidOutMap, _ second: LaidOutMap) throws -> LaidOutMap {
        let pair = try aligned(name, first, second)
        var values = [pair.first, pair.second]
        let whole = Shape(
            height: values.map { graph.shape(of: $0).height }.max()!,
            width: values.map { graph.shape(of: $0).width }.max()!,
            channels: values.map { graph.shape(of: $0).channels }.max()!)
        for index in 0...1 { values[index] = try spread("\(name).\(index)", values[index], to: whole) }
        let value = try append(.add, name: name, inputs: values)[0]
        return pair.result(value, in: graph)
    }

    mutating func appendDifference(_ name: String, _ first: LaidOutMap, _ second: LaidOutMap) throws -> LaidOutMap {
        let negative = try appendAffine("\(name).minus", second, sizes: [], scale: [-1], shift: [0])
        return try appendSum(name, first, negative)
    }

    /// The product of a map and its own sigmoid, plain or hard, is swish or hard swish.
    mutating func appendProduct(_ name: String, _ first: LaidOutMap, _ second: LaidOutMap) throws -> LaidOutMap {
        for (gates, activation) in [(notes.sigmoids, Activation.swish), (notes.hardSigmoids, .hardSwish)] {
            for (gate, source) in [(first, second), (second, first)]
            where first.layout == second.layout && gates[gate.value] == source.value {
                return try appendActivation(name, source, activation)
            }
        }
        return try appendBinary(name, .multiply, first, second)
    }

    /// The product with what the second map's reciprocal is.
    mutating func appendQuotient(_ name: String, _ first: LaidOutMap, _ second: LaidOutMap) throws -> LaidOutMap {
        let reciprocal = try appendPower("\(name).reciprocal", second, exponent: -1)
        return try appendBinary(name, .multiply, first, reciprocal)
    }

    mutating func appendBinary(
        _ name: String, _ kind: BinaryKind, _ first: LaidOutMap, _ second: LaidOutMap
    ) throws -> LaidOutMap {
        let pair = try aligned(name, first, second)
        let value = try append(.binary(kind), name: name, inputs: [pair.first, pair.second])[0]
        return pair.result(value, in: graph)
    }

    /// The same map with as many rows, columns and channels as `shape` where it has one.
    mutating func spread(_ name: String, _ value: ValueID, to shape: Shape) throws -> ValueID {
        let own = graph.shape(of: value)
        var result = value
        func sources(_ size: Int, _ count: Int) -> [Int?] {
            size == 1 ? Array(repeating: 0, count: count) : (0..<size).map { $0 }
        }
        if own.channels == 1, shape.channels > 1 {
            let indices = Array(repeating: 0, count: shape.channels)
            result = try append(.channelIndex(indices), name: "\(name).channels", input: result)
        }
        let index = PixelIndex(rows: sources(own.height, shape.height), columns: sources(own.width, shape.width))
        guard index.rows.count > own.height || index.columns.count > own.width else { return result }
        return try append(.pixelIndex(index), name: "\(name).pixels", input: result)
    }

    /// Two maps whose rows, columns and channels lie under each other.
    private mutating func aligned(
        _ name: String, _ first: LaidOutMap, _ second: LaidOutMap
    ) throws -> AlignedPair {
        let rank = max(first.layout.rank, second.layout.rank)
        var layouts = [first.layout.raised(to: rank), second.layout.raised(to: rank)]
        let goTogether = zip(layouts[0].sizes, layouts[1].sizes).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
        guard goTogether else {
            throw Refusal("the sizes \(first.layout.sizes) and \(second.layout.sizes) do not go together")
        }
        var values = [first.value, second.value]
        let haveOneOrder =
            layouts[0] == layouts[1] || layouts.allSatisfy(\.isNCHW) || layouts.allSatisfy(\.isNHWC)
        if !haveOneOrder {
            guard first.layout.isVector, second.layout.isVector else {
                throw Refusal(
                    "the tensors \(first.layout.sizes) and \(second.layout.sizes) have their channels in different orders"
                )
            }
            for (index, map) in [first, second].enumerated() {
                let flat = try flattened(map, name: "\(name).\(index)")
                (values[index], layouts[index]) = (flat.value, flat.layout.raised(to: rank))
            }
        }
        return AlignedPair(first: values[0], second: values[1], layouts: layouts)
    }
}

private struct AlignedPair {
    var first: ValueID
    var second: ValueID
    var layouts: [TensorLayout]

    /// What has been made of both.
    func result(_ value: ValueID, in graph: Graph) -> LaidOutMap {
        let shape = graph.shape(of: value)
        let layout =
            layouts.allSatisfy(\.isNCHW)
            ? TensorLayout.nchw(shape) : layouts.allSatisfy(\.isNHWC) ? .nhwc(shape) : layouts[0]
        return LaidOutMap(value: value, layout: layout)
    }
}
