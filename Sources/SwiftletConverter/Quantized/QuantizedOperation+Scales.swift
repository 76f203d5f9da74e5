/// The integers that operators compute with, derived from scales and zero points as TFLite derives them.
///
/// Whether a product of scales is taken in Float32 or in Float64 decides the last bit of a multiplier now and then: each
/// function says which, and why there are two. What it does not do: choose scales.
///
/// Source: the `Prepare` functions of TFLite's kernels and `kernels/internal/quantization_util.cc`.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletGraph
import SwiftletQuantizer

/// The activation that an operator ends with.
public enum FusedActivation: String, Sendable {
    case none = "NONE"
    case relu = "RELU"
    case relu6 = "RELU6"
    case reluMinus1To1 = "RELU_N1_TO_1"
}

extension OutputBounds {
    /// The int8 values that real bounds of an activation become.
    public init(_ output: AffineQuantization, activation: FusedActivation = .none) {
        func quantize(_ real: Float) -> Int8 {
            let value = Float(output.zeroPoint) + (real / output.scale).rounded(.toNearestOrAwayFromZero)
            return Int8(max(-128, min(127, value)))
        }
        let (low, high): (Float?, Float?) =
            switch activation {
            case .none: (nil, nil)
            case .relu: (0, nil)
            case .relu6: (0, 6)
            case .reluMinus1To1: (-1, 1)
            }
        self.init(
            zeroPoint: output.zeroPoint, low: low.map(quantize) ?? -128, high: high.map(quantize) ?? 127)
    }
}

extension FixedPointMultiplier {
    /// - Throws: `ConversionError.unsupported` for a number beyond what the format holds.
    static func checked(_ real: Double, node: String? = nil, _ operation: String) throws -> FixedPointMultiplier {
        guard let multiplier = FixedPointMultiplier(real) else {
            throw ConversionError.unsupported(
                node: node ?? operation, operation: operation, reason: "it needs the multiplier \(real)")
        }
        return multiplier
    }

    /// Those of a sum: both inputs come to twice the larger scale, in Float64.
    ///
    /// - Parameter leftShift: see `AddLayout`.
    static func addition(
        node: String? = nil, _ first: AffineQuantization, _ second: AffineQuantization, output: AffineQuantization,
        leftShift: Int32 = AddLayout.leftShift
    ) throws -> [FixedPointMultiplier] {
        let twice = 2 * Double(max(first.scale, second.scale))
        return try [
            Double(first.scale) / twice, Double(second.scale) / twice,
            twice / (Double(1 << leftShift) * Double(output.scale)),
        ].map { try .checked($0, node: node, "add") }
    }

    /// That of a mean of `pixels` pixels: the ratio of scales in Float64, shifted left as far as it keeps bits, then divided.
    static func mean(
        node: String? = nil, _ input: AffineQuantization, output: AffineQuantization, pixels: Int
    ) throws -> FixedPointMultiplier {
        let real = Double(input.scale) / Double(output.scale)
        guard let scale = FixedPointMultiplier(real), pixels > 0, pixels < (1 << 31) / 255 else {
            throw ConversionError.unsupported(
                node: node ?? "mean", operation: "mean", reason: "\(pixels) pixels with the multiplier \(real)")
        }
        let bits = min(Int.bitWidth - 1 - pixels.leadingZeroBitCount, 32, 31 + Int(scale.shift))
        return FixedPointMultiplier(
            multiplier: Int32((Int64(scale.multiplier) << Int64(bits)) / Int64(pixels)),
            shift: Int8(Int(scale.shift) - bits))
    }
}

extension QuantizedConvolution {
    /// Convolution, depthwise convolution, fully connected: one multiplier an output channel, in Float64.
    ///
    /// - Parameter weightScales: one, or one an output channel.
    public static func multipliers(
        input: AffineQuantization, weightScales: [Float], output: AffineQuantization, channels: Int
    ) throws -> [FixedPointMultiplier] {
        try (0..<channels).map { channel in
            let weight = Double(weightScales[weightScales.count == 1 ? 0 : channel])
            return try .checked(Double(input.scale) * weight / Double(output.scale), "convolution")
        }
    }
}

