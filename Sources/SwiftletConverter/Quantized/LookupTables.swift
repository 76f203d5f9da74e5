/// Tables of 256 entries for every operator of one input that treats each value alone.
///
/// What it does not do: differ between an operator's table and its formula; the table is made with the formula, once.
///
/// Source: the reference kernels of TFLite, named at each function.
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import SwiftletArithmetic
import SwiftletGraph
import SwiftletQuantizer

/// `e^x` in Float32, from the C library.
func exponential(_ x: Float) -> Float { expf(x) }

/// A table entry for each int8 value, -128 first.
public enum LookupTable {
    /// `clamp(zeroPoint + M(x - zx))`: requantization and the ReLU family. TFLite `quantize`, `activations`.
    public static func rescaling(
        _ multiplier: FixedPointMultiplier, inputZeroPoint: Int8, bounds: OutputBounds
    ) -> [Int8] {
        leakyReLU(positive: multiplier, negative: multiplier, inputZeroPoint: inputZeroPoint, bounds: bounds)
    }

    /// As `rescaling`, with a multiplier of its own below zero. TFLite `leaky_relu`.
    public static func leakyReLU(
        positive: FixedPointMultiplier, negative: FixedPointMultiplier, inputZeroPoint: Int8, bounds: OutputBounds
    ) -> [Int8] {
        (-128...127).map { value in
            let x = Int32(value) - Int32(inputZeroPoint)
            let scaled = (x >= 0 ? positive : negative).apply(x) &+ Int32(bounds.zeroPoint)
            return clampToInt8(scaled, bounds.low, bounds.high)
        }
    }

    /// A real function in Float32. The output is divided by multiplying with `1 / scale`. TFLite `LUTPopulate`.
    public static func function(
        _ input: AffineQuantization, _ output: AffineQuantization, _ function: (Float) -> Float
    ) -> [Int8] {
        let inverse = 1 / output.scale
        return (-128...127).map { value in
            let real = function(input.scale * Float(value - Int(input.zeroPoint)))
            let rescaled = (real * inverse).rounded(.toNearestOrAwayFromZero) + Float(output.zeroPoint)
            return Int8(max(-128, min(127, rescaled)))
        }
    }

    public static func logistic(_ input: AffineQuantization, _ output: AffineQuantization) -> [Int8] {
        function(input, output) { 1 / (1 + expf(-$0)) }
    }

    public static func tanh(_ input: AffineQuantization, _ output: AffineQuantization) -> [Int8] {
        function(input, output) { tanhf($0) }
    }

    /// `x` from zero up, `e^x - 1` below.
    public static func elu(_ input: AffineQuantization, _ output: AffineQuantization) -> [Int8] {
        function(input, output) { $0 < 0 ? expm1f($0) : $0 }
    }

    /// `x * relu6(x + 3) / 6` in 16-bit fixed point. TFLite `HardSwish`.
    public static func hardSwish(_ parameters: HardSwish) -> [Int8] {
        (-128...127).map { value in
            let input = Int16(truncatingIfNeeded: (value - Int(parameters.inputZeroPoint)) << 7)
            let scaled = doubledHigh(input, parameters.outputMultiplier)
            var gate = input
            if parameters.reluishExponent > 0 { gate = saturated(Int32(gate) << (parameters.reluishExponent - 1)) }
            gate = doubledHigh(gate, parameters.reluishMultiplier)
            if parameters.reluishExponent > 0 { gate = saturated(Int32(gate) << 1) }
            if parameters.reluishExponent < 0 { gate = shiftedRight(gate, by: -parameters.reluishExponent) }
            // From -1..<1 to 0..<1.
            gate = Int16(truncatingIfNeeded: (Int32(gate) + 32768) >> 1)
            let product = Int16(truncatingIfNeeded: Int32(gate) * Int32(scaled) / 32768)
            let result =
                Int32(shiftedRight(product, by: -parameters.outputExponent)) + Int32(parameters.outputZeroPoint)
            return clampToInt8(result, -128, 127)
        }
    }

    /// To nearest, halves up; -32768 squared saturates.
    private static func doubledHigh(_ a: Int16, _ b: Int16) -> Int16 {
        if a == .min && b == .min { return .max }
        return Int16(truncatingIfNeeded: (Int32(a) * Int32(b) + 16384) >> 15)
    }

    private static func saturated(_ value: Int32) -> Int16 { Int16(max(-32768, min(32767, value))) }

