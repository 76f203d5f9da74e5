/// A convolution whose map only a mean reads, in shares of its channels: each share's rows and sums are gone before the next is
/// begun. Nothing is computed twice, but the convolution's input must stand whole.
///
/// What it does not do: choose how many.
import SwiftletFormat

extension AssembledNetwork {
    /// The same network with such convolutions, and their means, in `count` shares of whole weight blocks.
    func sharingChannels(_ count: Int) -> AssembledNetwork {
        var shared = self
        shared.operations = []
        /// The operators that have taken a producer's place.
        var places: [[Int]] = inputs.indices.map { [$0] }
        var means: Set<Int> = []
        for index in operations.indices where !means.contains(index) {
            var operation = operations[index]
            operation.producers = operation.producers.flatMap { places[$0] }
            guard count > 1, let mean = meanAlone(of: index) else {
                while places.count < inputs.count + index { places.append([]) }
                places.append([inputs.count + shared.operations.count])
                shared.operations.append(operation)
                continue
            }
            means.insert(mean)
            while places.count <= inputs.count + mean { places.append([]) }
            for channels in Self.shares(of: Int(operation.record.outputChannels), count: count) {
                places[inputs.count + mean].append(inputs.count + shared.operations.count + 1)
                shared.appendShare(channels, of: operation, operations[mean])
            }
        }
        return shared
    }

    /// The mean that alone reads what a dense convolution makes, right behind it.
    private func meanAlone(of index: Int) -> Int? {
        let (operation, mean) = (operations[index], index + 1)
        let output = operation.output
        let channels = Array(0..<buffers[output.buffer].pixelBytes)
        guard operation.kind == .convolution, operation.record.groups == 1, mean < operations.count,
            operations[mean].kind == .globalAveragePool, !buffers[output.buffer].isOutput,
            readers(of: output.buffer) == [mean], writers(of: output.buffer) == [index],
            consumers(of: inputs.count + index) == [mean], operations[mean].producers == [inputs.count + index],
            output.slots == channels, operations[mean].input.slots == channels
        else { return nil }
        return mean
    }

    /// As many runs of whole weight blocks, as alike as can be; fewer where there are fewer blocks.
    private static func shares(of channels: Int, count: Int) -> [Range<Int>] {
        let block = ConvolutionLayout.blockChannels
        let blocks = (channels + block - 1) / block
        let count = min(count, blocks)
        return (0..<count).map {
            (blocks * $0 / count * block)..<min(blocks * ($0 + 1) / count * block, channels)
        }
    }

    private mutating func appendShare(_ channels: Range<Int>, of whole: AssembledOperation, _ mean: AssembledOperation)
    {
        var share = whole.share(channels)
        share.parameters = whole.convolutionParameters(channels)
        share.output = AssembledOperand(buffer: buffers.count, slots: Array(0..<channels.count))
        var rows = buffers[whole.output.buffer]
        rows.name = share.name
        rows.pixelBytes = channels.count
        buffers.append(rows)
        operations.append(share)

        var part = mean.share(channels)
        let eachBytes = MeanLayout.byteCount
        if mean.parameters.count > eachBytes {
            part.parameters = Array(
                mean.parameters[(channels.lowerBound * eachBytes)..<(channels.upperBound * eachBytes)])
        }
        part.record.inputChannels = UInt16(channels.count)
        part.producers = [inputs.count + operations.count - 1]
        part.input = share.output
        part.output.slots = Array(mean.output.slots[channels])
        part.scratchBuffer = buffers.count
        buffers.append(
            AssembledBuffer(
                name: "\(part.name) sums", pixelBytes: 4 * channels.count, width: 1, height: 1, isOutput: false))
        operations.append(part)
    }
}

extension AssembledOperation {
    /// What is the same in both: names, counts and orders of some of the output channels.
    fileprivate func share(_ channels: Range<Int>) -> AssembledOperation {
        var share = self
        share.name += " [\(channels.lowerBound)..<\(channels.upperBound)]"
        share.record.outputChannels = UInt16(channels.count)
        share.outputOrder = Array(outputOrder[channels])
        share.valueOrder = Array(valueOrder[channels])
        share.outputQuantization = Array(outputQuantization[channels])
        return share
    }

    /// The parameter block of some of the output channels, whole blocks of weights; empty where weights are left out.
    fileprivate func convolutionParameters(_ channels: Range<Int>) -> [UInt8] {
        guard !parameters.isEmpty else { return [] }
        var record = record
        let whole = ConvolutionLayout(record)
        record.outputChannels = UInt16(channels.count)
        let layout = ConvolutionLayout(record)
        var bytes = [UInt8](repeating: 0, count: layout.byteCount)
        func copy(_ count: Int, from source: Int, to target: Int) {
            bytes.replaceSubrange(target..<(target + count), with: parameters[source..<(source + count)])
        }
        let (first, count) = (channels.lowerBound, channels.count)
        copy(count * 4, from: first * 4, to: 0)
        copy(count * 4, from: whole.multiplierOffset + first * 4, to: layout.multiplierOffset)
        copy(count, from: whole.shiftOffset + first, to: layout.shiftOffset)
        copy(layout.inputChannels, from: whole.padPixelOffset, to: layout.padPixelOffset)
        copy(
            layout.weightBytes, from: whole.weightsOffset + whole.weightIndex(output: first, tap: 0, input: 0),
            to: layout.weightsOffset)
        return bytes
    }
}
