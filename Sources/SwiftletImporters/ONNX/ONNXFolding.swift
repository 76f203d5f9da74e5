/// Operators on constants alone: sizes that exporters compute for reshapes, weights that they transpose.
///
/// What it does not do: run a network's own operators on constants; a simplifier does.

extension ONNXTranslator {
    mutating func fold(_ operation: ONNXOperator, _ call: ONNXCall) throws -> ONNXTensor {
        switch operation {
        case .constant: return try Self.constant(call.node)
        case .constantOfShape: return try constantOfShape(call)
        case .identity: return try call.constant(0, "input")
        case .shape: return try ONNXSizes.shape(call, of: call.constant(0, "input").sizes)
        case .cast: return try cast(constant: call)
        case .dequantizeLinear: return try dequantize(constant: call)
        case .reshape, .flatten, .squeeze, .unsqueeze:
            var tensor = try call.constant(0, "input")
            tensor.sizes = try ONNXSizes.after(operation, call, tensor.sizes)
            return tensor
        case .transpose: return try transpose(constant: call)
        case .slice: return try slice(constant: call)
        case .gather: return try gather(constant: call)
        case .concat: return try concat(constant: call)
        case .add: return try arithmetic(call, { $0 + $1 }, { $0.addingReportingOverflow($1) })
        case .sub: return try arithmetic(call, { $0 - $1 }, { $0.subtractingReportingOverflow($1) })
        case .mul: return try arithmetic(call, { $0 * $1 }, { $0.multipliedReportingOverflow(by: $1) })
        case .div: return try arithmetic(call, { $0 / $1 }, { $0.dividedReportingOverflow(by: $1) })
        case .sqrt:
            let tensor = try call.constant(0, "input")
            return ONNXTensor(sizes: tensor.sizes, contents: .floats(try tensor.floats().map { $0.squareRoot() }))
        case .neg:
            let zero = ONNXCall(
                node: call.node, name: call.name,
                inputs: [.constant(ONNXTensor(sizes: [], contents: .integers([0]))), call.inputs.first ?? nil],
                opset: call.opset)
            return try fold(.sub, zero)
        default:
            throw Refusal("it does not depend on the picture; fold constants when exporting, or with a simplifier")
        }
    }

    /// - Parameter sources: what the new constant is made of; one that is not larger may be as large as the file makes it.
    /// - Throws: `Refusal` for more, or once all folding together has made too much.
    mutating func allow(_ sizes: [Int], from sources: [ONNXTensor]) throws -> Int {
        let limit = max(Self.constantLimit, sources.map(\.count).reduce(0, +))
        guard let count = TensorLayout.elementCount(sizes, limit: limit),
            foldedElements + count <= 4 * Self.elementLimit
        else { throw Refusal("it makes a constant of sizes \(sizes), which is too large") }
        foldedElements += count
        return count
    }

    private static func constant(_ node: ONNXNode) throws -> ONNXTensor {
        for (name, attribute) in node.attributes where name.hasPrefix("value") {
            switch attribute {
            case .tensor(let tensor): return tensor
            case .float(let value): return ONNXTensor(sizes: [], contents: .floats([value]))
            case .integer(let value): return ONNXTensor(sizes: [], contents: .integers([value]))
            case .floats(let values): return ONNXTensor(sizes: [values.count], contents: .floats(values))
            case .integers(let values): return .vector(values)
            case .text, .other: break
            }
        }
        throw Refusal("its value is neither a tensor nor numbers")
    }

    private mutating func constantOfShape(_ call: ONNXCall) throws -> ONNXTensor {
        let sizes = try call.constant(0, "shape").integers()
        let count = try allow(sizes, from: [])
        guard case .tensor(let value) = call.node.attributes["value"] else {
            return ONNXTensor(sizes: sizes, contents: .floats(Array(repeating: 0, count: count)))
        }
        guard value.count == 1 else { throw Refusal("its value \(value.sizes) is not one number") }
        return try value.gathered(Array(repeating: 0, count: count), sizes: sizes)
    }

    private mutating func cast(constant call: ONNXCall) throws -> ONNXTensor {
        let tensor = try call.constant(0, "input")
        _ = try allow(tensor.sizes, from: [tensor])
        let type = try call.node.integer("to", default: 0)
        if ONNXSizes.isFloat(type) { return ONNXTensor(sizes: tensor.sizes, contents: .floats(try tensor.floats())) }
        guard case .floats(let values) = tensor.contents else { return tensor }
        let integers = values.compactMap { Int(exactly: $0.rounded(.towardZero)) }
        guard integers.count == values.count else {
            throw Refusal("it makes integers of what is too large for one")
        }
        return ONNXTensor(sizes: tensor.sizes, contents: .integers(integers))
    }

    private mutating func transpose(constant call: ONNXCall) throws -> ONNXTensor {
        let tensor = try call.constant(0, "input")
        let order = try ONNXSizes.order(call, rank: tensor.sizes.count)
        _ = try allow(tensor.sizes, from: [tensor])
        let steps = Self.steps(tensor.sizes)
        let sizes = order.map { tensor.sizes[$0] }
        return try tensor.gathered(Self.places(sizes, steps: order.map { steps[$0] }), sizes: sizes)
    }

