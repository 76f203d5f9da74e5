/// How reshapes, transposes and slices change sizes: the same for maps and for constants.
///
/// What it does not do: move numbers.

enum ONNXSizes {
    /// - Parameter operation: a reshape of any kind.
    /// - Returns: the sizes that it makes of `sizes`.
    static func after(_ operation: ONNXOperator, _ call: ONNXCall, _ sizes: [Int]) throws -> [Int] {
        let rank = sizes.count
        switch operation {
        case .flatten:
            let axis = try call.node.integer("axis", default: 1)
            let split = axis == rank ? rank : try wrapped(axis, rank: rank)
            return [sizes[..<split].reduce(1, *), sizes[split...].reduce(1, *)]
        case .squeeze:
            let ones = sizes.indices.filter { sizes[$0] == 1 }
            let axes =
                try call.integers(input: 1, attribute: "axes")?.map { try wrapped($0, rank: rank) } ?? ones
            guard axes.allSatisfy(ones.contains) else {
                throw Refusal("it takes the axes \(axes) out of \(sizes), which are not all of size 1")
            }
            return sizes.indices.filter { !axes.contains($0) }.map { sizes[$0] }
        case .unsqueeze:
            let axes = try call.integers(input: 1, attribute: "axes") ?? []
            let total = rank + axes.count
            let places = Set(try axes.map { try wrapped($0, rank: total) })
            guard places.count == axes.count else { throw Refusal("its axes \(axes) name one twice") }
            var rest = sizes[...]
            return (0..<total).map { places.contains($0) ? 1 : rest.removeFirst() }
        default:
            return try reshaped(call, sizes)
        }
    }

    private static func reshaped(_ call: ONNXCall, _ sizes: [Int]) throws -> [Int] {
        var target = try call.constant(1, "shape").integers()
        if try call.node.integer("allowzero", default: 0) == 0 {
            for index in target.indices where target[index] == 0 {
                guard index < sizes.count else {
                    throw Refusal("its shape \(target) copies a size that is not there")
                }
                target[index] = sizes[index]
            }
        }
        let open = target.indices.filter { target[$0] == -1 }
        guard open.count <= 1 else { throw Refusal("its shape \(target) leaves two sizes open") }
        let total = sizes.reduce(1, *)
        if let place = open.first {
            let rest = target.enumerated().filter { $0.offset != place }.map(\.element)
            guard let known = TensorLayout.elementCount(rest), known > 0, total % known == 0 else {
                throw Refusal("its shape \(target) does not divide \(sizes)")
            }
            target[place] = total / known
        }
        guard TensorLayout.elementCount(target) == total else {
            throw Refusal("its shape \(target) does not hold the elements of \(sizes)")
        }
        return target
    }

    /// The permutation of a transpose: reversed unless it says another.
    static func order(_ call: ONNXCall, rank: Int) throws -> [Int] {
        let order = try call.node.integers("perm") ?? Array((0..<rank).reversed())
        guard order.sorted() == Array(0..<rank) else {
            throw Refusal("its perm \(order) is no order of \(rank) dimensions")
        }
        return order
    }

    /// What a shape operator says of `sizes`; from opset 15 on it may cut.
    static func shape(_ call: ONNXCall, of sizes: [Int]) throws -> ONNXTensor {
        func bound(_ name: String, _ standard: Int) throws -> Int {
            let value = try call.node.integer(name, default: standard)
            return min(max(value < 0 ? value + sizes.count : value, 0), sizes.count)
        }
        let start = try bound("start", 0)
        return .vector(Array(sizes[start..<max(start, try bound("end", sizes.count))]))
    }

    /// Whether ONNX's element type is one of floats.
    static func isFloat(_ type: Int) -> Bool { [1, 10, 11, 16].contains(type) }
}

extension AxisRange {
    /// - Parameter sizes: of the tensor that is cut.
    static func ranges(_ call: ONNXCall, sizes: [Int]) throws -> [AxisRange] {
        guard let starts = try call.integers(input: 1, attribute: "starts"),
            let ends = try call.integers(input: 2, attribute: "ends")
        else { throw Refusal("it lacks starts or ends") }
        let axes = try call.integers(input: 3, attribute: "axes") ?? Array(starts.indices)
        let steps = try call.optionalConstant(4, "steps")?.integers() ?? Array(repeating: 1, count: starts.count)
        guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
            throw Refusal(
                "its starts \(starts), ends \(ends), axes \(axes) and steps \(steps) are not of one number")
        }
        let slices = try starts.indices.map { index in
            let axis = try wrapped(axes[index], rank: sizes.count)
            let size = sizes[axis]
            guard steps[index] != 0 else { throw Refusal("its steps \(steps) hold a zero") }
            // No axis is longer, and sums stay small.
            let step = min(max(steps[index], -1 << 40), 1 << 40)
            func place(_ value: Int, _ range: ClosedRange<Int>) -> Int {
                min(max(value < 0 ? value + size : value, range.lowerBound), range.upperBound)
            }
            if step > 0 {
                let start = place(starts[index], 0...size)
                let length = place(ends[index], 0...size) - start
                return AxisRange(axis: axis, start: start, step: step, count: max(0, (length + step - 1) / step))
            }
            let start = place(starts[index], 0...max(0, size - 1))
            let length = start - place(ends[index], -1...max(-1, size - 1))
            return AxisRange(axis: axis, start: start, step: step, count: max(0, (length - step - 1) / -step))
        }
        guard Set(slices.map(\.axis)).count == slices.count else {
            throw Refusal("its axes \(axes) name one twice")
        }
        return slices
    }
}
