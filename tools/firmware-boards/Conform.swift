/// Runs random convolutions and additions through the core's kernels and through the readable reference, and compares the
/// rows byte for byte.
///
/// Bytes beside the row must stay as they were. What it does not do: need a model; the generator is seeded, so every run
/// makes the same operators.
import CBoard
import SwiftletArithmetic
import SwiftletFormat
import SwiftletKernels

func stop(_ message: StaticString) -> Never { finish(message.text, 1) }

func tell(_ name: StaticString, _ value: Int) { report(name.text, Int64(value)) }

extension StaticString {
    fileprivate var text: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

/// The linear congruential generator of int8.bin's self-test.
struct Generator {
    var state: UInt32

    mutating func next() -> UInt32 {
        state = state &* 1_664_525 &+ 1_013_904_223
        return state >> 8
    }

    mutating func next(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(truncatingIfNeeded: next() % UInt32(truncatingIfNeeded: range.count))
    }

    /// True once in `count` times.
    mutating func isOne(in count: Int) -> Bool { next(1...count) == 1 }
}

/// Hands out the memory of one case from the front; the next case begins again.
struct Memory {
    var free = UnsafeMutableRawPointer(scratch_start())

    mutating func take<Element: BitwiseCopyable>(_ count: Int, of type: Element.Type) -> UnsafeMutablePointer<Element> {
        defer { free += roundUp(count * MemoryLayout<Element>.stride, to: 64) }
        return free.bindMemory(to: type, capacity: count)
    }

    mutating func bytes(_ count: Int, _ generator: inout Generator) -> UnsafeMutablePointer<UInt8> {
        let bytes = take(count, of: UInt8.self)
        for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: generator.next()) }
        return bytes
    }

    /// A table of `count` different channels among `slots`, in any order.
    mutating func channels(_ count: Int, among slots: Int, _ generator: inout Generator) -> UnsafeMutablePointer<UInt16>
    {
        let table = take(slots, of: UInt16.self)
        for index in 0..<slots { table[index] = UInt16(truncatingIfNeeded: index) }
        for index in 0..<count {
            let other = generator.next(index...(slots - 1))
            (table[index], table[other]) = (table[other], table[index])
        }
        return table
    }
}

/// One random operator and the rows around it.
struct Case {
    var window: RowWindow
    var input: InputRows
    var parameters: ConvolutionParameters
    var outputs: (UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt8>)
    var outputBytes: Int
    var output: OutputRow

    init(isDepthwise: Bool, _ generator: inout Generator) {
        var memory = Memory()
        let groups = isDepthwise ? generator.next(1...40) : generator.isOne(in: 2) ? 1 : generator.next(1...5)
        let inputs = isDepthwise ? groups : groups * generator.next(1...(generator.isOne(in: 3) ? 70 : 9))
        let outputChannels = isDepthwise ? groups : groups * generator.next(1...(generator.isOne(in: 3) ? 40 : 17))
        window = RowWindow(
            kernelHeight: generator.next(1...3), kernelWidth: generator.isOne(in: 2) ? 3 : generator.next(1...5),
            stride: generator.next(1...3), dilation: generator.isOne(in: 3) ? 2 : 1, paddingLeft: generator.next(0...3))
        if generator.isOne(in: 2) { (window.kernelHeight, window.kernelWidth) = (1, 1) }
        let layout = ConvolutionLayout(
            isDepthwise: isDepthwise, groups: groups, inputChannels: inputs, outputChannels: outputChannels,
            taps: window.kernelHeight * window.kernelWidth)

        let width = generator.next(1...40)
        let pixelBytes = inputs + generator.next(0...5)
        let rows = memory.take(window.kernelHeight, of: UnsafePointer<UInt8>?.self)
        for ky in 0..<window.kernelHeight {
            rows[ky] = generator.isOne(in: 4) ? nil : UnsafePointer(memory.bytes(width * pixelBytes, &generator))
        }
        let inputTable = generator.isOne(in: 3) ? memory.channels(inputs, among: pixelBytes, &generator) : nil
        input = InputRows(
            rows: rows, width: width, pixelBytes: pixelBytes, channels: inputTable.map { UnsafePointer($0) })

        let block = memory.bytes(layout.byteCount, &generator)
        let words = UnsafeMutableRawPointer(block).assumingMemoryBound(to: Int32.self)
        let shifts = (UnsafeMutableRawPointer(block) + layout.shiftOffset).assumingMemoryBound(to: Int8.self)
        for channel in 0..<layout.paddedChannels {
            words[channel] = Int32(generator.next(-1_000_000...1_000_000))
            let multiplier = generator.next(0x4000_0000...0x7FFF_FFFF)
            (words + layout.paddedChannels)[channel] = generator.isOne(in: 20) ? 0 : Int32(multiplier)
            shifts[channel] = Int8(generator.isOne(in: 5) ? generator.next(-31...30) : generator.next(-15 ... -5))
        }
        let low = generator.next(-128...0)
        let range = OutputRange(
            zeroPoint: Int8(generator.next(-128...127)), low: Int8(low), high: Int8(generator.next(low...127)))
        parameters = ConvolutionParameters(block: UnsafeRawPointer(block), layout: layout, range: range)

        let outputPixelBytes = outputChannels + generator.next(0...5)
        let outputTable =
            generator.isOne(in: 3) ? memory.channels(outputChannels, among: outputPixelBytes, &generator) : nil
        output = OutputRow(
            start: scratch_start(), width: generator.next(1...40), pixelBytes: outputPixelBytes,
            channels: outputTable.map { UnsafePointer($0) })
        outputBytes = output.width * outputPixelBytes
        outputs = (memory.take(outputBytes, of: UInt8.self), memory.take(outputBytes, of: UInt8.self))
        for index in 0..<outputBytes { (outputs.0[index], outputs.1[index]) = (0xA5, 0xA5) }
    }
}

