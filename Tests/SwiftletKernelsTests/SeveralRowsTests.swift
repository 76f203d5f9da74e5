/// Several rows made together against the written-down operators, on random shapes.
import SwiftletArithmetic
import SwiftletGraph
import SwiftletKernels
import TestSupport
import Testing

@Suite struct SeveralRowsTests {
    /// Makes a map, `together` rows at a time.
    ///
    /// - Returns: nil where the kernels have left a call.
    private func convolve(
        _ kernels: VectorKernels, _ input: StoredMap, _ window: IntegerWindow, together: Int,
        output placement: Placement,
        _ parameters: ConvolutionParameters
    ) -> (map: IntegerMap, isClean: Bool)? {
        let output = StoredMap(height: window.output.height, width: window.output.width, placement: placement)
        let rowWindow = RowWindow(
            kernelHeight: window.kernel.height, kernelWidth: window.kernel.width, stride: window.stride.width,
            dilation: window.dilation.width, paddingLeft: window.padding.left)
        for first in stride(from: 0, to: output.height, by: together) {
            let count = min(together, output.height - first)
            let reach = (count - 1) * window.stride.height + (window.kernel.height - 1) * window.dilation.height + 1
            let inputs: [UnsafePointer<UInt8>?] = (0..<reach).map {
                let row = first * window.stride.height - window.padding.top + $0
                return row < 0 || row >= input.height ? nil : UnsafePointer(input.row(row))
            }
            let outputs: [UnsafeMutablePointer<UInt8>?] = (first..<(first + count)).map { output.row($0) }
            let path = inputs.withUnsafeBufferPointer { inputs in
                outputs.withUnsafeBufferPointer { outputs in
                    let rows = SeveralRows(
                        count: count, stride: window.stride.height, dilation: window.dilation.height,
                        inputs: inputs.baseAddress!, outputs: outputs.baseAddress!)
                    return kernels.convolveRows(
                        rows, input.inputRows(inputs.baseAddress!), output.outputRow(first), rowWindow, parameters)
                }
            }
            if path == .reference { return nil }
        }
        return output.contents
    }

    @Test(arguments: [ConvolutionKind.any, .smallGroups, .manyInputs])
    func rowsMadeTogetherEqualTheirDefinition(kind: ConvolutionKind) {
        let sets = VectorKernels.names.compactMap { VectorKernels.named($0) }.filter(\.takesSeveralRows)
        let seed = 100 + kind.rawValue
        var (taken, all) = (0, 0)
        for round in 0..<(sets.isEmpty ? 0 : kind.rounds / 2) {
            var generator = SeededGenerator(seed: seed &* 100_000 &+ UInt64(round))
            let shape = RandomCase(
                using: &generator, kernels: kind.kernels, largestWidth: round % 3 == 0 ? 30 : 9,
                isPlain: round % 2 == 0)
            let convolution = RandomConvolution(
                kind, shape, isWide: round % 3 == 0, isUsual: true, using: &generator)
            let together = Int.random(in: 2...8, using: &generator)
            for kernels in sets {
                all += 1
                guard
                    let found = convolve(
                        kernels, convolution.input, shape.window, together: together, output: convolution.output,
                        convolution.packed.parameters)
                else { continue }
                taken += 1
                if found.map == convolution.expected && found.isClean { continue }
                Issue.record("\(kernels.name), seed \(seed) round \(round): \(convolution), \(together) rows together")
                return
            }
        }
        // Small groups in wide rows are left, and strides with dilation.
        #expect(taken * 12 >= all, "\(taken) of \(all)")
    }

    /// A plan may lay an output row over an input row that none of the rows to come reads, though those before it do.
    @Test func rowsOverTheirOwnInputsAreThoseThatComeOneByOne() {
        var generator = SeededGenerator(seed: 200)
        let (height, width, channels) = (7, 7, 96)
        let input = randomMap(height, width, channels, using: &generator)
        let packed = PackedConvolution(
            isDepthwise: false, weights: randomBytes(channels * 9 * channels, using: &generator),
            bias: (0..<channels).map { _ in Int32.random(in: -5000...5000, using: &generator) },
            scales: (0..<channels).map { _ in randomScale(terms: 9 * channels, isUsual: true, using: &generator) },
            groups: 1, inputChannels: channels, taps: 9, inputZeroPoint: 3, pads: nil,
            range: IntegerRange(zeroPoint: -20, low: -20, high: 127))
        let window = RowWindow(kernelHeight: 3, kernelWidth: 3, stride: 1, dilation: 1, paddingLeft: 1)
        let rowBytes = width * channels
        /// Row y of the output lies where row y - 2 of the input does.
        func run(_ make: ([UnsafePointer<UInt8>?], [UnsafeMutablePointer<UInt8>?], OutputRow) -> Void, together: Int)
            -> [UInt8]
        {
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: (height + 2) * rowBytes)
            defer { memory.deallocate() }
            memory.initialize(repeating: 0, count: 2 * rowBytes)
            for index in input.values.indices {
                memory[2 * rowBytes + index] = UInt8(bitPattern: input.values[index]) ^ 0x80
            }
            for first in stride(from: 0, to: height, by: together) {
                let inputs: [UnsafePointer<UInt8>?] = (-1...together).map {
                    let row = first + $0
                    return row < 0 || row >= height ? nil : UnsafePointer(memory + (row + 2) * rowBytes)
                }
                let outputs: [UnsafeMutablePointer<UInt8>?] = (0..<together).map { memory + (first + $0) * rowBytes }
                make(
                    inputs, outputs,
                    OutputRow(start: memory + first * rowBytes, width: width, pixelBytes: channels, channels: nil))
            }
            return Array(UnsafeBufferPointer(start: memory, count: height * rowBytes))
        }
        let expected = run(
            { inputs, _, output in
                inputs.withUnsafeBufferPointer {
                    convolveRow(
                        InputRows(rows: $0.baseAddress!, width: width, pixelBytes: channels, channels: nil), output,
                        window,
                        packed.parameters)
                }
            }, together: 1)
        for name in VectorKernels.names {
            guard let kernels = VectorKernels.named(name), kernels.takesSeveralRows else { continue }
            let found = run(
                { inputs, outputs, output in
                    let path = inputs.withUnsafeBufferPointer { inputs in
                        outputs.withUnsafeBufferPointer { outputs in
                            kernels.convolveRows(
                                SeveralRows(
                                    count: height, stride: 1, dilation: 1, inputs: inputs.baseAddress!,
                                    outputs: outputs.baseAddress!),
                                InputRows(rows: inputs.baseAddress!, width: width, pixelBytes: channels, channels: nil),
                                output, window, packed.parameters)
                        }
                    }
                    #expect(path != .reference)
                }, together: height)
            let isSame = found == expected
            #expect(isSame, "\(name)")
        }
    }
}
