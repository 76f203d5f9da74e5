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

    /// The sum over the taps to the output: `clamp(zeroPoint + (bias + sum) * multiplier)`.
    @inline(__always)
    func requantize(_ sum: Int32, channel: Int) -> Int8 {
        let scale = FixedPointMultiplier(multiplier: multiplier[channel], shift: shift[channel])
        return range.clamp(scale.apply(sum &+ bias[channel]) &+ range.zeroPoint)
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
    let blocks = (layout.groupOutputs + ConvolutionLayout.blockChannels - 1) / ConvolutionLayout.blockChannels
    for x in 0..<output.width {
        for group in 0..<layout.groups {
            for block in 0..<blocks {
                let first = group * layout.groupOutputs + block * ConvolutionLayout.blockChannels
                let width = layout.blockWidth(block)
                let count = min(width, layout.groupOutputs - block * ConvolutionLayout.blockChannels)
                // Sixteen outputs at a time, or four where the last block is narrower.
                if width == ConvolutionLayout.blockChannels {
                    let sums = sumTaps(SIMD16<Int32>.self, input, window, parameters, x: x, group, output: first, width)
                    for lane in 0..<count {
                        output.store(
                            parameters.requantize(sums[lane], channel: first + lane), x: x, channel: first + lane)
                    }
                } else {
                    for part in stride(from: 0, to: width, by: 4) {
                        let channel = first + part
                        let sums = sumTaps(
                            SIMD4<Int32>.self, input, window, parameters, x: x, group, output: channel, width)
                        for lane in 0..<min(4, count - part) {
                            let value = parameters.requantize(sums[lane], channel: channel + lane)
                            output.store(value, x: x, channel: channel + lane)
                        }
                    }
                }
            }
        }
    }
}

/// The sums of `Lanes.scalarCount` neighbouring outputs, from `output` on, over all taps and inputs of their group.
///
/// A lane of `Lanes` is the four weights of one output for one quad of inputs.
@inline(__always)
private func sumTaps<Lanes: SIMD>(
    _ lanes: Lanes.Type, _ input: InputRows, _ window: RowWindow, _ parameters: ConvolutionParameters, x: Int,
    _ group: Int, output: Int, _ blockWidth: Int
) -> Lanes where Lanes.Scalar == Int32 {
    let layout = parameters.layout
    let firstInput = group * layout.groupInputs
    let quadBytes = blockWidth * ConvolutionLayout.quad
    var weights = UnsafeRawPointer(parameters.weights + layout.weightIndex(output: output, tap: 0, input: 0))
    var sums = Lanes()
    for ky in 0..<window.kernelHeight {
        for kx in 0..<window.kernelWidth {
            let pixel = window.pixel(input, x: x, ky: ky, kx: kx)
            let table = pixel == nil ? nil : input.channels
            let source = pixel ?? parameters.padPixel
            for first in stride(from: 0, to: layout.groupInputs, by: ConvolutionLayout.quad) {
                let values = loadQuad(
                    source, table, first: firstInput + first,
                    count: min(ConvolutionLayout.quad, layout.groupInputs - first))
                let packed = weights.loadUnaligned(as: Lanes.self)
                sums &+= ((packed &<< 24) &>> 24) &* values.x &+ ((packed &<< 16) &>> 24) &* values.y
                sums &+= ((packed &<< 8) &>> 24) &* values.z &+ (packed &>> 24) &* values.w
                weights += quadBytes
            }
        }
    }
    return sums
}

/// Up to four channels of a pixel; those beyond `count` are 0, as their weights are.
@inline(__always)
private func loadQuad(
    _ pixel: UnsafePointer<Int8>, _ table: UnsafePointer<UInt16>?, first: Int, count: Int
) -> SIMD4<Int32> {
    var quad = SIMD4<Int32>.zero
    if let table {
        for lane in 0..<count { quad[lane] = Int32(pixel[Int(table[first + lane])]) }
    } else if count == 4 {
        let p = pixel + first
        quad = SIMD4(Int32(p[0]), Int32(p[1]), Int32(p[2]), Int32(p[3]))
    } else {
        for lane in 0..<count { quad[lane] = Int32(pixel[first + lane]) }
    }
    return quad
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
            let source = multiplier == 1 ? channel : channel / multiplier
            var sum: Int32 = 0
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
