/// Random operators for tools/firmware --conform: windows, rows and constants from a seeded generator.
///
/// Activations, weights and multipliers are often those at the ends of their ranges. What it does not do: run or compare.
import CBoard
import SwiftletArithmetic
import SwiftletFormat
import SwiftletKernels

/// The linear congruential generator of int8.bin's self-test.
struct Generator {
    var state: UInt32

    init(seed: UInt32) {
        state = seed
        for _ in 0..<4 { _ = next() }
    }

    mutating func next() -> UInt32 {
        state = state &* 1_664_525 &+ 1_013_904_223
        return state >> 8
    }

    mutating func next(_ range: ClosedRange<Int>) -> Int {
        let any = next() &<< 16 ^ next()
        return range.lowerBound + Int(truncatingIfNeeded: any % UInt32(truncatingIfNeeded: range.count))
    }

    /// True once in `count` times.
    mutating func isOne(in count: Int) -> Bool { next(1...count) == 1 }

    /// Now and then 0 or at an end of what the format allows.
    mutating func nextMultiplier() -> Int32 {
        let any = next(0x4000_0000...0x7FFF_FFFF)
        return switch next(1...20) {
        case 1: 0
        case 2: 0x4000_0000
        case 3: 0x7FFF_FFFF
        default: Int32(any)
        }
    }

    mutating func nextRange() -> OutputRange {
        let low = isOne(in: 2) ? -128 : next(-128...0)
        let high = isOne(in: 2) ? 127 : next(low...127)
        return OutputRange(zeroPoint: Int8(next(-128...127)), low: Int8(low), high: Int8(high))
    }

    mutating func nextWindow() -> RowWindow {
        var window = RowWindow(
            kernelHeight: next(1...3), kernelWidth: isOne(in: 2) ? 3 : next(1...5), stride: next(1...3),
            dilation: isOne(in: 3) ? 2 : 1, paddingLeft: next(0...3))
        switch next(1...4) {
        case 1, 2: (window.kernelHeight, window.kernelWidth) = (1, 1)
        case 3: (window.kernelHeight, window.kernelWidth, window.dilation) = (3, 3, 1)
        default: break
        }
        return window
    }
}

/// Hands out the memory of one case from the front; the next case begins again.
struct Memory {
    var free = UnsafeMutableRawPointer(scratch_start())

    mutating func take<Element: BitwiseCopyable>(_ count: Int, of type: Element.Type) -> UnsafeMutablePointer<Element> {
        defer { free += roundUp(count * MemoryLayout<Element>.stride, to: 64) }
        return free.bindMemory(to: type, capacity: count)
    }

    /// Bytes of any value, or all at one or at both of `ends`.
    func fill(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, ends: (UInt8, UInt8), _ generator: inout Generator) {
        let pattern = generator.next(0...7)
        for index in 0..<count {
            let any = UInt8(truncatingIfNeeded: generator.next())
            bytes[index] =
                switch pattern {
                case 0: ends.0
                case 1: ends.1
                case 2: any % 2 == 0 ? ends.0 : ends.1
                default: any
                }
        }
    }

    /// A table of `count` different channels among `slots`, in any order.
    mutating func table(_ count: Int, among slots: Int, _ generator: inout Generator) -> UnsafePointer<UInt16> {
        let table = take(slots, of: UInt16.self)
        for index in 0..<slots { table[index] = UInt16(truncatingIfNeeded: index) }
        for index in 0..<count {
            let other = generator.next(index...(slots - 1))
            (table[index], table[other]) = (table[other], table[index])
        }
        return UnsafePointer(table)
    }

    /// `height` rows, of which some are padding where `hasPadding`.
    mutating func input(
        _ channels: Int, width: Int, height: Int = 1, hasPadding: Bool = false, _ generator: inout Generator
    ) -> InputRows {
        let pixelBytes = channels + (generator.isOne(in: 2) ? 0 : generator.next(0...5))
        let rows = take(height, of: UnsafePointer<UInt8>?.self)
        for y in 0..<height {
            rows[y] = nil
            if hasPadding && generator.isOne(in: 4) { continue }
            let row = take(width * pixelBytes, of: UInt8.self)
            fill(row, width * pixelBytes, ends: (0, 255), &generator)
            rows[y] = UnsafePointer(row)
        }
        let table = generator.isOne(in: 4) ? table(channels, among: pixelBytes, &generator) : nil
        return InputRows(rows: rows, width: width, pixelBytes: pixelBytes, channels: table)
    }

    mutating func outputs(_ channels: Int, width: Int, _ generator: inout Generator) -> Outputs {
        let pixelBytes = channels + (generator.isOne(in: 2) ? 0 : generator.next(0...5))
        let table = generator.isOne(in: 4) ? table(channels, among: pixelBytes, &generator) : nil
        let count = width * pixelBytes
        let rows = (take(count, of: UInt8.self), take(count, of: UInt8.self))
        for index in 0..<count { (rows.0[index], rows.1[index]) = (0xA5, 0xA5) }
        func row(_ start: UnsafeMutablePointer<UInt8>) -> OutputRow {
            OutputRow(start: start, width: width, pixelBytes: pixelBytes, channels: table)
        }
        return Outputs(made: row(rows.0), expected: row(rows.1), byteCount: count)
    }

    /// A convolution's constants, as a file has them.
    mutating func convolution(_ layout: ConvolutionLayout, _ generator: inout Generator) -> ConvolutionParameters {
        let block = take(layout.byteCount, of: UInt8.self)
        fill(block, layout.byteCount, ends: (0, 255), &generator)
        let words = UnsafeMutableRawPointer(block).assumingMemoryBound(to: Int32.self)
        let shifts = (UnsafeMutableRawPointer(block) + layout.shiftOffset).assumingMemoryBound(to: Int8.self)
        // Most kernels leave a row with a single shift to the left to the reference.
        let mostShift = generator.isOne(in: 5) ? 30 : 0
        for channel in 0..<layout.paddedChannels {
            words[channel] = Int32(generator.next(-1_000_000...1_000_000))
            (words + layout.paddedChannels)[channel] = generator.nextMultiplier()
            shifts[channel] = Int8(
                generator.isOne(in: 5) ? generator.next(-31...mostShift) : generator.next(-15 ... -5))
        }
        let weights = block + layout.weightsOffset
        let lowest: UInt8 = generator.isOne(in: 3) ? 0x80 : 0x81
        fill(weights, layout.byteCount - layout.weightsOffset, ends: (lowest, 0x7F), &generator)
        // Those of inputs that only fill a quad are 0 in every file.
        for output in 0..<(layout.isDepthwise ? 0 : layout.outputChannels) {
            for tap in 0..<layout.taps {
                for input in layout.groupInputs..<roundUp(layout.groupInputs, to: ConvolutionLayout.quad) {
                    weights[layout.weightIndex(output: output, tap: tap, input: input)] = 0
                }
            }
        }
        return ConvolutionParameters(block: UnsafeRawPointer(block), layout: layout, range: generator.nextRange())
    }
}

/// A row for the core's kernel and one for the reference, both full of a mark at first.
struct Outputs {
    var made: OutputRow
    var expected: OutputRow
    var byteCount: Int

    /// The first byte that differs.
    var difference: Int? { (0..<byteCount).first { made.start[$0] != expected.start[$0] } }
}
