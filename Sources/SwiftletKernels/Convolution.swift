/// Grouped convolution, int8, one output row: the readable reference.
///
/// Plain Swift has no dot product of bytes, so bytes are taken two to a 16-bit lane and extended by shifts and masks, which
/// every vector unit has (1.8x over 32-bit lanes, 64 to 64 channels, 1x1). On hosts pixels go two by two, see `convolvePairs`.
/// What it does not do: use vector instructions by name; kernels that do give the same bytes from the same packed weights.
import SwiftletArithmetic
import SwiftletFormat

/// The sums of sixteen neighbouring outputs.
typealias SixteenSums = (SIMD4<Int32>, SIMD4<Int32>, SIMD4<Int32>, SIMD4<Int32>)

/// The constants of one convolution, where they lie in the file.
public struct ConvolutionParameters {
    public var layout: ConvolutionLayout
    public var bias: UnsafePointer<Int32>
    public var multiplier: UnsafePointer<Int32>
    public var shift: UnsafePointer<Int8>
    /// What padding holds: one byte an input channel, as in the arena.
    public var padPixel: UnsafePointer<UInt8>
    public var weights: UnsafePointer<Int8>
    public var range: OutputRange

    /// Inlined on hosts: out of line, it waits for the layout to come back from memory (2 % of MobileNetV1 0.25 at 96 x 96).
    #if !hasFeature(Embedded)
        @inlinable
        @inline(__always)
    #endif
    public init(block: UnsafeRawPointer, layout: ConvolutionLayout, range: OutputRange) {
        self.layout = layout
        bias = block.assumingMemoryBound(to: Int32.self)
        multiplier = (block + layout.multiplierOffset).assumingMemoryBound(to: Int32.self)
        shift = (block + layout.shiftOffset).assumingMemoryBound(to: Int8.self)
        padPixel = (block + layout.padPixelOffset).assumingMemoryBound(to: UInt8.self)
        weights = (block + layout.weightsOffset).assumingMemoryBound(to: Int8.self)
        self.range = range
    }

    /// The sum over the taps to the output: `clamp(zeroPoint + (bias + sum) * multiplier)`.
    @inline(__always)
    func requantize(_ sum: Int32, channel: Int) -> Int8 {
        let scale = FixedPointMultiplier(multiplier: multiplier[channel], shift: shift[channel])
        return range.clamp(scale.apply(sum &+ bias[channel]) &+ range.zeroPoint)
    }

    /// Writes `count` neighbouring channels of output `x`, from `first` on. A function of its own, so that its loop has the
    /// registers to itself.
    @inline(never)
    func store(_ sums: SixteenSums, _ output: OutputRow, x: Int, first: Int, count: Int) {
        #if hasFeature(Embedded)
            withUnsafeBytes(of: sums) { bytes in
                let sums = bytes.assumingMemoryBound(to: Int32.self)
                for index in 0..<count {
                    output.store(requantize(sums[index], channel: first &+ index), x: x, channel: first &+ index)
                }
            }
        #else
            // Clamped all at once: whether a ReLU cuts a sum off is hard to foretell for a branch.
            var values = sums
            withUnsafeMutableBytes(of: &values) { bytes in
                let values = bytes.assumingMemoryBound(to: Int32.self)
                for index in 0..<count {
                    let channel = first &+ index
                    let scale = FixedPointMultiplier(multiplier: multiplier[channel], shift: shift[channel])
                    values[index] = scale.apply(values[index] &+ bias[channel])
                }
            }
            let bytes = range.bytes(of: values)
            let pixel = output.start + x &* output.pixelBytes
            if output.channels == nil && count == ConvolutionLayout.blockChannels {
                UnsafeMutableRawPointer(pixel + first).storeBytes(of: bytes, as: SIMD16<UInt8>.self)
            } else {
                for index in 0..<count {
                    let channel = first &+ index
                    pixel[output.channels.map { Int($0[channel]) } ?? channel] = bytes[index]
                }
            }
        #endif
    }
}

extension OutputRange {
    /// What the arena holds for sixteen values that lack the zero point.
    @inline(__always)
    fileprivate func bytes(of values: SixteenSums) -> SIMD16<UInt8> {
        @inline(__always) func clamp(_ four: SIMD4<Int32>) -> SIMD4<Int32> {
            let shifted = four &+ zeroPoint
            return shifted.clamped(lowerBound: SIMD4(repeating: Int32(low)), upperBound: SIMD4(repeating: Int32(high)))
        }
        let lower = SIMD8(lowHalf: clamp(values.0), highHalf: clamp(values.1))
        let upper = SIMD8(lowHalf: clamp(values.2), highHalf: clamp(values.3))
        return SIMD16(truncatingIfNeeded: SIMD16(lowHalf: lower, highHalf: upper)) ^ 0x80
    }
}