    private static func shiftedRight(_ value: Int16, by bits: Int) -> Int16 {
        Int16(truncatingIfNeeded: divideByPowerOfTwo(Int32(value), exponent: Int32(bits)))
    }
}

/// What hard-swish computes with.
public struct HardSwish: Equatable, Sendable {
    public var inputZeroPoint: Int8
    public var outputZeroPoint: Int8
    public var outputMultiplier: Int16
    public var outputExponent: Int
    public var reluishMultiplier: Int16
    public var reluishExponent: Int

    public init(
        inputZeroPoint: Int8, outputZeroPoint: Int8, outputMultiplier: Int16, outputExponent: Int,
        reluishMultiplier: Int16, reluishExponent: Int
    ) {
        self.inputZeroPoint = inputZeroPoint
        self.outputZeroPoint = outputZeroPoint
        self.outputMultiplier = outputMultiplier
        self.outputExponent = outputExponent
        self.reluishMultiplier = reluishMultiplier
        self.reluishExponent = reluishExponent
    }

    /// In Float32: the input is shifted left by 7 bits, and 3.0 becomes the end of the 16-bit range.
    public init(_ input: AffineQuantization, _ output: AffineQuantization) throws {
        let fine = Float(1) / 128 * input.scale
        let scale = try FixedPointMultiplier.checked(Double(fine / output.scale), "hard-swish")
        let gate = try FixedPointMultiplier.checked(Double(fine / (Float(3) / 32768)), "hard-swish")
        guard scale.shift <= 0 else {
            throw ConversionError.unsupported(
                node: "hard-swish", operation: "hard-swish", reason: "the output is finer than 1/128 of the input")
        }
        func narrow(_ multiplier: Int32) -> Int16 { Int16(min((Int64(multiplier) + 32768) >> 16, 32767)) }
        self.init(
            inputZeroPoint: input.zeroPoint, outputZeroPoint: output.zeroPoint,
            outputMultiplier: narrow(scale.multiplier), outputExponent: Int(scale.shift),
            reluishMultiplier: narrow(gate.multiplier), reluishExponent: Int(gate.shift))
    }
}

extension LookupTable {
    /// Ratio of scales in Float64, as `quantize` has it.
    public static func requantizing(_ input: AffineQuantization, _ output: AffineQuantization) throws -> [Int8] {
        let multiplier = try FixedPointMultiplier.checked(
            Double(input.scale) / Double(output.scale), "requantization")
        return rescaling(
            multiplier, inputZeroPoint: input.zeroPoint, bounds: OutputBounds(zeroPoint: output.zeroPoint))
    }

    /// Ratio of scales in Float32, as the ReLU kernels have it.
    public static func relu(
        _ input: AffineQuantization, _ output: AffineQuantization, activation: FusedActivation
    ) throws -> [Int8] {
        rescaling(
            try .checked(Double(input.scale / output.scale), activation.rawValue), inputZeroPoint: input.zeroPoint,
            bounds: OutputBounds(output, activation: activation))
    }

    /// Products of scales in Float32.
    public static func leakyReLU(
        _ input: AffineQuantization, _ output: AffineQuantization, slope: Float
    ) throws -> [Int8] {
        leakyReLU(
            positive: try .checked(Double(input.scale / output.scale), "leaky ReLU"),
            negative: try .checked(Double(input.scale * slope / output.scale), "leaky ReLU"),
            inputZeroPoint: input.zeroPoint, bounds: OutputBounds(zeroPoint: output.zeroPoint))
    }
}

extension Activation {
    /// The activation of one real number.
    func value(at x: Float) -> Float {
        switch self {
        case .relu: max(x, 0)
        case .relu6: min(max(x, 0), 6)
        case .leakyReLU(let slope): x < 0 ? slope * x : x
        case .sigmoid: 1 / (1 + expf(-x))
        case .tanh: tanhf(x)
        case .swish: x / (1 + expf(-x))
        case .elu(let alpha): x > 0 ? x : alpha * expm1f(x)
        case .hardSwish: x * min(max(x + 3, 0), 6) / 6
        case .hardSigmoid(let slope, let offset): min(max(slope * x + offset, 0), 1)
        case .power(let scale, let offset, let exponent):
            // Rounding may take the base of a root below zero.
            powf(exponent == exponent.rounded() ? scale * x + offset : max(scale * x + offset, 0), exponent)
        }
    }
}
