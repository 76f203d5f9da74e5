/// Runs kernels, which make one row, on whole maps: places channels in pixels as a model would and packs weights.
///
/// Memory is exactly as large as the maps, so that a memory checker sees a byte too many; what no kernel may write holds a
/// mark that is looked at afterwards.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletGraph
import SwiftletKernels
import TestSupport

/// Where the channels of a map lie in a pixel.
struct Placement: CustomStringConvertible {
    var pixelBytes: Int
    var slots: [Int]

    static func packed(_ channels: Int) -> Placement { Placement(pixelBytes: channels, slots: Array(0..<channels)) }

    /// Packed, at an offset, in another order, or scattered.
    static func random(_ channels: Int, using generator: inout SeededGenerator) -> Placement {
        switch Int.random(in: 0...3, using: &generator) {
        case 0: return packed(channels)
        case 2:
            let first = Int.random(in: 0...1, using: &generator)
            return Placement(
                pixelBytes: first + channels, slots: (first..<(first + channels)).shuffled(using: &generator))
        case 1:
            let offset = Int.random(in: 0...5, using: &generator)
            let bytes = offset + channels + Int.random(in: 0...5, using: &generator)
            return Placement(pixelBytes: bytes, slots: Array(offset..<(offset + channels)))
        default:
            let bytes = channels + Int.random(in: 1...9, using: &generator)
            return Placement(pixelBytes: bytes, slots: Array((0..<bytes).shuffled(using: &generator).prefix(channels)))
        }
    }

    var isConsecutive: Bool { slots.indices.allSatisfy { slots[$0] == slots[0] + $0 } }
    var offset: Int { isConsecutive ? slots[0] : 0 }
    var table: [UInt16]? { isConsecutive ? nil : slots.map { UInt16($0) } }
    var description: String {
        isConsecutive ? "\(slots[0])+\(slots.count) of \(pixelBytes)" : "scattered in \(pixelBytes)"
    }
}

/// A map in memory.
final class StoredMap {
    let height: Int
    let width: Int
    let placement: Placement
    let bytes: UnsafeMutablePointer<UInt8>
    private let table: UnsafeMutablePointer<UInt16>?
    private static let mark: UInt8 = 0x5B

    init(height: Int, width: Int, placement: Placement) {
        self.height = height
        self.width = width
        self.placement = placement
        bytes = .allocate(capacity: height * width * placement.pixelBytes)
        bytes.initialize(repeating: Self.mark, count: height * width * placement.pixelBytes)
        table = placement.table.map { slots in
            let copy = UnsafeMutablePointer<UInt16>.allocate(capacity: slots.count)
            copy.initialize(from: slots, count: slots.count)
            return copy
        }
    }

    convenience init(_ map: IntegerMap, placement: Placement) {
        self.init(height: map.height, width: map.width, placement: placement)
        for pixel in 0..<(height * width) {
            for (channel, slot) in placement.slots.enumerated() {
                bytes[pixel * placement.pixelBytes + slot] =
                    UInt8(bitPattern: map.values[pixel * map.channels + channel]) ^ 0x80
            }
        }
    }

    deinit {
        bytes.deallocate()
        table?.deallocate()
    }

    func row(_ y: Int) -> UnsafeMutablePointer<UInt8> {
        bytes + (y * width * placement.pixelBytes + placement.offset)
    }

    func outputRow(_ y: Int) -> OutputRow {
        OutputRow(
            start: row(y), width: width, pixelBytes: placement.pixelBytes, channels: table.map { UnsafePointer($0) })
    }

    func inputRows(_ rows: UnsafePointer<UnsafePointer<UInt8>?>) -> InputRows {
        InputRows(rows: rows, width: width, pixelBytes: placement.pixelBytes, channels: table.map { UnsafePointer($0) })
    }

