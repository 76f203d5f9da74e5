/// Runs random operators through the core's kernels and through the readable reference, and compares the rows byte for byte.
///
/// Bytes beside the row must stay as they were. What it does not do: need a model; the generator is seeded, so every run makes
/// the same operators, and a failure tells the seed.
import CBoard
import SwiftletArithmetic
import SwiftletFormat
import SwiftletKernels

func stop(_ message: StaticString) -> Never { finish(message.text, 1) }

func tell(_ name: StaticString, _ value: Int) { report(name.text, Int64(value)) }

extension StaticString {
    fileprivate var text: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

/// Counts the operators that the core's kernels have made, and stops at the first that is wrong.
struct Comparison {
    let kernels: VectorKernels
    var seed: UInt32 = 0
    var made = 0
    var cases = 0

    mutating func compare(
        _ name: StaticString, _ outputs: Outputs, isMade: Bool, window: RowWindow? = nil, input: InputRows,
        layout: ConvolutionLayout? = nil, channels: Int = 0
    ) {
        cases += 1
        guard isMade else { return }
        made += 1
        guard let byte = outputs.difference else { return }
        tell("seed", Int(seed))
        tell("byte", byte)
        tell("kernel", Int(outputs.made.start[byte]))
        tell("reference", Int(outputs.expected.start[byte]))
        tell("width", input.width)
        tell("output width", outputs.made.width)
        tell("pixel", outputs.made.pixelBytes)
        tell("channels", layout?.inputChannels ?? channels)
        tell("outputs", layout?.outputChannels ?? channels)
        tell("groups", layout?.groups ?? 1)
        tell("kernel height", window?.kernelHeight ?? 1)
        tell("kernel width", window?.kernelWidth ?? 1)
        tell("stride", window?.stride ?? 1)
        tell("dilation", window?.dilation ?? 1)
        tell("padding", window?.paddingLeft ?? 0)
        tell("input table", input.channels == nil ? 0 : 1)
        tell("output table", outputs.made.channels == nil ? 0 : 1)
        stop(name)
    }

    mutating func runConvolution(isDepthwise: Bool, _ generator: inout Generator) {
        var memory = Memory()
        let window = generator.nextWindow()
        let groups =
            isDepthwise
            ? generator.next(1...(generator.isOne(in: 4) ? 100 : 40))
            : generator.isOne(in: 2) ? 1 : generator.next(1...5)
        let groupInputs = isDepthwise ? 1 : generator.next(1...(generator.isOne(in: 3) ? 70 : 9))
        let groupOutputs =
            isDepthwise
            ? generator.isOne(in: 12) ? 2 : 1 : generator.next(1...(generator.isOne(in: 3) ? 40 : 17))
        let layout = ConvolutionLayout(
            isDepthwise: isDepthwise, groups: groups, inputChannels: groups * groupInputs,
            outputChannels: groups * groupOutputs, taps: window.kernelHeight * window.kernelWidth)
        let input = memory.input(
            layout.inputChannels, width: generator.next(1...40), height: window.kernelHeight, hasPadding: true,
            &generator)
        let parameters = memory.convolution(layout, &generator)
        let outputs = memory.outputs(layout.outputChannels, width: generator.next(1...20), &generator)
        if isDepthwise {
            let isMade = kernels.convolveDepthwise(input, outputs.made, window, parameters) != .reference
            convolveDepthwiseRow(input, outputs.expected, window, parameters)
            compare(
                "the core's depthwise convolution differs from the reference", outputs, isMade: isMade, window: window,
                input: input, layout: layout)
        } else {
            let isMade = kernels.convolve(input, outputs.made, window, parameters) != .reference
            convolveRow(input, outputs.expected, window, parameters)
            compare(
                "the core's convolution differs from the reference", outputs, isMade: isMade, window: window,
                input: input, layout: layout)
        }
    }

