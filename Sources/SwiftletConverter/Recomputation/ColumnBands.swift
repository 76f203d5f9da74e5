/// The front of a network band by band: columns of the picture from pass to pass, with the columns that neighbouring bands share
/// made for each of them.
///
/// Rings shrink with the width of a band and what its windows reach beside it (patch-based inference, Lin et al. 2021,
/// "MCUNetV2", arXiv:2110.15352, in columns only: along the rows nothing is recomputed). The map behind the last operator of the
/// front is put together in one buffer. A band is the same operators on fewer columns; padding is where the map ends, so no byte
/// is another. What it does not do: choose where the front ends, or how many bands there are.
import SwiftletFormat

struct ColumnBands: Equatable {
    /// The first operator behind the front.
    var end: Int
    var count: Int
}

extension AssembledNetwork {
    /// The same network with operators `0..<bands.end` in as many bands; nil where that cannot be.
    func banded(_ bands: ColumnBands) -> AssembledNetwork? {
        guard inputs.count == 1, let width = widthOfCut(bands.end), bands.count > 1, bands.count <= width else {
            return nil
        }
        var network = self
        network.rowWidth = inputs[0].shape.width
        network.inputs = []
        network.operations = []
        let front = Set(operations[..<bands.end].map(\.output.buffer))
        let gathered = front.filter { isNeeded($0, from: bands.end) }
        for band in 0..<bands.count {
            // Of all columns that are put together, a share; the first ones are wider by one where they are not alike.
            let columns = (width * band / bands.count)..<(width * (band + 1) / bands.count)
            guard let needed = neededColumns(bands.end, gathered: gathered, columns: columns) else { return nil }
            network.appendBand(band, of: self, bands, needed: needed, gathered: gathered)
        }
        let first = bands.count + bands.count * bands.end
        for var operation in operations[bands.end...] {
            operation.producers = operation.producers.flatMap { producer in
                let index = producer - 1
                if index >= bands.end { return [first + index - bands.end] }
                return (0..<bands.count).map { bands.count + $0 * bands.end + index }
            }
            network.operations.append(operation)
        }
        return network
    }

    /// Pixels in a row of what crosses the cut before operator `end`; nil where the front cannot work in bands.
    func widthOfCut(_ end: Int) -> Int? {
        guard operations[..<end].allSatisfy(\.worksInBands), !isNeeded(inputs[0].buffer, from: end) else { return nil }
        var widths: Set<Int> = []
        for buffer in Set(operations[..<end].map(\.output.buffer)) where isNeeded(buffer, from: end) {
            // Bands read what they make themselves: none could read beyond its own share.
            guard readers(of: buffer).allSatisfy({ $0 >= end }), writers(of: buffer).allSatisfy({ $0 < end }) else {
                return nil
            }
            widths.insert(buffers[buffer].width)
        }
        return widths.count == 1 ? widths.first : nil
    }

    private func isNeeded(_ buffer: Int, from end: Int) -> Bool {
        buffers[buffer].isOutput || readers(of: buffer).contains { $0 >= end }
    }

    /// The columns of each buffer that a band makes or takes; nil where one of its windows lies in the padding alone.
    private func neededColumns(_ end: Int, gathered: Set<Int>, columns: Range<Int>) -> [Int: Range<Int>]? {
        var needed = Dictionary(uniqueKeysWithValues: gathered.map { ($0, columns) })
        var isChanged = true
        while isChanged {
            isChanged = false
            for operation in operations[..<end].reversed() {
                guard let outputs = needed[operation.output.buffer] else { continue }
                guard let read = operation.inputColumns(outputs)?.columns else { return nil }
                for operand in [operation.input] + (operation.second.map { [$0] } ?? []) {
                    let known = needed[operand.buffer] ?? read
                    let both = min(known.lowerBound, read.lowerBound)..<max(known.upperBound, read.upperBound)
                    if needed[operand.buffer] != both {
                        needed[operand.buffer] = both
                        isChanged = true
                    }
                }
            }
        }
        // What leads nowhere has no columns that a band could choose.
        let isWhole =
            needed[inputs[0].buffer] != nil && operations[..<end].allSatisfy { needed[$0.output.buffer] != nil }
        return isWhole ? needed : nil
    }