/// Two random rows and the constants of their addition. Returns whether the core's kernel has made the row; stops when it is
/// wrong.
func isAdditionMade(_ kernels: VectorKernels, _ generator: inout Generator) -> Bool {
    var memory = Memory()
    let channels = generator.next(1...40)
    let width = generator.next(1...20)
    func operand() -> InputRows {
        let pixelBytes = channels + generator.next(0...5)
        let rows = memory.take(1, of: UnsafePointer<UInt8>?.self)
        rows[0] = UnsafePointer(memory.bytes(width * pixelBytes, &generator))
        return InputRows(rows: rows, width: width, pixelBytes: pixelBytes, channels: nil)
    }
    let (first, second) = (operand(), operand())
    func multiplier(_ shifts: ClosedRange<Int>) -> FixedPointMultiplier {
        FixedPointMultiplier(
            multiplier: Int32(generator.next(0x4000_0000...0x7FFF_FFFF)), shift: Int8(generator.next(shifts)))
    }
    let low = generator.next(-128...0)
    let parameters = BinaryParameters(
        firstZeroPoint: Int32(generator.next(-128...127)), secondZeroPoint: Int32(generator.next(-128...127)),
        multipliers: (multiplier(-6...0), multiplier(-6...0), multiplier(-31...2)),
        range: OutputRange(
            zeroPoint: Int8(generator.next(-128...127)), low: Int8(low), high: Int8(generator.next(low...127))))
    let bytes = width * (channels + 3)
    let (made, expected) = (memory.take(bytes, of: UInt8.self), memory.take(bytes, of: UInt8.self))
    for index in 0..<bytes { (made[index], expected[index]) = (0xA5, 0xA5) }
    var output = OutputRow(start: made, width: width, pixelBytes: channels + 3, channels: nil)
    guard kernels.add(first, second, output, channels: channels, parameters) else { return false }
    output.start = expected
    addRow(first, second, output, channels: channels, parameters)
    for index in 0..<bytes where made[index] != expected[index] {
        tell("byte", index)
        tell("kernel", Int(made[index]))
        tell("reference", Int(expected[index]))
        stop("the core's addition differs from the reference")
    }
    return true
}

@main
struct Conform {
    static func main() {
        guard let kernels = VectorKernels.chosen else { stop("this core has no kernels of its own") }
        var taken = 0
        let cases = 600
        for index in 0..<cases {
            let isDepthwise = index % 2 == 1
            var generator = Generator(state: UInt32(index))
            for _ in 0..<4 { _ = generator.next() }
            var test = Case(isDepthwise: isDepthwise, &generator)
            test.output.start = test.outputs.0
            let isMade =
                isDepthwise
                ? kernels.convolveDepthwise(test.input, test.output, test.window, test.parameters)
                : kernels.convolve(test.input, test.output, test.window, test.parameters)
            guard isMade else { continue }
            taken += 1
            test.output.start = test.outputs.1
            if isDepthwise {
                convolveDepthwiseRow(test.input, test.output, test.window, test.parameters)
            } else {
                convolveRow(test.input, test.output, test.window, test.parameters)
            }
            for byte in 0..<test.outputBytes where test.outputs.0[byte] != test.outputs.1[byte] {
                tell("case", index)
                tell("byte", byte)
                tell("kernel", Int(test.outputs.0[byte]))
                tell("reference", Int(test.outputs.1[byte]))
                tell("inputs", test.parameters.layout.inputChannels)
                tell("outputs", test.parameters.layout.outputChannels)
                tell("groups", test.parameters.layout.groups)
                tell("height", test.window.kernelHeight)
                tell("width", test.window.kernelWidth)
                tell("stride", test.window.stride)
                tell("dilation", test.window.dilation)
                tell("table", test.input.channels == nil ? 0 : 1)
                stop("the core's kernel differs from the reference")
            }
        }
        let additions = 100
        for index in 0..<additions {
            var generator = Generator(state: UInt32(cases + index))
            if isAdditionMade(kernels, &generator) { taken += 1 }
        }
        tell("cases", cases + additions)
        tell("taken", taken)
        finish("done", 0)
    }
}
