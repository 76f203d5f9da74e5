/// What works element by element on one map, and products with constant matrices.
///
/// What it does not do: two maps; `GraphBuilding+Pairs` does.
import SwiftletGraph

extension GraphBuilding {
    mutating func appendActivation(_ name: String, _ map: LaidOutMap, _ activation: Activation) throws -> LaidOutMap {
        let value = try append(.activation(activation), name: name, input: map.value)
        if activation == .sigmoid { notes.sigmoids[value] = map.value }
        return LaidOutMap(value: value, layout: map.layout)
    }

    /// `slope * x + offset` between 0 and 1.
    mutating func appendHardSigmoid(
        _ name: String, _ map: LaidOutMap, slope: Float, offset: Float
    ) throws -> LaidOutMap {
        let result = try appendActivation(name, map, .hardSigmoid(slope: slope, offset: offset))
        if abs(slope * 6 - 1) < 1e-5, offset == 0.5 { notes.hardSigmoids[result.value] = map.value }
        return result
    }

    mutating func appendPower(_ name: String, _ map: LaidOutMap, exponent: Float) throws -> LaidOutMap {
        guard exponent.isFinite else { throw Refusal("its exponent is \(exponent)") }
        return try appendActivation(name, map, .power(scale: 1, offset: 0, exponent: exponent))
    }

    /// Below zero times a slope, one number for all or for each channel. Of several slopes it is
    /// `relu(x) - slope * relu(-x)`.
    ///
    /// - Parameter sizes: of the slopes.
    mutating func appendPReLU(
        _ name: String, _ map: LaidOutMap, sizes: [Int], slopes: [Float]
    ) throws -> LaidOutMap {
        if let slope = slopes.first, slopes.allSatisfy({ $0 == slope }) {
            return try appendActivation(name, map, .leakyReLU(slope: slope))
        }
        var map = map
        if map.layout.isVector { map = try flattened(map, name: name) }
        let above = try appendActivation("\(name).above", map, .relu)
        var below = try appendAffine("\(name).minus", map, sizes: [], scale: [-1], shift: [0])
        below = try appendActivation("\(name).below", below, .relu)
        below = try appendAffine(
            "\(name).slopes", below, sizes: sizes, scale: slopes.map { -$0 }, shift: slopes.map { _ in 0 })
        return try appendSum(name, above, below)
    }

    /// Between any two numbers: shifted and scaled so that ReLU or ReLU6 does it.
    ///
    /// - Parameters:
    ///   - low: the least finite number or less for none.
    ///   - high: the greatest finite number or more for none.
    mutating func appendClip(_ name: String, _ map: LaidOutMap, low: Float, high: Float) throws -> LaidOutMap {
        let limit = Float.greatestFiniteMagnitude
        if low <= -limit, high >= limit { return map }
        let low = low <= -limit && isNeverNegative(map.value) ? 0 : low
        guard low < high else { throw Refusal("it clips to \(low) ... \(high), which is nothing") }
        if low <= -limit {
            // The other way up it is a ReLU.
            let flipped = try appendAffine("\(name).before", map, sizes: [], scale: [-1], shift: [high])
            let clamped = try appendActivation(name, flipped, .relu)
            return try appendAffine("\(name).after", clamped, sizes: [], scale: [-1], shift: [high])
        }
        let isOpen = high >= limit
        let scale = isOpen ? 1 : 6 / (high - low)
        guard scale.isFinite, scale > 0, (low * scale).isFinite else {
            throw Refusal("it clips to \(low) ... \(high), which is too wide or too narrow")
        }
        let isPlain = scale == 1 && low == 0
        let channels = graph.shape(of: map.value).channels
        var value = map.value
        if !isPlain {
            value = try appendAffine(
                name: "\(name).before", input: value, scale: Array(repeating: scale, count: channels),
                shift: Array(repeating: -low * scale, count: channels))
        }
        value = try append(.activation(isOpen ? .relu : .relu6), name: name, input: value)
        if !isPlain {
            value = try appendAffine(
                name: "\(name).after", input: value, scale: Array(repeating: 1 / scale, count: channels),
                shift: Array(repeating: low, count: channels))
        }
        return LaidOutMap(value: value, layout: map.layout)
    }

    /// `scale * x + shift`, channel by channel: a batch norm, which the quantizer folds into a neighbour.
    mutating func appendAffine(name: String, input: ValueID, scale: [Float], shift: [Float]) throws -> ValueID {
        let count = scale.count
        func vector(_ values: [Float]) -> Tensor { Tensor(shape: [count], values: values) }
        return try append(
            .batchNorm(BatchNorm(epsilon: 0)), name: name, input: input,
            parameters: [
                "weight": vector(scale), "bias": vector(shift), "running_mean": Tensor(shape: [count], repeating: 0),
                "running_var": Tensor(shape: [count], repeating: 1),
            ])
    }

    /// `scale * x + shift`, one number of each for all or for each channel, dimensions aligned at the last one.
    ///
    /// - Parameter sizes: of the constants.
    mutating func appendAffine(
        _ name: String, _ map: LaidOutMap, sizes: [Int], scale: [Float], shift: [Float]
    ) throws -> LaidOutMap {
        var map = map
        if scale.count != 1, map.layout.isVector { map = try flattened(map, name: name) }
        let channels = graph.shape(of: map.value).channels
        let rank = map.layout.rank
        let places = sizes.indices.filter { sizes[$0] != 1 }.map { $0 + rank - sizes.count }
        let isPerChannel = places.count == 1 && places[0] == map.layout.channelDimension && scale.count == channels
        guard sizes.count <= rank, scale.count == 1 || isPerChannel else {
            throw Refusal(
                "its constant \(sizes) beside \(map.layout.sizes) is not one number for all or for each channel")
        }
        func spread(_ values: [Float]) -> [Float] {
            values.count == channels ? values : Array(repeating: values[0], count: channels)
        }
        let value = try appendAffine(name: name, input: map.value, scale: spread(scale), shift: spread(shift))
        return LaidOutMap(value: value, layout: map.layout)
    }

    /// A fully connected layer over all elements of a vector.
    ///
    /// - Parameters:
    ///   - inputs: how many the matrix is for.
    ///   - weight: by output and input, in the order of the vector.
    mutating func appendLinear(
        _ name: String, _ map: LaidOutMap, inputs: Int, bias: [Float], weight: (_ output: Int, _ input: Int) -> Float
    ) throws -> LaidOutMap {
        guard map.layout.isVector, map.layout.rank == 2 else {
            throw Refusal("it takes one vector a picture, given \(map.layout.sizes); flatten first")
        }
        let outputs = bias.count
        guard inputs == map.layout.elementCount, outputs > 0 else {
            throw Refusal("its matrix for \(inputs) inputs is not for a vector of \(map.layout.elementCount)")
        }
        // The graph reads rows, columns, channels in this order.
        let places = places(of: map)
        var values = [Float](repeating: 0, count: outputs * inputs)
        for output in 0..<outputs {
            for (input, place) in places.enumerated() { values[output * inputs + place] = weight(output, input) }
        }
        var value = map.value
        let shape = graph.shape(of: value)
        if shape.height * shape.width > 1 { value = try append(.flatten, name: "\(name).flatten", input: value) }
        value = try append(
            .linear(outputs: outputs), name: name, input: value,
            parameters: [
                "weight": Tensor(shape: [outputs, inputs], values: values),
                "bias": Tensor(shape: [outputs], values: bias),
            ])
        return LaidOutMap(value: value, layout: .vector(outputs))
    }
}
