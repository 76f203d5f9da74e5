/// A network as TensorFlow Lite has it: tensors, those of integers with scales, and operators by their builtin names.
///
/// What it does not do: read files, or become a graph; `TFLiteTranslator` and `TFLiteFloatTranslator` do the latter.
import SwiftletGraph
import SwiftletQuantizer

public struct TFLiteTensor: Sendable {
    public enum Element: String, Sendable {
        case int8, int16, int32, float16, float32
    }

    public var name: String
    /// Dimensions, NHWC for maps.
    public var shape: [Int]
    public var element: Element
    /// One, or one a channel; empty where the file has none.
    public var scales: [Float]
    public var zeroPoint: Int
    /// Which dimension several scales are for.
    public var scaledDimension = 0
    /// A constant's integers; nil for what is computed and for floats.
    public var values: [Int]?
    /// A constant's floats; nil for what is computed and for integers.
    public var reals: [Float]?

    public init(
        name: String, shape: [Int], element: Element = .int8, scales: [Float] = [], zeroPoint: Int = 0,
        values: [Int]? = nil, reals: [Float]? = nil
    ) {
        self.name = name
        self.shape = shape
        self.element = element
        self.scales = scales
        self.zeroPoint = zeroPoint
        self.values = values
        self.reals = reals
    }

    /// As a map of rows x columns x channels: a leading dimension beyond three is the batch, missing ones are 1. A matrix is a
    /// column of pixels.
    public var map: Shape {
        switch shape.count {
        case 0: Shape(height: 1, width: 1, channels: 1)
        case 1: Shape(height: 1, width: 1, channels: shape[0])
        case 2: Shape(height: shape[0], width: 1, channels: shape[1])
        default:
            Shape(height: shape[shape.count - 3], width: shape[shape.count - 2], channels: shape[shape.count - 1])
        }
    }

    public var quantization: AffineQuantization {
        AffineQuantization(scale: scales.first ?? 1, zeroPoint: Int8(clamping: zeroPoint))
    }
}

/// An operator's option.
public enum TFLiteOption: Equatable, Sendable {
    case integer(Int)
    case real(Float)
    case text(String)
    case list([Int])
    case pairs([[Int]])
}

public struct TFLiteOperator: Sendable {
    /// The builtin's name, `CONV_2D` and the like.
    public var name: String
    /// Indices of tensors; -1 for an optional one that is missing.
    public var inputs: [Int]
    public var outputs: [Int]
    public var options: [String: TFLiteOption]

    public init(name: String, inputs: [Int], outputs: [Int], options: [String: TFLiteOption] = [:]) {
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.options = options
    }

    func integer(_ name: String, default value: Int) -> Int {
        if case .integer(let found) = options[name] { return found }
        return value
    }

    func list(_ name: String) -> [Int]? {
        if case .list(let found) = options[name] { return found }
        return nil
    }

    func text(_ name: String) -> String? {
        if case .text(let found) = options[name] { return found }
        return nil
    }

    func real(_ name: String, default value: Float) -> Float {
        switch options[name] {
        case .real(let found): return found
        case .integer(let found): return Float(found)
        default: return value
        }
    }
}

public struct TFLiteGraph: Sendable {
    public var name: String
    public var tensors: [TFLiteTensor]
    /// In the order of execution.
    public var operators: [TFLiteOperator]
    public var inputs: [Int]
    public var outputs: [Int]

    public init(
        name: String, tensors: [TFLiteTensor], operators: [TFLiteOperator], inputs: [Int], outputs: [Int]
    ) {
        self.name = name
        self.tensors = tensors
        self.operators = operators
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Whether it computes in floats alone. Integers may be sizes, and half-precision constants are widened.
    public var isFloat: Bool {
        let isFloatInput = inputs.allSatisfy { tensors[$0].element == .float32 }
        return isFloatInput
            && operators.allSatisfy { operation in
                operation.outputs.allSatisfy { [.float32, .int32].contains(tensors[$0].element) }
            }
    }
}