    mutating func runAddition(_ generator: inout Generator) {
        var memory = Memory()
        let (channels, width) = (generator.next(1...40), generator.next(1...20))
        let first = memory.input(channels, width: width, &generator)
        let second = memory.input(channels, width: width, &generator)
        func multiplier(_ shifts: ClosedRange<Int>) -> FixedPointMultiplier {
            FixedPointMultiplier(multiplier: generator.nextMultiplier(), shift: Int8(generator.next(shifts)))
        }
        let parameters = BinaryParameters(
            firstZeroPoint: Int32(generator.next(-128...127)), secondZeroPoint: Int32(generator.next(-128...127)),
            multipliers: (
                multiplier(-6...0), multiplier(-6...0), multiplier(generator.isOne(in: 8) ? -31...2 : -24 ... -14)
            ),
            range: generator.nextRange())
        let outputs = memory.outputs(channels, width: width, &generator)
        let isMade = kernels.add(first, second, outputs.made, channels: channels, parameters) != .reference
        addRow(first, second, outputs.expected, channels: channels, parameters)
        compare(
            "the core's addition differs from the reference", outputs, isMade: isMade, input: first, channels: channels)
    }

    mutating func runPools(_ generator: inout Generator) {
        var memory = Memory()
        let (channels, window, range) = (generator.next(1...40), generator.nextWindow(), generator.nextRange())
        let input = memory.input(
            channels, width: generator.next(1...40), height: window.kernelHeight, hasPadding: true, &generator)
        let width = generator.next(1...20)
        let largest = memory.outputs(channels, width: width, &generator)
        let isLargest = kernels.poolMax(input, largest.made, window, channels: channels, range: range) != .reference
        poolMaxRow(input, largest.expected, window, channels: channels, range: range)
        compare(
            "the core's maximum differs from the reference", largest, isMade: isLargest, window: window, input: input,
            channels: channels)
        let mean = memory.outputs(channels, width: width, &generator)
        let isMean = kernels.poolAverage(input, mean.made, window, channels: channels, range: range) != .reference
        poolAverageRow(input, mean.expected, window, channels: channels, range: range)
        compare(
            "the core's average differs from the reference", mean, isMade: isMean, window: window, input: input,
            channels: channels)
    }

    mutating func runSums(_ generator: inout Generator) {
        var memory = Memory()
        let channels = generator.next(1...40)
        let input = memory.input(channels, width: generator.next(1...40), &generator)
        // Compared as bytes: a sum is four of them.
        let bytes = channels * MemoryLayout<Int32>.stride
        let sums = (memory.take(channels, of: Int32.self), memory.take(channels, of: Int32.self))
        for channel in 0..<channels { (sums.0[channel], sums.1[channel]) = (Int32(channel), Int32(channel)) }
        func row(_ sums: UnsafeMutablePointer<Int32>) -> OutputRow {
            let start = UnsafeMutableRawPointer(sums).assumingMemoryBound(to: UInt8.self)
            return OutputRow(start: start, width: 1, pixelBytes: bytes, channels: nil)
        }
        let isMade = kernels.accumulate(input, into: sums.0, channels: channels) != .reference
        accumulateRow(input, into: sums.1, channels: channels)
        compare(
            "the core's sums of a row differ from the reference",
            Outputs(made: row(sums.0), expected: row(sums.1), byteCount: bytes), isMade: isMade, input: input,
            channels: channels)
    }
}

@main
struct Conform {
    static func main() {
        guard let kernels = VectorKernels.chosen else { stop("this core has no kernels of its own") }
        var comparison = Comparison(kernels: kernels)
        for seed in 0..<800 {
            var generator = Generator(seed: UInt32(truncatingIfNeeded: seed))
            comparison.seed = UInt32(truncatingIfNeeded: seed)
            switch seed % 8 {
            case 0, 1, 2: comparison.runConvolution(isDepthwise: false, &generator)
            case 3, 4, 5: comparison.runConvolution(isDepthwise: true, &generator)
            case 6: comparison.runAddition(&generator)
            default:
                comparison.runPools(&generator)
                comparison.runSums(&generator)
            }
        }
        tell("cases", comparison.cases)
        tell("taken", comparison.made)
        finish("done", 0)
    }
}
