/// The int8 operators written down as their specification says them: one plain loop each, every tap tested for being inside.
///
/// Independent of the kernels on purpose: no packed weights, no rows, no folded biases. What it does not do: be fast.

/// An int8 feature map, rows x columns x channels.
public struct IntegerMap: Equatable, Sendable {
    public var height: Int
    public var width: Int
    public var channels: Int
    public var values: [Int8]

    public init(height: Int, width: Int, channels: Int, values: [Int8]) {
        precondition(
            height * width * channels == values.count, "\(height)x\(width)x\(channels), \(values.count) values")
        self.height = height
        self.width = width
        self.channels = channels
        self.values = values
    }

    public subscript(y: Int, x: Int, channel: Int) -> Int8 { values[(y * width + x) * channels + channel] }

    /// The value at (y, x), nil outside of the map.
    func tap(_ y: Int, _ x: Int, _ channel: Int) -> Int32? {
        guard y >= 0, y < height, x >= 0, x < width else { return nil }
        return Int32(self[y, x, channel])
    }
}

/// Where a window stands and how large its output is.
public struct IntegerWindow: Sendable {
    public var kernel: (height: Int, width: Int)
    public var stride: (height: Int, width: Int)
    public var dilation: (height: Int, width: Int)
    public var padding: (top: Int, left: Int)
    public var output: (height: Int, width: Int)

    public init(
        kernel: (height: Int, width: Int), stride: (height: Int, width: Int) = (1, 1),
        dilation: (height: Int, width: Int) = (1, 1), padding: (top: Int, left: Int) = (0, 0),
        output: (height: Int, width: Int)
    ) {
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
        self.padding = padding
        self.output = output
    }

    func row(_ y: Int, _ ky: Int) -> Int { y * stride.height - padding.top + ky * dilation.height }
    func column(_ x: Int, _ kx: Int) -> Int { x * stride.width - padding.left + kx * dilation.width }
}

/// A real factor `multiplier / 2^31 * 2^shift`.
public struct IntegerScale: Sendable {
    public var multiplier: Int32
    public var shift: Int

    public init(multiplier: Int32, shift: Int) {
        self.multiplier = multiplier
        self.shift = shift
    }

    /// `x` shifted left (wrapping at 32 bits), times `multiplier` over 2^31 with halves up, then divided by a power of two
    /// with halves away from zero.
    public func callAsFunction(_ x: Int32) -> Int32 {
        let shifted = Int64(x &<< Int32(max(shift, 0)))
        let high = (shifted * Int64(multiplier) + (1 << 30)) >> 31
        let divisor = Int64(1) << Int64(max(-shift, 0))
        let magnitude = (abs(high) + divisor / 2) / divisor
        return Int32(high < 0 ? -magnitude : magnitude)
    }
}

/// The output's zero point and its clamp.
public struct IntegerRange: Sendable {
    public var zeroPoint: Int32
    public var low: Int32
    public var high: Int32

    public init(zeroPoint: Int32, low: Int32 = -128, high: Int32 = 127) {
        self.zeroPoint = zeroPoint
        self.low = low
        self.high = high
    }

    func clamp(_ value: Int32) -> Int8 { Int8(max(low, min(high, value))) }
}

public enum IntegerReference {
    /// - Parameters:
    ///   - weights: `[output][kernel row][kernel column][input of the group]`.
    ///   - pads: what padding holds in each input channel; nil skips the taps outside.
    public static func convolve(
        _ input: IntegerMap, weights: [Int8], bias: [Int32], scales: [IntegerScale], groups: Int, inputZeroPoint: Int32,
        pads: [Int8]? = nil, window: IntegerWindow, range: IntegerRange
    ) -> IntegerMap {
        let outputs = bias.count
        let groupInputs = input.channels / groups
        let groupOutputs = outputs / groups
        return make(window, channels: outputs) { y, x, channel in
            var sum = bias[channel]
            for ky in 0..<window.kernel.height {
                for kx in 0..<window.kernel.width {
                    for i in 0..<groupInputs {
                        let source = channel / groupOutputs * groupInputs + i
                        let inside = input.tap(window.row(y, ky), window.column(x, kx), source)
                        guard let value = inside ?? pads.map({ Int32($0[source]) }) else { continue }
                        let tap = (channel * window.kernel.height + ky) * window.kernel.width + kx
                        sum &+= (value - inputZeroPoint) &* Int32(weights[tap * groupInputs + i])
                    }
                }
            }
            return range.clamp(scales[channel](sum) &+ range.zeroPoint)
        }
    }

    public static func maxPool(_ input: IntegerMap, window: IntegerWindow, range: IntegerRange) -> IntegerMap {
        make(window, channels: input.channels) { y, x, channel in
            range.clamp(taps(input, window, y, x, channel).max() ?? -128)
        }
    }

    public static func averagePool(_ input: IntegerMap, window: IntegerWindow, range: IntegerRange) -> IntegerMap {
        make(window, channels: input.channels) { y, x, channel in
            let values = taps(input, window, y, x, channel)
            let sum = values.reduce(0, +)
            let count = Int32(max(values.count, 1))
            return range.clamp((sum > 0 ? sum + count / 2 : sum - count / 2) / count)
        }
    }

    /// The mean over the whole map; the division by the number of pixels is in `scale`.
    public static func mean(
        _ input: IntegerMap, inputZeroPoint: Int32, scale: IntegerScale, range: IntegerRange
    ) -> IntegerMap {
        make(IntegerWindow(kernel: (1, 1), output: (1, 1)), channels: input.channels) { _, _, channel in
            var sum: Int32 = 0
            for y in 0..<input.height {
                for x in 0..<input.width { sum += Int32(input[y, x, channel]) - inputZeroPoint }
            }
            return range.clamp(scale(sum) + range.zeroPoint)
        }
    }

    /// Each input has its zero point and its scale to the common one; `sum` brings the sum to the output's.
    public static func add(
        _ first: IntegerMap, zeroPoint firstZeroPoint: Int32, scale firstScale: IntegerScale,
        _ second: IntegerMap, zeroPoint secondZeroPoint: Int32, scale secondScale: IntegerScale,
        sum: IntegerScale, range: IntegerRange
    ) -> IntegerMap {
        var result = first
        result.values = zip(first.values, second.values).map { a, b in
            let left = firstScale((Int32(a) - firstZeroPoint) << 20)
            let right = secondScale((Int32(b) - secondZeroPoint) << 20)
            return range.clamp(sum(left + right) + range.zeroPoint)
        }
        return result
    }

    private static func taps(_ input: IntegerMap, _ window: IntegerWindow, _ y: Int, _ x: Int, _ channel: Int)
        -> [Int32]
    {
        (0..<window.kernel.height).flatMap { ky in
            (0..<window.kernel.width).compactMap { kx in input.tap(window.row(y, ky), window.column(x, kx), channel) }
        }
    }

    private static func make(_ window: IntegerWindow, channels: Int, _ value: (Int, Int, Int) -> Int8) -> IntegerMap {
        var values: [Int8] = []
        for y in 0..<window.output.height {
            for x in 0..<window.output.width { for channel in 0..<channels { values.append(value(y, x, channel)) } }
        }
        return IntegerMap(height: window.output.height, width: window.output.width, channels: channels, values: values)
    }
}
