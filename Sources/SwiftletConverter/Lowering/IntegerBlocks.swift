/// The bytes of parameters that are integers already, in stored order.
///
/// What it does not do: derive them; a `QuantizedGraph` brings them.
import SwiftletArithmetic
import SwiftletFormat
import SwiftletGraph

extension IntegerForm.Block {
    /// - Parameter inputOrder: the channel that stands at each stored place.
    func bytes(inputOrder: [Int]) -> [UInt8] {
        var bytes: [UInt8] = []
        func append<Value: FixedWidthInteger>(_ value: Value) {
            Swift.withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
        func arenaByte(_ value: Int8) -> UInt8 { UInt8(bitPattern: value) ^ 0x80 }
        switch self {
        case .bytes(let given): return given
        case .multipliers(let multipliers, let constant):
            for number in multipliers {
                append(number.multiplier)
                append(Int32(number.shift))
            }
            guard let constant else { return bytes }
            bytes += Array(repeating: 0, count: BinaryLayout.constantsOffset - bytes.count)
            let channels = constant.shape.channels
            for pixel in 0..<(constant.shape.height * constant.shape.width) {
                // A constant of one channel serves for all.
                bytes += inputOrder.map { arenaByte(constant.values[pixel * channels + (channels == 1 ? 0 : $0)]) }
            }
        case .tables(let tables):
            for table in tables.count == 1 ? tables : inputOrder.map({ tables[$0] }) { bytes += table.map(arenaByte) }
        case .rearrangement(let map):
            func entry(_ source: Int?) -> UInt16 { source.map { UInt16($0) } ?? RearrangementLayout.fill }
            append(UInt16(arenaByte(map.fill)))
            for source in map.rows + map.columns + (map.channels ?? []) { append(entry(source)) }
        }
        return bytes
    }
}

/// Packs a convolution whose weights, biases and multipliers are given.
///
/// - Parameter weight: of (output, tap, input within the group), all in stored order.
/// - Parameters:
///   - readsWide: whether inputs have 16 bits; their zero point is 0.
///   - hasWideMaps: whether sums are made in 64 bits.
/// - Throws: `ConversionError.overflow` where `|bias| + 255 * sum |w|` reaches 2^31: sums of inputs less zero point are at most
///   that. Partial sums may wrap: only the whole counts.
func integerConvolutionBlock(
    name: String, _ convolution: QuantizedConvolution, layout: ConvolutionLayout, outputOrder: [Int],
    readsWide: Bool = false, hasWideMaps: Bool = false,
    weight: (_ output: Int, _ tap: Int, _ input: Int) -> Int8
) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: layout.byteCount)
    let groupInputs = layout.isDepthwise ? 1 : layout.groupInputs
    for channel in 0..<layout.outputChannels {
        let given = Int64(convolution.bias[outputOrder[channel]])
        var sum = Int64(0)
        var magnitude = Int64(0)
        for tap in 0..<layout.taps {
            for input in 0..<groupInputs {
                let value = weight(channel, tap, input)
                sum += Int64(value)
                magnitude += abs(Int64(value))
                bytes[layout.weightsOffset + layout.weightIndex(output: channel, tap: tap, input: input)] =
                    UInt8(bitPattern: value)
            }
        }
        let bound = abs(given) + 255 * magnitude
        guard hasWideMaps || bound < 1 << 31 else {
            throw ConversionError.overflow(node: name, channel: channel, bound: Double(bound))
        }
        let start = readsWide ? given : given - (Int64(convolution.inputZeroPoint) + 128) * sum
        let multiplier = convolution.multipliers[outputOrder[channel]]
        bytes.store(Int32(truncatingIfNeeded: start), at: channel * 4)
        bytes.store(multiplier.multiplier, at: layout.multiplierOffset + channel * 4)
        bytes[layout.shiftOffset + channel] = UInt8(bitPattern: multiplier.shift)
    }
    for channel in 0..<layout.inputChannels {
        bytes[layout.padPixelOffset + channel] = UInt8(bitPattern: convolution.inputZeroPoint) ^ 0x80
    }
    return bytes
}
