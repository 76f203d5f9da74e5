/// Convolutions that read or write rows of 16 bits a channel, one output row: the readable reference.
///
///     input   [kernel rows][width][channels], bytes or 16 bits      output  [width][channels], bytes or 16 bits
///     weights as for rows of bytes, see `ConvolutionLayout`
///     acc     = bias + sum over taps and the group's inputs of x * w, in 64 bits
///     y       = clamp(zeroPoint + acc * multiplier[c]), rounded as `FixedPointMultiplier.applyWide` does
///
/// Where the input has bytes, `x` is the arena's unsigned byte, padding is that of the parameters, and `bias` makes up for
/// both, as in `convolveRow`; where it has 16 bits, `x` is the number itself and padding is 0.
/// |acc| < 2^47: `ModelReader` has checked the number of terms. What it does not do: hurry.
import SwiftletArithmetic
import SwiftletFormat

/// Grouped convolution.
public func convolveWideRow(
    _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters, _ maps: WideMaps
) {
    let layout = parameters.layout
    for x in 0..<output.width {
        for group in 0..<layout.groups {
            let end = (group &+ 1) &* layout.groupOutputs
            for first in stride(from: group &* layout.groupOutputs, to: end, by: ConvolutionLayout.quad) {
                let sums = sumFour(input, window, parameters, maps, x: x, group: group, output: first)
                for lane in 0..<min(ConvolutionLayout.quad, end &- first) {
                    parameters.store(sums[lane], output, maps, x: x, channel: first &+ lane)
                }
            }
        }
    }
}

/// Depthwise convolution with a channel multiplier.
public func convolveDepthwiseWideRow(
    _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters, _ maps: WideMaps
) {
    let layout = parameters.layout
    let multiplier = layout.outputChannels / layout.inputChannels
    for x in 0..<output.width {
        for channel in 0..<layout.outputChannels {
            var sum: Int64 = 0
            var weight = parameters.weights + channel
            for ky in 0..<window.kernelHeight {
                for kx in 0..<window.kernelWidth {
                    let pixel = window.pixel(input, x: x, ky: ky, kx: kx)
                    let value = parameters.term(input, pixel, channel / multiplier, maps)
                    sum &+= Int64(value) &* Int64(weight[0])
                    weight += layout.paddedChannels
                }
            }
            parameters.store(sum, output, maps, x: x, channel: channel)
        }
    }
}

/// The sums of four neighbouring outputs from `output` on; those beyond the group's last are of no use.
private func sumFour(
    _ input: InputRows, _ window: RowWindow, _ parameters: ConvolutionParameters, _ maps: WideMaps, x: Int, group: Int,
    output: Int
) -> SIMD4<Int64> {
    let layout = parameters.layout
    let channel = output &- group &* layout.groupOutputs
    let quadBytes = layout.blockWidth(channel / ConvolutionLayout.blockChannels) &* ConvolutionLayout.quad
    var weights = UnsafeRawPointer(parameters.weights + layout.weightIndex(output: output, tap: 0, input: 0))
    var sums = SIMD4<Int64>()
    var partial = SIMD4<Int32>()
    // So many products of 2^22 stay within 32 bits.
    let most = 508
    var terms = 0
    for ky in 0..<window.kernelHeight {
        for kx in 0..<window.kernelWidth {
            let pixel = window.pixel(input, x: x, ky: ky, kx: kx)
            var first = 0
            while first < layout.groupInputs {
                // Four weights of each of the four outputs.
                let words = weights.loadUnaligned(as: SIMD4<Int32>.self)
                for lane in 0..<min(ConvolutionLayout.quad, layout.groupInputs &- first) {
                    let value = parameters.term(input, pixel, group &* layout.groupInputs &+ first &+ lane, maps)
                    let shift = SIMD4<Int32>(repeating: Int32(truncatingIfNeeded: 24 &- 8 &* lane))
                    partial &+= ((words &<< shift) &>> 24) &* SIMD4(repeating: value)
                }
                terms &+= ConvolutionLayout.quad
                if terms == most {
                    sums &+= SIMD4<Int64>(truncatingIfNeeded: partial)
                    partial = SIMD4()
                    terms = 0
                }
                weights += quadBytes
                first &+= ConvolutionLayout.quad
            }
        }
    }
    return sums &+ SIMD4<Int64>(truncatingIfNeeded: partial)
}

extension ConvolutionParameters {
    /// What a tap multiplies: nil for `pixel` is padding.
    @inline(__always)
    fileprivate func term(
        _ input: InputRows, _ pixel: UnsafePointer<UInt8>?, _ channel: Int, _ maps: WideMaps
    ) -> Int32 {
        guard let pixel else { return maps.first ? 0 : Int32(padPixel[channel]) }
        return maps.first ? input.wideValue(pixel, channel) : input.value(pixel, channel) &+ 128
    }

    @inline(__always)
    fileprivate func store(_ sum: Int64, _ output: OutputRow, _ maps: WideMaps, x: Int, channel: Int) {
        let scale = FixedPointMultiplier(multiplier: multiplier[channel], shift: shift[channel])
        maps.store(scale.applyWide(sum &+ Int64(bias[channel])), output, x: x, channel: channel)
    }
}
