/// Convolution and depthwise convolution, int8, one output row: the readable reference.
///
/// What it does not do: be fast. Vector kernels give the same bytes from the same packed weights.
import SwiftletArithmetic
import SwiftletFormat

/// The constants of one convolution, where they lie in the file.
public struct ConvolutionParameters {
    public var layout: ConvolutionLayout
    public var bias: UnsafePointer<Int32>
    public var multiplier: UnsafePointer<Int32>
    public var shift: UnsafePointer<Int8>
    /// What padding holds: one value an input channel.
    public var padPixel: UnsafePointer<Int8>
    public var weights: UnsafePointer<Int8>
    public var range: OutputRange

    public init(block: UnsafeRawPointer, layout: ConvolutionLayout, range: OutputRange) {
        self.layout = layout
        bias = block.assumingMemoryBound(to: Int32.self)
        multiplier = (block + layout.multiplierOffset).assumingMemoryBound(to: Int32.self)
        shift = (block + layout.shiftOffset).assumingMemoryBound(to: Int8.self)
        padPixel = (block + layout.padPixelOffset).assumingMemoryBound(to: Int8.self)
        weights = (block + layout.weightsOffset).assumingMemoryBound(to: Int8.self)
        self.range = range
    }

    /// Accumulator to output: `clamp(zeroPoint + acc * multiplier)`.
    @inline(__always)
    func requantize(_ accumulator: Int32, channel: Int) -> Int8 {
        let scale = FixedPointMultiplier(multiplier: multiplier[channel], shift: shift[channel])
        return range.clamp(scale.apply(accumulator) &+ range.zeroPoint)
    }
}

/// Grouped convolution, one output row.
///
///     input   [kernel rows][width][channels]      output  [width][channels]
///     weights [group][block of 16 outputs][tap][quad of inputs][16][4]      see `ConvolutionLayout`
///     acc     = bias + sum over taps and the group's inputs of x * w
///     y       = clamp(zeroPoint + acc * multiplier[c])
///
/// `bias` already holds `-inputZeroPoint * sum(w)`, and padding holds real values (the zero point), so every tap counts.
/// |acc| < 2^31 on every input: the converter proves it for each channel. Additions wrap and never trap.
public func convolveRow(
    _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
) {
    let layout = parameters.layout
    let groupInputs = layout.groupInputs
    let blocks = (layout.groupOutputs + ConvolutionLayout.blockChannels - 1) / ConvolutionLayout.blockChannels
    let wholeQuads = groupInputs / ConvolutionLayout.quad
    var sums = SIMD16<Int32>()
    for x in 0..<output.width {
        for group in 0..<layout.groups {
            for block in 0..<blocks {
                let firstOutput = group * layout.groupOutputs + block * ConvolutionLayout.blockChannels
                let outputs = min(ConvolutionLayout.blockChannels, layout.groupOutputs - block * ConvolutionLayout.blockChannels)
                let width = layout.blockWidth(block)
                var weights = parameters.weights + layout.weightIndex(output: firstOutput, tap: 0, input: 0)
                sums = .zero
                for ky in 0..<window.kernelHeight {
                    for kx in 0..<window.kernelWidth {
                        let pixel = window.pixel(input, x: x, ky: ky, kx: kx)
                        for quad in 0..<layout.quads {
                            let first = group * groupInputs + quad * ConvolutionLayout.quad
                            let count = quad < wholeQuads ? ConvolutionLayout.quad : groupInputs - quad * ConvolutionLayout.quad
                            var taps = (Int32(0), Int32(0), Int32(0), Int32(0))
                            if let pixel {
                                taps.0 = input.value(pixel, first)
                                if count > 1 { taps.1 = input.value(pixel, first + 1) }
                                if count > 2 { taps.2 = input.value(pixel, first + 2) }
                                if count > 3 { taps.3 = input.value(pixel, first + 3) }
                            } else {
                                taps.0 = Int32(parameters.padPixel[first])
                                if count > 1 { taps.1 = Int32(parameters.padPixel[first + 1]) }
                                if count > 2 { taps.2 = Int32(parameters.padPixel[first + 2]) }
                                if count > 3 { taps.3 = Int32(parameters.padPixel[first + 3]) }
                            }
                            for lane in 0..<width {
                                let w = weights + lane * ConvolutionLayout.quad
                                sums[lane] &+= taps.0 &* Int32(w[0]) &+ taps.1 &* Int32(w[1])
                                    &+ taps.2 &* Int32(w[2]) &+ taps.3 &* Int32(w[3])
                            }
                            weights += width * ConvolutionLayout.quad
                        }
                    }
                }
                for lane in 0..<outputs {
                    let channel = firstOutput + lane
                    let value = parameters.requantize(sums[lane] &+ parameters.bias[channel], channel: channel)
                    output.store(value, x: x, channel: channel)
                }
            }
        }
    }
}

/// Depthwise convolution with a channel multiplier, one output row.
///
///     input   [kernel rows][width][c]      output [width][c * multiplier]      weights [tap][c * multiplier]
///     output channel o reads input channel o / multiplier
///
/// Sums, padding and bounds as in `convolveRow`.
public func convolveDepthwiseRow(
    _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
) {
    let layout = parameters.layout
    let multiplier = layout.outputChannels / layout.inputChannels
    for x in 0..<output.width {
        for channel in 0..<layout.outputChannels {
            let source = channel / multiplier
            var sum = parameters.bias[channel]
            var weight = parameters.weights + channel
            for ky in 0..<window.kernelHeight {
                for kx in 0..<window.kernelWidth {
                    let value =
                        if let pixel = window.pixel(input, x: x, ky: ky, kx: kx) {
                            input.value(pixel, source)
                        } else {
                            Int32(parameters.padPixel[source])
                        }
                    sum &+= value &* Int32(weight[0])
                    weight += layout.paddedChannels
                }
            }
            output.store(parameters.requantize(sum, channel: channel), x: x, channel: channel)
        }
    }
}
