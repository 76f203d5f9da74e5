/// The translations of operators that compute: convolutions, pools, sums and the like, and functions as tables.
///
/// What it does not do: derive multipliers; `QuantizedGraph`'s own constructors do, as TFLite's reference does.
import SwiftletArithmetic
import SwiftletConverter
import SwiftletFormat
import SwiftletGraph
import SwiftletQuantizer

extension TFLiteTranslator {
    func table() throws -> [Int8] {
        let (input, output) = (try quantization(0), output.quantization)
        switch current.name {
        case "QUANTIZE": return try LookupTable.requantizing(input, output)
        case "LEAKY_RELU":
            return try LookupTable.leakyReLU(input, output, slope: current.real("alpha", default: 0))
        case "LOGISTIC": return LookupTable.logistic(input, output)
        case "TANH": return LookupTable.tanh(input, output)
        case "ELU": return LookupTable.elu(input, output)
        case "HARD_SWISH": return LookupTable.hardSwish(try HardSwish(input, output))
        default:
            guard let activation = FusedActivation(rawValue: current.name) else {
                throw TFLiteError.unsupportedOperator(index: index, name: current.name)
            }
            return try LookupTable.relu(input, output, activation: activation)
        }
    }

    /// - Parameters:
    ///   - kernel: rows and columns.
    ///   - dilation: of the kernel.
    private func window(kernel: Extent, dilation: Extent = .one) throws -> Window {
        let (input, output) = (try shape(0), output.map)
        let stride = Extent(
            height: current.integer("stride_h", default: 1), width: current.integer("stride_w", default: 1))
        guard stride.height > 0, stride.width > 0, kernel.height > 0, kernel.width > 0 else {
            throw unsupported("strides and kernels must be positive")
        }
        var padding = Padding.none
        switch current.text("padding") {
        case "SAME": padding = .same(input: input, kernel: kernel, stride: stride, dilation: dilation)
        case "EXPLICIT":
            padding.top = current.integer("pad_top", default: 0)
            padding.left = current.integer("pad_left", default: 0)
        default: break
        }
        // What is missing below and to the right follows from the size of the output.
        func end(_ size: Int, _ kernel: Int, _ dilation: Int, _ stride: Int, _ start: Int, _ count: Int) -> Int {
            max(0, (count - 1) * stride + (kernel - 1) * dilation + 1 - size - start)
        }
        padding.bottom = end(
            input.height, kernel.height, dilation.height, stride.height, padding.top, output.height)
        padding.right = end(input.width, kernel.width, dilation.width, stride.width, padding.left, output.width)
        return Window(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
    }

    func poolWindow() throws -> Window {
        try window(
            kernel: Extent(
                height: current.integer("filter_h", default: 1), width: current.integer("filter_w", default: 1)))
    }

    mutating func convolution(isDepthwise: Bool) throws {
        let filter = try tensor(1)
        let (input, output) = (try shape(0), output.map)
        guard filter.shape.count == 4 else { throw unsupported("its weights must be of four dimensions") }
        let stored = try weights()
        let kernel = Extent(height: filter.shape[1], width: filter.shape[2])
        let taps = kernel.height * kernel.width
        var weights = stored
        if isDepthwise {
            // [tap][output] -> [output][tap]
            let channels = filter.shape[3]
            weights = (0..<channels).flatMap { channel in (0..<taps).map { stored[$0 * channels + channel] } }
        }
        let groups = isDepthwise ? input.channels : input.channels / max(1, filter.shape[3])
        let dilation = Extent(
            height: current.integer("dilation_h", default: 1), width: current.integer("dilation_w", default: 1))
        try emit(
            QuantizedConvolution(
                window: try window(kernel: kernel, dilation: dilation), groups: groups, weights: [],
                bias: try bias(count: output.channels),
                multipliers: try multipliers(filter, channels: output.channels),
                inputZeroPoint: try quantization(0).zeroPoint, bounds: bounds),
            weights: weights, shape: output)
    }

    /// Less their zero point: what reaches the sums.
    private func weights() throws -> [Int] {
        let filter = try tensor(1)
        guard filter.element == .int8, filter.zeroPoint == 0 || filter.isUnsigned && -128...127 ~= filter.zeroPoint
        else {
            throw unsupported(
                "its weights are \(filter.element) with the zero point \(filter.zeroPoint); known are int8 with 0, and uint8"
            )
        }
        return try constant(1).map { $0 - filter.zeroPoint }
    }

    private func multipliers(_ filter: TFLiteTensor, channels: Int) throws -> [FixedPointMultiplier] {
        guard [0, 1, channels].contains(filter.scales.count) else {
            throw unsupported("\(filter.scales.count) weight scales for \(channels) output channels")
        }
        let (input, scales) = (try quantization(0), filter.scales.isEmpty ? [1] : filter.scales)
        if filter.isUnsigned, scales.count == 1 {
            // The kernels of uint8 take the product of the scales in Float32.
            let real = Double(input.scale * scales[0]) / Double(output.quantization.scale)
            guard let multiplier = FixedPointMultiplier(real) else {
                throw unsupported("it needs the multiplier \(real)")
            }
            return Array(repeating: multiplier, count: channels)
        }
        return try QuantizedConvolution.multipliers(
            input: input, weightScales: scales, output: output.quantization, channels: channels)
    }

    private func bias(count: Int) throws -> [Int32] {
        guard current.inputs.count > 2, current.inputs[2] >= 0 else { return Array(repeating: 0, count: count) }
        return try constant(2).map { Int32(clamping: $0) }
    }

    /// A window that covers what one output reads: the whole map, a row of it, or one pixel.
    mutating func fullyConnected() throws {
        let filter = try tensor(1)
        let input = try shape(0)
        guard filter.shape.count == 2 else { throw unsupported("its weights must be of two dimensions") }
        let (count, depth) = (filter.shape[0], filter.shape[1])
        let kernel: Extent
        if depth == input.channels {
            kernel = .one
        } else if depth == input.elementCount {
            kernel = Extent(height: input.height, width: input.width)
        } else if depth == input.width * input.channels {
            kernel = Extent(height: 1, width: input.width)
        } else {
            throw unsupported("\(depth) inputs of a \(input) map are neither its channels, nor a row, nor all")
        }
        let shape = Shape(
            height: input.height / kernel.height, width: input.width / kernel.width, channels: count)
        try emit(
            QuantizedConvolution(
                window: Window(kernel: kernel), weights: [], bias: try bias(count: count),
                multipliers: try multipliers(filter, channels: count),
                inputZeroPoint: try quantization(0).zeroPoint, bounds: bounds),
            weights: weights(), shape: shape)
    }

    /// Over all rows and columns.
    mutating func reduction() throws {
        let input = try shape(0)
        guard Set(current.list("axes") ?? []) == [1, 2], try tensor(0).shape.count == 4 else {
            throw unsupported("only rows and columns together can be reduced")
        }
        let shape = Shape(height: 1, width: 1, channels: input.channels)
        if current.name == "REDUCE_MAX" {
            let window = Window(kernel: Extent(height: input.height, width: input.width))
            try emit(.maxPool(window, OutputBounds()), shape: shape)
        } else {
            try emit(
                try .mean(try quantization(0), output: output.quantization, pixels: input.height * input.width),
                shape: shape)
        }
    }

    /// - Parameter make: of the scales of both inputs and the output, and the second input where it is a constant.
    mutating func binary(
        _ make: (AffineQuantization, AffineQuantization, AffineQuantization, QuantizedConstant?) throws ->
            QuantizedBinary
    ) throws {
        let tensors = (try tensor(0), try tensor(1))
        let scales = (tensors.0.quantization, tensors.1.quantization)
        func constant(_ tensor: TFLiteTensor) -> QuantizedConstant? {
            tensor.values.map { values in
                // Dimensions are aligned at the last one.
                let shape = Array(repeating: 1, count: max(0, 3 - tensor.shape.count)) + tensor.shape.suffix(3)
                return QuantizedConstant(
                    shape: Shape(height: shape[0], width: shape[1], channels: shape[2]),
                    values: values.map { Int8(clamping: $0) })
            }
        }
        let inputs = (constant(tensors.0), constant(tensors.1))
        if inputs.0 != nil, inputs.1 != nil { throw unsupported("both inputs are constants") }
        var operation: QuantizedBinary
        if let first = inputs.0 {
            guard current.name != "PRELU" else { throw unsupported("its first input is a constant") }
            // The constant comes second; a difference remembers which one is subtracted.
            operation = try make(scales.1, scales.0, output.quantization, first)
            swap(&operation.negatesFirst, &operation.negatesSecond)
            try emit(.binary(operation), inputs: [try value(current.inputs[1])])
        } else {
            operation = try make(scales.0, scales.1, output.quantization, inputs.1)
            let read = inputs.1 == nil ? [0, 1] : [0]
            try emit(.binary(operation), inputs: try read.map { try value(current.inputs[$0]) })
        }
    }
}