/// Grouped convolution, one output row.
///
///     input   [kernel rows][width][channels]      output  [width][channels]
///     weights [group][block of 16 outputs][tap][quad of inputs][16][4]      see `ConvolutionLayout`
///     acc     = bias + sum over taps and the group's inputs of x * w, x the unsigned byte of the arena
///     y       = clamp(zeroPoint + acc * multiplier[c])
///
/// `bias` already holds `-(inputZeroPoint + 128) * sum(w)`, and padding holds real values (the zero point), so every tap
/// counts.
/// |acc| < 2^31 on every input: the converter proves it for each channel. Additions wrap and never trap.
public func convolveRow(
    _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
) {
    let layout = parameters.layout
    let blocks = (layout.groupOutputs + ConvolutionLayout.blockChannels - 1) / ConvolutionLayout.blockChannels
    #if hasFeature(Embedded)
        let first = 0
    #else
        let first = convolvePairs(input, output, window, parameters)
    #endif
    for x in first..<output.width {
        for group in 0..<layout.groups {
            for block in 0..<blocks {
                let first = group * layout.groupOutputs + block * ConvolutionLayout.blockChannels
                let width = layout.blockWidth(block)
                let count = min(width, layout.groupOutputs - block * ConvolutionLayout.blockChannels)
                // Sixteen outputs at a time, or four where the last block is narrower.
                if width == ConvolutionLayout.blockChannels {
                    let sums = sumTaps(
                        input, window, parameters, x: x, group: group, output: first, blockWidth: width, isWhole: true)
                    parameters.store(sums, output, x: x, first: first, count: count)
                } else {
                    for part in stride(from: 0, to: count, by: 4) {
                        let sums = sumTaps(
                            input, window, parameters, x: x, group: group, output: first + part, blockWidth: width,
                            isWhole: false)
                        parameters.store(sums, output, x: x, first: first + part, count: min(4, count - part))
                    }
                }
            }
        }
    }
}

/// The sums of sixteen neighbouring outputs from `output` on, or of the first four of them, over all taps and inputs of their
/// group.
@inline(__always)
private func sumTaps(
    _ input: InputRows, _ window: RowWindow, _ parameters: ConvolutionParameters, x: Int, group: Int, output: Int,
    blockWidth: Int, isWhole: Bool
) -> SixteenSums {
    let layout = parameters.layout
    let firstInput = group &* layout.groupInputs
    let quadBytes = blockWidth &* ConvolutionLayout.quad
    var weights = UnsafeRawPointer(parameters.weights + layout.weightIndex(output: output, tap: 0, input: 0))
    var sums = SixteenSums(SIMD4(), SIMD4(), SIMD4(), SIMD4())
    for ky in 0..<window.kernelHeight {
        for kx in 0..<window.kernelWidth {
            let pixel = window.pixel(input, x: x, ky: ky, kx: kx)
            let table = pixel == nil ? nil : input.channels
            let source = pixel ?? parameters.padPixel
            var first = 0
            while first < layout.groupInputs {
                let word = loadQuad(
                    source, table, first: firstInput &+ first,
                    count: min(ConvolutionLayout.quad, layout.groupInputs &- first))
                let values = unsafeBitCast(SIMD4<Int32>(repeating: word), to: SIMD8<Int16>.self)
                let even = values & 0xFF
                let odd = (values &>> 8) & 0xFF
                sums.0 &+= products(weights, even, odd)
                if isWhole {
                    sums.1 &+= products(weights + 16, even, odd)
                    sums.2 &+= products(weights + 32, even, odd)
                    sums.3 &+= products(weights + 48, even, odd)
                }
                weights += quadBytes
                first &+= ConvolutionLayout.quad
            }
        }
    }
    return sums
}

/// For each of four outputs: the sum of its four weights times the quad whose bytes `even` and `odd` hold in 16-bit lanes.
@inline(__always)
private func products(_ weights: UnsafeRawPointer, _ even: SIMD8<Int16>, _ odd: SIMD8<Int16>) -> SIMD4<Int32> {
    let packed = weights.loadUnaligned(as: SIMD8<Int16>.self)
    // A product of an unsigned and a signed byte fits in 16 bits: -32640...32385.
    let first = unsafeBitCast(((packed &<< 8) &>> 8) &* even, to: SIMD4<Int32>.self)
    let second = unsafeBitCast((packed &>> 8) &* odd, to: SIMD4<Int32>.self)
    return ((first &<< 16) &>> 16) &+ (first &>> 16) &+ ((second &<< 16) &>> 16) &+ (second &>> 16)
}

/// Up to four channels of a pixel in one word, the first in the lowest byte; those beyond `count` are 0, as their weights
/// are.
@inline(__always)
func loadQuad(
    _ pixel: UnsafePointer<UInt8>, _ table: UnsafePointer<UInt16>?, first: Int, count: Int
) -> Int32 {
    func byte(_ lane: Int) -> UInt32 {
        let channel = if let table { Int(table[first &+ lane]) } else { first &+ lane }
        return UInt32(pixel[channel]) &<< UInt32(truncatingIfNeeded: 8 &* lane)
    }
    let quad: UInt32
    switch count {
    case 4:
        if table == nil { return UnsafeRawPointer(pixel + first).loadUnaligned(as: Int32.self) }
        quad = byte(0) | byte(1) | byte(2) | byte(3)
    case 3: quad = byte(0) | byte(1) | byte(2)
    case 2: quad = byte(0) | byte(1)
    default: quad = byte(0)
    }
    return Int32(bitPattern: quad)
}