    /// The channels, and whether nothing else was written.
    var contents: (map: IntegerMap, isClean: Bool) {
        var values: [Int8] = []
        let gaps = Set(0..<placement.pixelBytes).subtracting(placement.slots)
        var isClean = true
        for pixel in 0..<(height * width) {
            let start = bytes + pixel * placement.pixelBytes
            values += placement.slots.map { Int8(bitPattern: start[$0] ^ 0x80) }
            isClean = isClean && gaps.allSatisfy { start[$0] == Self.mark }
        }
        return (IntegerMap(height: height, width: width, channels: placement.slots.count, values: values), isClean)
    }
}

/// A convolution's parameter block, packed straight from the documented layout.
final class PackedConvolution {
    let parameters: ConvolutionParameters
    private let block: UnsafeMutableRawPointer

    /// - Parameters as of `IntegerReference.convolve`; for depthwise kernels `weights` is `[output][tap]`.
    init(
        isDepthwise: Bool, weights: [Int8], bias: [Int32], scales: [IntegerScale], groups: Int, inputChannels: Int,
        taps: Int, inputZeroPoint: Int32, pads: [Int8]?, range: IntegerRange
    ) {
        let layout = ConvolutionLayout(
            isDepthwise: isDepthwise, groups: groups, inputChannels: inputChannels, outputChannels: bias.count,
            taps: taps)
        block = .allocate(byteCount: layout.byteCount, alignment: ConvolutionLayout.alignment)
        block.initializeMemory(as: UInt8.self, repeating: 0, count: layout.byteCount)
        let groupInputs = inputChannels / groups
        for output in bias.indices {
            var start = bias[output]
            for tap in 0..<taps {
                for input in 0..<groupInputs {
                    let weight = weights[(output * taps + tap) * groupInputs + input]
                    start &-= (inputZeroPoint &+ 128) &* Int32(weight)
                    let index = layout.weightIndex(output: output, tap: tap, input: input)
                    block.storeBytes(of: weight, toByteOffset: layout.weightsOffset + index, as: Int8.self)
                }
            }
            block.storeBytes(of: start, toByteOffset: output * 4, as: Int32.self)
            block.storeBytes(
                of: scales[output].multiplier, toByteOffset: layout.multiplierOffset + output * 4, as: Int32.self)
            block.storeBytes(of: Int8(scales[output].shift), toByteOffset: layout.shiftOffset + output, as: Int8.self)
        }
        for input in 0..<inputChannels {
            block.storeBytes(
                of: UInt8(bitPattern: pads?[input] ?? Int8(inputZeroPoint)) ^ 0x80,
                toByteOffset: layout.padPixelOffset + input, as: UInt8.self)
        }
        parameters = ConvolutionParameters(block: block, layout: layout, range: range.output)
    }

    deinit { block.deallocate() }
}

extension IntegerRange {
    var output: OutputRange { OutputRange(zeroPoint: Int8(zeroPoint), low: Int8(low), high: Int8(high)) }
}

extension IntegerScale {
    var fixedPoint: FixedPointMultiplier { FixedPointMultiplier(multiplier: multiplier, shift: Int8(shift)) }
}

/// The kernels of an instruction set, or the portable ones, as the executor calls them.
final class KernelSet: CustomStringConvertible {
    let vector: VectorKernels?
    /// Rows that the instruction set's own kernels have made, and all rows.
    private(set) var rowsTaken = 0
    private(set) var rows = 0

    init(vector: VectorKernels? = nil) { self.vector = vector }

    var description: String { vector?.name ?? "portable" }

    /// Every set that this machine can run.
    static var all: [KernelSet] {
        [KernelSet()]
            + VectorKernels.names.compactMap { VectorKernels.named($0) }.map { KernelSet(vector: $0) }
    }

    private func run(_ taken: (VectorKernels) -> KernelPath, else portable: () -> Void) {
        rows += 1
        if let vector, taken(vector) != .reference { rowsTaken += 1 } else { portable() }
    }

    func convolve(
        _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
    ) {
        if parameters.layout.isDepthwise {
            run {
                $0.convolveDepthwise(input, output, window, parameters)
            } else: {
                convolveDepthwiseRow(input, output, window, parameters)
            }
        } else {
            run {
                $0.convolve(input, output, window, parameters)
            } else: {
                convolveRow(input, output, window, parameters)
            }
        }
    }

