/// The shape that each operator makes of its inputs, and the shapes of its parameters.
///
/// What it does not do: look at values.

/// - Returns: the shapes of the outputs, in order.
/// - Throws: `GraphError.wrongInputs` that names the node and the numbers which do not fit.
public func inferShapes(of operation: Operator, name: String, inputs: [Shape]) throws -> [Shape] {
    func refuse(_ reason: String) -> GraphError {
        .wrongInputs(node: name, operation: operation.name, reason: reason)
    }
    func only() throws -> Shape {
        guard inputs.count == 1 else { throw refuse("takes one input, given \(inputs.count)") }
        return inputs[0]
    }
    func slide(_ window: Window, over input: Shape) throws -> Shape {
        guard let output = window.outputShape(of: input) else {
            throw refuse("a \(window.kernel) kernel with padding \(window.padding) does not fit into \(input)")
        }
        return output
    }

    switch operation {
    case .convolution(let convolution):
        let input = try only()
        let groups = convolution.groups
        guard groups > 0, input.channels % groups == 0, convolution.outputChannels % groups == 0 else {
            throw refuse("\(groups) groups do not divide \(input.channels) to \(convolution.outputChannels) channels")
        }
        var output = try slide(convolution.window, over: input)
        output.channels = convolution.outputChannels
        return [output]
    case .learnedGroupConvolution(let convolution):
        var shape = try only()
        let groups = convolution.groups
        guard groups > 0, convolution.outputChannels % groups == 0 else {
            throw refuse("\(groups) groups do not divide \(convolution.outputChannels) output channels")
        }
        guard convolution.condensationFactor > 0, shape.channels % convolution.condensationFactor == 0 else {
            throw refuse("factor \(convolution.condensationFactor) does not divide \(shape.channels) input channels")
        }
        shape.channels = convolution.outputChannels
        return [shape]
    case .linear(let outputs):
        let input = try only()
        guard input.height == 1, input.width == 1 else { throw refuse("takes 1x1 maps, given \(input); flatten first") }
        return [Shape(height: 1, width: 1, channels: outputs)]
    case .batchNorm, .activation, .dropout:
        return [try only()]
    case .pool(_, let window):
        return [try slide(window, over: only())]
    case .globalAveragePool:
        return [Shape(height: 1, width: 1, channels: try only().channels)]
    case .add:
        guard inputs.count == 2, inputs[0] == inputs[1] else {
            throw refuse("takes two maps of one shape, given \(inputs.map(\.description).joined(separator: " and "))")
        }
        return [inputs[0]]
    case .binary:
        guard inputs.count == 2, let output = broadcast(inputs[0], inputs[1]) else {
            throw refuse(
                "takes two maps whose sizes agree or are 1, given \(inputs.map(\.description).joined(separator: " and "))"
            )
        }
        return [output]
    case .concat:
        guard let first = inputs.first,
            inputs.allSatisfy({ $0.height == first.height && $0.width == first.width })
        else { throw refuse("takes maps of one size, given \(inputs.map(\.description).joined(separator: " and "))") }
        return [Shape(height: first.height, width: first.width, channels: inputs.map(\.channels).reduce(0, +))]
    case .split(let counts):
        let input = try only()
        guard counts.allSatisfy({ $0 > 0 }), counts.reduce(0, +) == input.channels else {
            throw refuse("runs of \(counts) channels do not make up \(input.channels)")
        }
        return counts.map { Shape(height: input.height, width: input.width, channels: $0) }
    case .channelShuffle(let groups):
        let input = try only()
        guard groups > 0, input.channels % groups == 0 else {
            throw refuse("\(groups) groups do not divide \(input.channels) channels")
        }
        return [input]
    case .channelIndex(let indices):
        var shape = try only()
        guard let outside = indices.first(where: { $0 < 0 || $0 >= shape.channels }) else {
            shape.channels = indices.count
            return [shape]
        }
        throw refuse("index \(outside) is outside of \(shape.channels) channels")
    case .pixelIndex(let index):
        let input = try only()
        for (sources, size, what) in [(index.rows, input.height, "rows"), (index.columns, input.width, "columns")] {
            if let outside = sources.compactMap({ $0 }).first(where: { !(0..<size ~= $0) }) {
                throw refuse("takes number \(outside) of \(size) \(what)")
            }
        }
        guard index.fill.isFinite else { throw refuse("fills with \(index.fill)") }
        return [Shape(height: index.rows.count, width: index.columns.count, channels: input.channels)]
    case .interpolate(let resize):
        let input = try only()
        for (points, size, what) in [(resize.rows, input.height, "rows"), (resize.columns, input.width, "columns")] {
            let wrong = points.first {
                !(0..<size ~= $0.low && 0..<size ~= $0.high && 0...1 ~= $0.fraction)
            }
            if let wrong {
                throw refuse("is \(wrong.fraction) between \(wrong.low) and \(wrong.high) of \(size) \(what)")
            }
        }
        return [Shape(height: resize.rows.count, width: resize.columns.count, channels: input.channels)]
    case .join(let axis):
        let size: WritableKeyPath<Shape, Int> = axis == .rows ? \.height : \.width
        guard inputs.count == 2, var joined = inputs.first else {
            throw refuse("takes two maps, given \(inputs.count)")
        }
        joined[keyPath: size] = inputs[1][keyPath: size]
        guard joined == inputs[1] else {
            throw refuse("cannot put \(inputs[0]) and \(inputs[1]) together")
        }
        joined[keyPath: size] += inputs[0][keyPath: size]
        return [joined]
    case .flatten:
        return [Shape(height: 1, width: 1, channels: try only().elementCount)]
    }
}

