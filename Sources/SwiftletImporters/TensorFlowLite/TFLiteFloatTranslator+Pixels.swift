/// Padding, resizing and local response normalization of float networks.
///
/// What it does not do: pad batches, or channels with anything but zeros.
import SwiftletGraph

extension TFLiteFloatTranslator {
    mutating func pad(_ name: String) throws -> LaidOutMap {
        let map = try pixels()
        guard case .pairs(let pads)? = current.options["paddings"], pads.count == 4,
            pads.joined().allSatisfy({ (0...Self.sideLimit).contains($0) }), pads.allSatisfy({ $0.count == 2 }),
            pads[0] == [0, 0]
        else {
            throw Refusal(
                "its paddings are not two numbers from 0 to \(Self.sideLimit) for rows, columns and channels each")
        }
        var mode = PadMode.constant(current.real("pad_value", default: 0))
        if current.name == "MIRROR_PAD" { mode = current.text("mode") == "SYMMETRIC" ? .symmetric : .reflect }
        return try appendPadding(
            name, map, channels: (pads[3][0], pads[3][1]), rows: (pads[1][0], pads[1][1]),
            columns: (pads[2][0], pads[2][1]), mode: mode)
    }

    mutating func resize(_ name: String) throws -> LaidOutMap {
        let map = try pixels()
        let (own, target) = (graph.shape(of: map.value), output.map)
        let alignsCorners = current.integer("align_corners", default: 0) != 0
        let hasHalfPixels = current.integer("half_pixel_centers", default: 0) != 0
        let isNearest = current.name == "RESIZE_NEAREST_NEIGHBOR"
        guard (1...Self.sideLimit).contains(target.height), (1...Self.sideLimit).contains(target.width) else {
            throw Refusal("it makes \(target)")
        }
        func rule(_ size: Int, _ count: Int) -> ResizeRule {
            let coordinates: ResizeRule.Coordinates =
                alignsCorners
                ? .alignCorners
                : hasHalfPixels ? (isNearest ? .tensorflowHalfPixel : .halfPixel) : .asymmetric
            return ResizeRule(
                count: count, scale: Float(count) / Float(size), coordinates: coordinates,
                nearest: isNearest ? (alignsCorners ? .roundPreferCeiling : .floor) : nil)
        }
        return try appendResize(
            name, map, rows: rule(own.height, target.height), columns: rule(own.width, target.width))
    }

    mutating func localResponse(_ name: String) throws -> LaidOutMap {
        let radius = current.integer("radius", default: 5)
        guard (0...Self.sideLimit).contains(radius) else { throw Refusal("its radius is \(radius)") }
        return try appendLocalResponse(
            name, pixels(),
            LocalResponse(
                before: radius, after: radius, bias: current.real("bias", default: 1),
                scale: current.real("alpha", default: 1), exponent: current.real("beta", default: 0.5)))
    }
}