    private mutating func appendBand(
        _ band: Int, of network: AssembledNetwork, _ bands: ColumnBands, needed: [Int: Range<Int>], gathered: Set<Int>
    ) {
        /// The buffer of this band in place of one of the whole network.
        var own: [Int: Int] = [:]
        func buffer(_ original: Int, _ buffers: inout [AssembledBuffer]) -> Int {
            guard band > 0, !gathered.contains(original) else { return original }
            if let known = own[original] { return known }
            buffers.append(network.buffers[original])
            buffers[buffers.count - 1].name += " [\(band + 1)]"
            own[original] = buffers.count - 1
            return buffers.count - 1
        }
        func place(_ operand: AssembledOperand, _ columns: Range<Int>, _ buffers: inout [AssembledBuffer])
            -> AssembledOperand
        {
            var placed = operand
            placed.buffer = buffer(operand.buffer, &buffers)
            if gathered.contains(operand.buffer) {
                placed.column = columns.lowerBound
            } else {
                let held = needed[operand.buffer]!
                placed.column = columns.lowerBound - held.lowerBound
                buffers[placed.buffer].width = held.count
            }
            return placed
        }
        var input = network.inputs[0]
        let taken = needed[input.buffer]!
        input.buffer = buffer(input.buffer, &buffers)
        input.shape.width = taken.count
        input.firstColumn = taken.lowerBound
        buffers[input.buffer].width = taken.count
        inputs.append(input)
        let first = bands.count + band * bands.end
        for (index, original) in network.operations[..<bands.end].enumerated() {
            var operation = original
            operation.name += " [\(band + 1)]"
            operation.producers = original.producers.map { $0 == 0 ? band : first + $0 - 1 }
            if band > 0 { operation.parametersOf = index }
            operation.scratchBuffer = original.scratchBuffer.map { buffer($0, &buffers) }
            let outputs = needed[original.output.buffer]!
            let (columns, padding) = original.inputColumns(outputs)!
            operation.record.inputWidth = UInt16(columns.count)
            operation.record.outputWidth = UInt16(outputs.count)
            operation.record.paddingLeft = UInt16(padding)
            operation.input = place(original.input, columns, &buffers)
            operation.second = original.second.map { place($0, columns, &buffers) }
            operation.output = place(original.output, outputs, &buffers)
            if !original.stages.isEmpty { operation.setPieceColumns(original.pieceColumns, scratch: &buffers) }
            operations.append(operation)
        }
    }
}

extension AssembledOperation {
    /// Whether a column of the output is made of the columns under a window, or of that column, alone.
    fileprivate var worksInBands: Bool {
        switch kind {
        case .convolution, .depthwiseConvolution, .maxPool, .averagePool, .lookup, .separableBlock: true
        case .add: record.flags.isSubset(of: [.negatesFirst, .negatesSecond])
        default: false
        }
    }

    /// The columns of the input under the windows of some of the output, and how many of padding are to the left of them; nil
    /// where the first window or the last is nothing but padding.
    fileprivate func inputColumns(_ outputs: Range<Int>) -> (columns: Range<Int>, padding: Int)? {
        let left = outputs.lowerBound * Int(record.strideWidth) - Int(record.paddingLeft)
        let reach = (Int(record.kernelWidth) - 1) * Int(record.dilationWidth)
        let last = (outputs.upperBound - 1) * Int(record.strideWidth) - Int(record.paddingLeft)
        guard left + reach >= 0, last < Int(record.inputWidth) else { return nil }
        let begin = max(left, 0)
        return (begin..<min(last + reach + 1, Int(record.inputWidth)), begin - left)
    }
}
