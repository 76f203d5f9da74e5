/// Padding and resizing.
///
/// What it does not do: cubic or antialiased resizing, or a region of a map.
import SwiftletGraph

extension ONNXTranslator {
    mutating func pad(_ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.planes()
        let value = try call.optionalConstant(2, "value")?.floats().first ?? call.node.float("value", default: 0)
        let mode: PadMode
        switch try call.node.text("mode", default: "constant") {
        case "constant": mode = .constant(value)
        case "reflect": mode = .reflect
        case "edge": mode = .edge
        case "wrap": mode = .wrap
        case let other: throw Refusal("its mode is '\(other)'; known are constant, reflect, edge and wrap")
        }
        let pads = try call.integers(input: 1, attribute: "pads") ?? []
        let axes = try call.optionalConstant(3, "axes")?.integers().map { try wrapped($0, rank: 4) } ?? Array(0..<4)
        guard pads.count == 2 * axes.count, Set(axes).count == axes.count,
            pads.allSatisfy({ (-Self.sideLimit...Self.sideLimit).contains($0) })
        else { throw Refusal("its pads \(pads) are not two numbers for each of the axes \(axes)") }
        var around = Array(repeating: (before: 0, after: 0), count: 4)
        for (index, axis) in axes.enumerated() { around[axis] = (pads[index], pads[axes.count + index]) }
        guard around[0] == (0, 0) else { throw Refusal("it pads the batch") }
        guard min(around[1].before, around[1].after) >= 0 else {
            throw Refusal("it takes channels away; slice instead")
        }
        return try appendPadding(
            call.name, map, channels: around[1], rows: around[2], columns: around[3], mode: mode)
    }

    /// `Resize`, and `Upsample` before it.
    mutating func resize(_ operation: ONNXOperator, _ call: ONNXCall) throws -> LaidOutMap {
        let map = try call.planes()
        let (scales, counts) = try sizes(operation, call, map.layout.sizes)
        var rule = ResizeRule(
            count: 0, scale: 1, coordinates: try coordinates(operation, call), nearest: nil)
        switch try call.node.text("mode", default: "nearest") {
        case "nearest": rule.nearest = try rounding(operation, call)
        case "linear", "bilinear": break
        case let other: throw Refusal("its mode is '\(other)'; known are nearest and linear")
        }
        guard try call.node.integer("antialias", default: 0) == 0 else {
            throw Refusal("it smooths the map before it makes it smaller (antialias), which is not known")
        }
        guard counts[0] == map.layout.sizes[0], counts[1] == map.layout.sizes[1] else {
            throw Refusal("it makes \(counts) of \(map.layout.sizes); known is resizing rows and columns")
        }
        var (rows, columns) = (rule, rule)
        (rows.count, rows.scale) = (counts[2], scales[2])
        (columns.count, columns.scale) = (counts[3], scales[3])
        return try appendResize(call.name, map, rows: rows, columns: columns)
    }

    /// How many times as large each dimension becomes, and how large: one is given, the other follows.
    private func sizes(
        _ operation: ONNXOperator, _ call: ONNXCall, _ own: [Int]
    ) throws -> (scales: [Float], counts: [Int]) {
        let isOld = operation == .upsample || call.opset < 11
        let axes = try call.node.integers("axes")?.map { try wrapped($0, rank: own.count) } ?? Array(own.indices)
        func spread<Number>(_ given: [Number], _ standard: [Number]) throws -> [Number] {
            guard given.count == axes.count else {
                throw Refusal("its \(given) is not one number for each of the axes \(axes)")
            }
            var all = standard
            for (axis, value) in zip(axes, given) { all[axis] = value }
            return all
        }
        func checked(_ scales: [Float], _ counts: [Int]) throws -> (scales: [Float], counts: [Int]) {
            guard scales.allSatisfy({ $0 > 0 && $0.isFinite }), counts.allSatisfy({ 1...Self.sideLimit ~= $0 }) else {
                throw Refusal("it makes \(counts) of \(own), in scales of \(scales)")
            }
            return (scales, counts)
        }
        if !isOld, let given = try call.optionalConstant(3, "sizes"), given.count > 0 {
            guard try call.node.text("keep_aspect_ratio_policy", default: "stretch") == "stretch" else {
                throw Refusal("it keeps the aspect ratio; export it with the sizes that come of it")
            }
            let counts = try spread(given.integers(), own)
            return try checked(zip(counts, own).map { Float($0) / Float($1) }, counts)
        }
        var given: [Float] = []
        if operation == .upsample, case .floats(let values) = call.node.attributes["scales"] { given = values }
        if given.isEmpty { given = try call.constant(isOld ? 1 : 2, "scales").floats() }
        let scales = try spread(given, own.map { _ in 1 })
        let counts = zip(own, scales).map { size, scale in
            let count = (Float(size) * scale).rounded(.down)
            return count >= 0 && count <= Float(Self.sideLimit) ? Int(count) : 0
        }
        return try checked(scales, counts)
    }

    private func coordinates(_ operation: ONNXOperator, _ call: ONNXCall) throws -> ResizeRule.Coordinates {
        guard operation == .resize, call.opset >= 11 else { return .asymmetric }
        switch try call.node.text("coordinate_transformation_mode", default: "half_pixel") {
        case "asymmetric": return .asymmetric
        case "half_pixel": return .halfPixel
        case "pytorch_half_pixel": return .pytorchHalfPixel
        case "align_corners": return .alignCorners
        case "tf_half_pixel_for_nn": return .tensorflowHalfPixel
        case let other:
            throw Refusal(
                "its coordinates are '\(other)'; known are asymmetric, half_pixel, pytorch_half_pixel and align_corners"
            )
        }
    }

    private func rounding(_ operation: ONNXOperator, _ call: ONNXCall) throws -> ResizeRule.Nearest {
        guard operation == .resize, call.opset >= 11 else { return .floor }
        switch try call.node.text("nearest_mode", default: "round_prefer_floor") {
        case "floor": return .floor
        case "ceil": return .ceiling
        case "round_prefer_floor": return .roundPreferFloor
        case "round_prefer_ceil": return .roundPreferCeiling
        case let other: throw Refusal("its nearest_mode is '\(other)', which ONNX does not know")
        }
    }
}
