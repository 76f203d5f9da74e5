/// Convolution of two neighbouring pixels at once, for machines with vectors; part of the readable reference.
///
/// The two share each load of weights, and a product of neighbouring bytes is added to the next one's in 32 bits, which is one
/// instruction on many machines (`pmaddwd` of SSE2, which all of x86-64 has). Gain over one pixel and products in 16 bits:
/// MobileNetV1 1.0 at 224 on x86-64, 1.8 times as fast, with `store` and its rounding. Cores without vectors keep all sums in
/// memory and take 1.6 times as many instructions this way (Cortex-M3), so firmware is built without it.
#if !hasFeature(Embedded)
    import SwiftletFormat

    /// Makes all pairs of pixels of an output row.
    ///
    /// - Returns: how many pixels those are; the last one of an odd width is left.
    func convolvePairs(
        _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
    ) -> Int {
        let layout = parameters.layout
        let blockChannels = ConvolutionLayout.blockChannels
        let blocks = (layout.groupOutputs + blockChannels - 1) / blockChannels
        for x in stride(from: 0, to: output.width - 1, by: 2) {
            for group in 0..<layout.groups {
                for block in 0..<blocks {
                    let width = layout.blockWidth(block)
                    let first = group * layout.groupOutputs + block * blockChannels
                    let count = min(width, layout.groupOutputs - block * blockChannels)
                    let tile = Tile(
                        input: input, window: window, parameters: parameters, x: x, group: group, blockWidth: width)
                    // Sixteen outputs at a time, or four where the last block is narrower.
                    if width == blockChannels {
                        var sums = Sums()
                        tile.addTaps(&sums, output: first, isWhole: true)
                        sums.store(output, parameters, x: x, first: first, count: count)
                    } else {
                        for part in stride(from: 0, to: count, by: 4) {
                            var sums = Sums()
                            tile.addTaps(&sums, output: first + part, isWhole: false)
                            sums.store(output, parameters, x: x, first: first + part, count: min(4, count - part))
                        }
                    }
                }
            }
        }
        return output.width / 2 * 2
    }

    /// Of sixteen neighbouring outputs, or of the first four of them.
    private struct Sums {
        var first = SixteenSums(SIMD4(), SIMD4(), SIMD4(), SIMD4())
        var next = SixteenSums(SIMD4(), SIMD4(), SIMD4(), SIMD4())

        @inline(__always)
        func store(_ output: OutputRow, _ parameters: ConvolutionParameters, x: Int, first channel: Int, count: Int) {
            parameters.store(first, output, x: x, first: channel, count: count)
            parameters.store(next, output, x: x + 1, first: channel, count: count)
        }
    }

    /// A block of outputs of pixel `x` and the next one.
    private struct Tile {
        var input: InputRows
        var window: RowWindow
        var parameters: ConvolutionParameters
        var x: Int
        var group: Int
        var blockWidth: Int

        /// Adds all taps and inputs of the group to the outputs from `output` on.
        @inline(__always)
        func addTaps(_ sums: inout Sums, output: Int, isWhole: Bool) {
            let layout = parameters.layout
            let quadBytes = blockWidth &* ConvolutionLayout.quad
            var weights = UnsafeRawPointer(parameters.weights + layout.weightIndex(output: output, tap: 0, input: 0))
            for ky in 0..<window.kernelHeight {
                for kx in 0..<window.kernelWidth {
                    let (first, next) = (source(x: x, ky: ky, kx: kx), source(x: x &+ 1, ky: ky, kx: kx))
                    var channel = 0
                    while channel < layout.groupInputs {
                        let (quad, quadOfNext) = (words(first, channel), words(next, channel))
                        @inline(__always) func add(_ at: Int, _ a: inout SIMD4<Int32>, _ b: inout SIMD4<Int32>) {
                            let four = Words(weights: weights + at)
                            a &+= quad.products(four)
                            b &+= quadOfNext.products(four)
                        }
                        add(0, &sums.first.0, &sums.next.0)
                        if isWhole {
                            add(16, &sums.first.1, &sums.next.1)
                            add(32, &sums.first.2, &sums.next.2)
                            add(48, &sums.first.3, &sums.next.3)
                        }
                        weights += quadBytes
                        channel &+= ConvolutionLayout.quad
                    }
                }
            }
        }

        private typealias Source = (pixel: UnsafePointer<UInt8>, table: UnsafePointer<UInt16>?)

        @inline(__always)
        private func source(x: Int, ky: Int, kx: Int) -> Source {
            window.pixel(input, x: x, ky: ky, kx: kx).map { ($0, input.channels) } ?? (parameters.padPixel, nil)
        }

        /// The quad of the group's inputs from `channel` on.
        @inline(__always)
        private func words(_ source: Source, _ channel: Int) -> Words {
            let count = min(ConvolutionLayout.quad, parameters.layout.groupInputs &- channel)
            let first = group &* parameters.layout.groupInputs &+ channel
            return Words(quad: loadQuad(source.pixel, source.table, first: first, count: count))
        }
    }

    /// Sixteen bytes, every other one, widened to 16 bits: the weights of four outputs, or a quad four times.
    private struct Words {
        var even: SIMD8<Int16>
        var odd: SIMD8<Int16>

        @inline(__always)
        init(weights: UnsafeRawPointer) {
            let packed = weights.loadUnaligned(as: SIMD8<Int16>.self)
            even = (packed &<< 8) &>> 8
            odd = packed &>> 8
        }

        @inline(__always)
        init(quad: Int32) {
            let packed = unsafeBitCast(SIMD4<Int32>(repeating: quad), to: SIMD8<UInt16>.self)
            even = SIMD8(truncatingIfNeeded: packed & 0xFF)
            odd = SIMD8(truncatingIfNeeded: packed &>> 8)
        }

        /// For each of four outputs, the sum of its four products.
        @inline(__always)
        func products(_ weights: Words) -> SIMD4<Int32> {
            pairSums(even, weights.even) &+ pairSums(odd, weights.odd)
        }
    }

    /// Four sums of two neighbouring products.
    @inline(__always)
    private func pairSums(_ a: SIMD8<Int16>, _ b: SIMD8<Int16>) -> SIMD4<Int32> {
        let all = SIMD8<Int32>(truncatingIfNeeded: a) &* SIMD8<Int32>(truncatingIfNeeded: b)
        return SIMD4(all[0], all[2], all[4], all[6]) &+ SIMD4(all[1], all[3], all[5], all[7])
    }
#endif