    func add(
        _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int, _ parameters: BinaryParameters
    ) {
        run {
            $0.add(first, second, output, channels: channels, parameters)
        } else: {
            addRow(first, second, output, channels: channels, parameters)
        }
    }

    func poolMax(_ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, range: OutputRange) {
        run {
            $0.poolMax(input, output, window, channels: channels, range: range)
        } else: {
            poolMaxRow(input, output, window, channels: channels, range: range)
        }
    }

    func poolAverage(_ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, range: OutputRange) {
        run {
            $0.poolAverage(input, output, window, channels: channels, range: range)
        } else: {
            poolAverageRow(input, output, window, channels: channels, range: range)
        }
    }

    func accumulate(_ row: InputRows, into sums: inout [Int32], channels: Int) {
        run {
            $0.accumulate(row, into: &sums, channels: channels)
        } else: {
            accumulateRow(row, into: &sums, channels: channels)
        }
    }
}

enum Harness {
    /// Makes all rows of a map with a kernel that reads through a window.
    static func run(
        _ input: StoredMap, window: IntegerWindow, output placement: Placement,
        _ kernel: (InputRows, OutputRow, RowWindow) -> Void
    ) -> (map: IntegerMap, isClean: Bool) {
        let output = StoredMap(height: window.output.height, width: window.output.width, placement: placement)
        let rowWindow = RowWindow(
            kernelHeight: window.kernel.height, kernelWidth: window.kernel.width, stride: window.stride.width,
            dilation: window.dilation.width, paddingLeft: window.padding.left)
        for y in 0..<output.height {
            let rows: [UnsafePointer<UInt8>?] = (0..<window.kernel.height).map { ky in
                let row = y * window.stride.height - window.padding.top + ky * window.dilation.height
                return row < 0 || row >= input.height ? nil : UnsafePointer(input.row(row))
            }
            rows.withUnsafeBufferPointer { kernel(input.inputRows($0.baseAddress!), output.outputRow(y), rowWindow) }
        }
        return output.contents
    }

    static func add(
        _ first: StoredMap, _ second: StoredMap, output placement: Placement, _ parameters: BinaryParameters,
        kernels: KernelSet = KernelSet()
    ) -> (map: IntegerMap, isClean: Bool) {
        let output = StoredMap(height: first.height, width: first.width, placement: placement)
        for y in 0..<first.height {
            let rows: [UnsafePointer<UInt8>?] = [UnsafePointer(first.row(y)), UnsafePointer(second.row(y))]
            rows.withUnsafeBufferPointer {
                kernels.add(
                    first.inputRows($0.baseAddress!), second.inputRows($0.baseAddress! + 1), output.outputRow(y),
                    channels: placement.slots.count, parameters)
            }
        }
        return output.contents
    }

    static func mean(
        _ input: StoredMap, output placement: Placement, inputZeroPoint: Int32, scale: IntegerScale,
        range: IntegerRange,
        kernels: KernelSet = KernelSet()
    ) -> (map: IntegerMap, isClean: Bool) {
        let output = StoredMap(height: 1, width: 1, placement: placement)
        let channels = placement.slots.count
        var sums = [Int32](repeating: 0, count: channels)
        for y in 0..<input.height {
            let rows: [UnsafePointer<UInt8>?] = [UnsafePointer(input.row(y))]
            rows.withUnsafeBufferPointer {
                kernels.accumulate(input.inputRows($0.baseAddress!), into: &sums, channels: channels)
            }
        }
        let pair = [scale.multiplier, Int32(scale.shift)]
        pair.withUnsafeBufferPointer {
            finishMeanRow(
                sums, output.outputRow(0), channels: channels,
                MeanParameters(
                    offset: Int32(input.height * input.width) * inputZeroPoint, scales: $0.baseAddress!,
                    isPerChannel: false, range: range.output))
        }
        return output.contents
    }
}