extension QuantizedBinary {
    /// Sum and difference.
    public static func add(
        _ first: AffineQuantization, _ second: AffineQuantization, output: AffineQuantization,
        negatesSecond: Bool = false, activation: FusedActivation = .none, constant: QuantizedConstant? = nil
    ) throws -> QuantizedBinary {
        var binary = QuantizedBinary(
            kind: .add, multipliers: try FixedPointMultiplier.addition(first, second, output: output),
            firstZeroPoint: first.zeroPoint, secondZeroPoint: second.zeroPoint,
            bounds: OutputBounds(output, activation: activation), constant: constant)
        binary.negatesSecond = negatesSecond
        return binary
    }

    /// Product: Float32 from left to right.
    public static func multiply(
        _ first: AffineQuantization, _ second: AffineQuantization, output: AffineQuantization,
        activation: FusedActivation = .none, constant: QuantizedConstant? = nil
    ) throws -> QuantizedBinary {
        QuantizedBinary(
            kind: .multiply,
            multipliers: [try .checked(Double(first.scale * second.scale / output.scale), "multiply")],
            firstZeroPoint: first.zeroPoint, secondZeroPoint: second.zeroPoint,
            bounds: OutputBounds(output, activation: activation), constant: constant)
    }

    /// PReLU: Float32.
    public static func prelu(
        _ input: AffineQuantization, slope: AffineQuantization, output: AffineQuantization,
        constant: QuantizedConstant? = nil
    ) throws -> QuantizedBinary {
        QuantizedBinary(
            kind: .prelu,
            multipliers: [
                try .checked(Double(input.scale / output.scale), "prelu"),
                try .checked(Double(input.scale * slope.scale / output.scale), "prelu"),
            ],
            firstZeroPoint: input.zeroPoint, secondZeroPoint: slope.zeroPoint,
            bounds: OutputBounds(zeroPoint: output.zeroPoint), constant: constant)
    }
}

extension QuantizedOperation {
    /// Mean of `pixels` pixels.
    public static func mean(
        _ input: AffineQuantization, output: AffineQuantization, pixels: Int
    ) throws -> QuantizedOperation {
        .mean(
            try FixedPointMultiplier.mean(input, output: output, pixels: pixels), inputZeroPoint: input.zeroPoint,
            OutputBounds(zeroPoint: output.zeroPoint))
    }
}

extension QuantizedSoftmax {
    /// Exponentials of Float32 products, as `expf` gives them.
    public static func table(
        _ input: AffineQuantization, beta: Float, output: AffineQuantization
    ) -> QuantizedSoftmax {
        let step = input.scale * beta
        return .table((0..<256).map { exponential(-step * Float($0)) }, outputScale: output.scale)
    }
}

extension ResizePoint {
    /// Between which of `input` rows or columns each of `output` ones lies, in 1/1024 (TFLite's `ResizeBilinearInteger`).
    public static func points(
        input: Int, output: Int, alignCorners: Bool, halfPixelCenters: Bool
    ) -> [ResizePoint] {
        let step =
            alignCorners && output > 1
            ? (((input - 1) << 10) + (output - 1) / 2) / (output - 1) : ((input << 10) + output / 2) / output
        return (0..<output).map { index in
            let position = index * step + (halfPixelCenters ? step / 2 - 512 : 0)
            let low = max(position / 1024, 0)
            let high = min((position + 1023) / 1024, input - 1)
            return ResizePoint(low: UInt16(low), high: UInt16(max(high, 0)), fraction: Int32(position - 1024 * low))
        }
    }
}

extension Rearrangement {
    /// Which of `input` rows or columns each of `output` ones repeats, in Float32 as TFLite computes it.
    public static func nearest(
        input: Int, output: Int, alignCorners: Bool, halfPixelCenters: Bool
    ) -> [Int] {
        let step =
            alignCorners && output > 1 ? Float(input - 1) / Float(output - 1) : Float(input) / Float(output)
        return (0..<output).map { index in
            let position = (Float(index) + (halfPixelCenters ? 0.5 : 0)) * step
            let nearest = alignCorners ? position.rounded(.toNearestOrAwayFromZero) : position.rounded(.down)
            return min(Int(nearest), input - 1)
        }
    }

    /// Mirror images on both sides of `count` rows, columns or channels.
    ///
    /// - Parameter repeatsEdge: whether the edge itself is mirrored, too (`SYMMETRIC`, else `REFLECT`).
    public static func mirrored(count: Int, before: Int, after: Int, repeatsEdge: Bool) -> [Int] {
        let offset = repeatsEdge ? 1 : 0
        return (-before..<(count + after)).map { index in
            if index < 0 { return -index - offset }
            return index < count ? index : 2 * count - 2 - index + offset
        }
    }
}