    private mutating func slice(constant call: ONNXCall) throws -> ONNXTensor {
        let tensor = try call.constant(0, "input")
        var (sizes, steps) = (tensor.sizes, Self.steps(tensor.sizes))
        var first = 0
        for range in try AxisRange.ranges(call, sizes: tensor.sizes) {
            sizes[range.axis] = range.count
            if range.count > 0 { first += range.start * steps[range.axis] }
            // A step beyond the axis is never taken.
            steps[range.axis] *= range.count > 1 ? range.step : 0
        }
        _ = try allow(sizes, from: [tensor])
        return try tensor.gathered(Self.places(sizes, steps: steps).map { first + $0 }, sizes: sizes)
    }

    private mutating func gather(constant call: ONNXCall) throws -> ONNXTensor {
        let tensor = try call.constant(0, "input")
        let indices = try call.constant(1, "indices")
        let axis = try wrapped(try call.node.integer("axis", default: 0), rank: tensor.sizes.count)
        let size = tensor.sizes[axis]
        let chosen = try indices.integers().map { index in
            guard index >= -size, index < size else { throw Refusal("index \(index) of \(size)") }
            return index < 0 ? index + size : index
        }
        let (outer, inner) = (tensor.sizes[..<axis], tensor.sizes[(axis + 1)...])
        let sizes = outer + indices.sizes + inner
        let count = try allow(Array(sizes), from: [tensor])
        let run = inner.reduce(1, *)
        var places: [Int] = []
        places.reserveCapacity(count)
        for block in 0..<(count == 0 ? 0 : outer.reduce(1, *)) {
            for index in chosen { places += ((block * size + index) * run)..<((block * size + index + 1) * run) }
        }
        return try tensor.gathered(places, sizes: Array(sizes))
    }

    private mutating func concat(constant call: ONNXCall) throws -> ONNXTensor {
        let tensors = try call.inputs.indices.map { try call.constant($0, "input") }
        guard let first = tensors.first, case .integer(let stated) = call.node.attributes["axis"] else {
            throw Refusal("it has no inputs or no axis")
        }
        let axis = try wrapped(stated, rank: first.sizes.count)
        var sizes = first.sizes
        for tensor in tensors.dropFirst() {
            guard tensor.sizes.count == sizes.count,
                sizes.indices.allSatisfy({ $0 == axis || tensor.sizes[$0] == sizes[$0] })
            else { throw Refusal("it joins the sizes \(tensors.map(\.sizes)) along axis \(stated)") }
            sizes[axis] += tensor.sizes[axis]
        }
        let count = try allow(sizes, from: tensors)
        let blocks = count == 0 ? 0 : sizes[..<axis].reduce(1, *)
        func joined<Number>(_ parts: [[Number]]) -> [Number] {
            (0..<blocks).flatMap { block in
                parts.flatMap { $0[(block * ($0.count / blocks))..<((block + 1) * ($0.count / blocks))] }
            }
        }
        let isInteger = tensors.allSatisfy { if case .integers = $0.contents { true } else { false } }
        return ONNXTensor(
            sizes: sizes,
            contents: isInteger
                ? .integers(joined(try tensors.map { try $0.integers() }))
                : .floats(joined(try tensors.map { try $0.floats() })))
    }

    private mutating func arithmetic(
        _ call: ONNXCall, _ floats: (Float, Float) -> Float, _ integers: (Int, Int) -> (Int, overflow: Bool)
    ) throws -> ONNXTensor {
        let (first, second) = (try call.constant(0, "input"), try call.constant(1, "input"))
        let rank = max(first.sizes.count, second.sizes.count)
        func padded(_ sizes: [Int]) -> [Int] { Array(repeating: 1, count: rank - sizes.count) + sizes }
        let (left, right) = (padded(first.sizes), padded(second.sizes))
        let sizes = try zip(left, right).map { left, right in
            guard left == right || left == 1 || right == 1 else {
                throw Refusal("the sizes \(first.sizes) and \(second.sizes) do not go together")
            }
            return left == 1 ? right : left
        }
        _ = try allow(sizes, from: [first, second])
        func places(_ own: [Int]) -> [Int] {
            Self.places(sizes, steps: zip(own, Self.steps(own)).map { $0 == 1 ? 0 : $1 })
        }
        let pairs = zip(places(left), places(right))
        if case .integers(let left) = first.contents, case .integers(let right) = second.contents {
            return ONNXTensor(
                sizes: sizes,
                contents: .integers(
                    try pairs.map {
                        let (value, overflow) = integers(left[$0], right[$1])
                        guard !overflow else { throw Refusal("its integers overflow or it divides by zero") }
                        return value
                    }))
        }
        let (leftValues, rightValues) = (try first.floats(), try second.floats())
        return ONNXTensor(
            sizes: sizes, contents: .floats(pairs.map { floats(leftValues[$0], rightValues[$1]) }))
    }

    /// How far apart neighbours along each dimension lie.
    private static func steps(_ sizes: [Int]) -> [Int] {
        var steps = Array(repeating: 1, count: sizes.count)
        for index in sizes.indices.dropLast().reversed() { steps[index] = steps[index + 1] * sizes[index + 1] }
        return steps
    }

    /// Where the elements of a tensor of `sizes` lie in one of other steps.
    private static func places(_ sizes: [Int], steps: [Int]) -> [Int] {
        zip(sizes, steps).reduce([0]) { outer, next in
            outer.flatMap { place in (0..<next.0).map { place + $0 * next.1 } }
        }
    }
}