/// The sizes of what two maps make whose sizes agree or are 1; nil for others.
private func broadcast(_ first: Shape, _ second: Shape) -> Shape? {
    var output = first
    for size in [\Shape.height, \Shape.width, \Shape.channels] {
        let (a, b) = (first[keyPath: size], second[keyPath: size])
        guard a == b || a == 1 || b == 1 else { return nil }
        output[keyPath: size] = a == 1 ? b : a
    }
    return output
}

extension Graph {
    /// What the network's parameters must look like, in the order of the nodes: name and shape.
    public var parameterShapes: [(name: String, shape: [Int])] {
        nodes.flatMap { node -> [(name: String, shape: [Int])] in
            let channels = values[node.inputs[0]].shape.channels
            switch node.operation {
            case .convolution(let convolution):
                let kernel = convolution.window.kernel
                let weight = [convolution.outputChannels, channels / convolution.groups, kernel.height, kernel.width]
                return [("\(node.name).weight", weight)]
                    + (convolution.hasBias ? [("\(node.name).bias", [convolution.outputChannels])] : [])
            case .learnedGroupConvolution(let convolution):
                let shape = [convolution.outputChannels, channels, 1, 1]
                return [("\(node.name).weight", shape), ("\(node.name).mask", shape)]
            case .linear(let outputs):
                return [("\(node.name).weight", [outputs, channels]), ("\(node.name).bias", [outputs])]
            case .batchNorm:
                return ["weight", "bias", "running_mean", "running_var"].map { ("\(node.name).\($0)", [channels]) }
            default:
                return []
            }
        }
    }

    /// Checks that every parameter is there in its shape and that no value in it is NaN or infinite.
    ///
    /// - Throws: `GraphError.missingParameter`, `.wrongParameterShape` or `.notFinite`, for the first in node order.
    public func checkParameters() throws {
        for (name, shape) in parameterShapes {
            guard let tensor = parameters[name] else { throw GraphError.missingParameter(name: name, shape: shape) }
            guard tensor.shape == shape else {
                throw GraphError.wrongParameterShape(name: name, expected: shape, found: tensor.shape)
            }
            if let index = tensor.values.firstIndex(where: { !$0.isFinite }) {
                throw GraphError.notFinite(name: name, index: index, count: tensor.elementCount)
            }
        }
    }
}
