/// Depthwise convolution, int8, one output row: the readable reference.
///
/// What it does not do: use vector instructions by name; see `convolveRow`.
import SwiftletArithmetic
import SwiftletFormat

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
    for x in 0..<output.width {
        if layout.inputChannels == layout.outputChannels {
            for first in stride(from: 0, to: layout.outputChannels, by: ConvolutionLayout.blockChannels) {
                let count = min(ConvolutionLayout.blockChannels, layout.outputChannels - first)
                let sums = sumStrip(input, window, parameters, x: x, first: first, count: count)
                parameters.store(sums, output, x: x, first: first, count: count)
            }
        } else {
            for channel in 0..<layout.outputChannels {
                let sum = sumChannel(input, window, parameters, x: x, channel: channel)
                output.store(parameters.requantize(sum, channel: channel), x: x, channel: channel)
            }
        }
    }
}

/// The sum of one channel over all taps: the definition.
private func sumChannel(
    _ input: InputRows, _ window: RowWindow, _ parameters: ConvolutionParameters, x: Int, channel: Int
) -> Int32 {
    let layout = parameters.layout
    let source = channel / (layout.outputChannels / layout.inputChannels)
    var weight = parameters.weights + channel
    var sum: Int32 = 0
    for ky in 0..<window.kernelHeight {
        for kx in 0..<window.kernelWidth {
            let value =
                if let pixel = window.pixel(input, x: x, ky: ky, kx: kx) {
                    input.value(pixel, source) &+ 128
                } else {
                    Int32(parameters.padPixel[source])
                }
            sum &+= value &* Int32(weight[0])
            weight += layout.paddedChannels
        }
    }
    return sum
}

/// The sums of `count` neighbouring channels from `first` on, without a channel multiplier: the same, sixteen at once.
@inline(__always)
private func sumStrip(
    _ input: InputRows, _ window: RowWindow, _ parameters: ConvolutionParameters, x: Int, first: Int, count: Int
) -> SixteenSums {
    var weights = UnsafeRawPointer(parameters.weights + first)
    let rowBytes = parameters.layout.paddedChannels
    // Channel `4 * lane + i` is summed in `sums.i[lane]`.
    var sums = SixteenSums(SIMD4(), SIMD4(), SIMD4(), SIMD4())
    for ky in 0..<window.kernelHeight {
        for kx in 0..<window.kernelWidth {
            let pixel = window.pixel(input, x: x, ky: ky, kx: kx)
            let values = loadStrip(
                pixel ?? parameters.padPixel, pixel == nil ? nil : input.channels, first: first, count: count)
            let packed = weights.loadUnaligned(as: SIMD8<Int16>.self)
            // A product of an unsigned and a signed byte fits in 16 bits.
            let even = unsafeBitCast((values & 0xFF) &* ((packed &<< 8) &>> 8), to: SIMD4<Int32>.self)
            let odd = unsafeBitCast(((values &>> 8) & 0xFF) &* (packed &>> 8), to: SIMD4<Int32>.self)
            sums.0 &+= (even &<< 16) &>> 16
            sums.1 &+= (odd &<< 16) &>> 16
            sums.2 &+= even &>> 16
            sums.3 &+= odd &>> 16
            weights += rowBytes
        }
    }
    return transposed(sums)
}

/// Sixteen neighbouring channels of a pixel, two in each lane; those beyond `count` are 0, and no byte is read for them.
@inline(__always)
private func loadStrip(
    _ pixel: UnsafePointer<UInt8>, _ table: UnsafePointer<UInt16>?, first: Int, count: Int
) -> SIMD8<Int16> {
    if table == nil && count == ConvolutionLayout.blockChannels {
        return UnsafeRawPointer(pixel + first).loadUnaligned(as: SIMD8<Int16>.self)
    }
    func quad(_ offset: Int) -> Int32 {
        offset < count ? loadQuad(pixel, table, first: first &+ offset, count: min(4, count &- offset)) : 0
    }
    let quads = SIMD4(quad(0), quad(4), quad(8), quad(12))
    return unsafeBitCast(quads, to: SIMD8<Int16>.self)
}

/// Rows to columns.
@inline(__always)
private func transposed(_ rows: SixteenSums) -> SixteenSums {
    let (a, b, c, d) = rows
    return (
        SIMD4(a[0], b[0], c[0], d[0]), SIMD4(a[1], b[1], c[1], d[1]), SIMD4(a[2], b[2], c[2], d[2]),
        SIMD4(a[3], b[3], c[3], d[3])
    )
}
