/// Maps that are kept at 16 bits: which they are, what their scales are, and what cannot have them.
///
/// Only what a layer makes is kept; its weights stay int8, and whoever reads it reads 16 bits. Pools pass on what they read.
/// What it does not do: tables of 256 entries for numbers of 16 bits.
import SwiftletFormat
import SwiftletGraph
import SwiftletQuantizer

extension LoweredNetwork {
    /// The same network with the maps of the named layers at 16 bits.
    ///
    /// - Throws: `ConversionError.wrongInput` for a name that no operation has and for what has no form of 16 bits, with the
    ///   layer, its operator and what to do.
    func keepingWide(_ names: [String]) throws -> LoweredNetwork {
        guard !names.isEmpty else { return self }
        for name in names where !operations.contains(where: { $0.name == name }) {
            throw ConversionError.wrongInput(
                reason:
                    "no layer of the network is named '\(name)'; it has \(operations.map(\.name).joined(separator: ", "))"
            )
        }
        var network = self
        for index in operations.indices {
            let operation = operations[index]
            let isKept = names.contains(operation.name)
            let reads = operation.operands.map { Set($0.map { network.channelBytes(of: $0.producer) == 2 }) }
            func refuse(_ reason: String) -> ConversionError {
                .wrongInput(reason: "layer \(operation.name) (\(operation.kindName)): \(reason)")
            }
            if reads.contains(where: { $0.count > 1 }) {
                let rest = operation.operands.joined().map(\.producer).filter { network.channelBytes(of: $0) == 1 }
                let names = Set(rest).sorted().map { network.operation(of: $0)?.name ?? "the picture" }
                throw refuse(
                    "it reads maps of 8 and of 16 bits side by side; keep \(names.joined(separator: ", ")) at int16, too"
                )
            }
            let readsWide = reads.contains([true])
            switch operation.kind {
            case .maxPool, .averagePool:
                guard readsWide || !isKept else {
                    throw refuse("it makes 16 bits only of a map that has them; keep the layer that it reads instead")
                }
                network.operations[index].isWide = readsWide
            case .convolution, .depthwise, .add: network.operations[index].isWide = isKept
            case .mean:
                let pixels = operation.inputShape.height * operation.inputShape.width
                guard pixels <= ModelReader.widePixelLimit || !(isKept || readsWide) else {
                    throw refuse("a mean of 16 bits takes at most \(ModelReader.widePixelLimit) pixels, not \(pixels)")
                }
                network.operations[index].isWide = isKept
            case .function, .other:
                if isKept { throw refuse("a table has 8 bits; leave out --keep \(operation.name)=int16") }
                if readsWide { throw refuse("a table reads 8 bits; do not keep the layer that it reads at int16") }
            case .binary, .pixelIndex, .interpolate, .join:
                if isKept { throw refuse("it makes 8 bits; leave out --keep \(operation.name)=int16") }
                if readsWide { throw refuse("it reads 8 bits; do not keep the layer that it reads at int16") }
            }
        }
        return network
    }

    /// What is most often worth 16 bits and takes little memory: the scores and the means that they are made of, and then what is
    /// made of the picture. Without what could not be kept.
    func layersAtTheEnds(besides kept: [String]) -> [[String]] {
        func makers(_ references: [ChannelReference]) -> [LoweredOperation] {
            Set(references.map(\.producer)).sorted().compactMap { operation(of: $0) }
        }
        let scores = outputs.flatMap { makers($0.channels) }
        let means = scores.flatMap { makers($0.operands.flatMap { $0 }) }.filter {
            if case .mean = $0.kind { true } else { false }
        }
        let first = operations.filter { $0.operands.joined().contains { $0.producer < inputs.count } }
        return [means + scores, first].map { $0.map(\.name) }.filter { (try? keepingWide(kept + $0)) != nil }
    }

    /// Whether an operation reads or makes maps of 16 bits.
    func hasWideMaps(_ operation: LoweredOperation) -> Bool {
        operation.isWide || operation.operands.joined().contains { channelBytes(of: $0.producer) == 2 }
    }
}

extension LoweredOperation {
    /// The operator's name in messages.
    fileprivate var kindName: String {
        switch kind {
        case .convolution: "convolution"
        case .depthwise: "depthwise convolution"
        case .maxPool: "max pool"
        case .averagePool: "average pool"
        case .mean: "mean"
        case .add: "add"
        case .binary(let kind, _): kind.rawValue
        case .function(let activation): "\(activation)"
        case .pixelIndex(let index): Operator.pixelIndex(index).name
        case .interpolate(let points): Operator.interpolate(points).name
        case .join(let axis): Operator.join(axis).name
        case .other(let kind): "\(kind)"
        }
    }
}

extension AffineQuantization {
    /// The 16-bit quantization that reaches as far as this one on its longer side: symmetric, zero point 0. Channels whose scales
    /// are alike, or differ by a factor from one another, keep that.
    var widened: AffineQuantization {
        let reach = max(128 + Int(zeroPoint), 127 - Int(zeroPoint))
        return AffineQuantization(scale: scale * Float(reach) / 32767, zeroPoint: 0)
    }
}

extension Assembly {
    /// Enters an activation's bounds, of which the record holds the high bytes: -32768 or 0 below, and above what 16 bits reach,
    /// which calibration has seen to.
    func setWideBounds(_ record: inout OperatorRecord, _ operation: LoweredOperation, scale: Float) throws {
        if let low = operation.clamp.low, low == 0 { record.activationMin = 0 }
        guard let high = operation.clamp.high else { return }
        // Half a percent beyond the bound is what a scale that was rounded may reach.
        guard high / scale > 32767 * 0.995 else {
            throw ConversionError.unsupported(
                node: operation.name, operation: "activation up to \(high)",
                reason: "at 16 bits it shares a scale that reaches \(scale * 32767); keep it at int8")
        }
    }
}
