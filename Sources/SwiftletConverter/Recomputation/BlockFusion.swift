/// Separable blocks in place of their convolutions: less memory, and where there is an expansion more multiplications.
///
/// What it does not do: choose which; `ArenaSearch` does.
import SwiftletFormat

/// Convolutions that can be one operator: a depthwise one and a pointwise one behind it, maybe with a pointwise one before.
struct BlockCandidate {
    /// Nil where the depthwise convolution reads what no pointwise one has made for it alone.
    var expansion: Int?
    var depthwise: Int
    var projection: Int

    /// - Parameter expands: whether the expansion is part of the block, and made anew for each row.
    func stages(expands: Bool) -> [Int] { (expands ? expansion.map { [$0] } ?? [] : []) + [depthwise, projection] }
}

/// A candidate that becomes one operator.
struct FusedBlock {
    var candidate: BlockCandidate
    var expands: Bool
    /// How many columns it makes at a time.
    var pieceColumns: Int
}

extension AssembledNetwork {
    /// All of them, by their depthwise convolutions; no two have a convolution in common.
    var blockCandidates: [BlockCandidate] {
        var candidates: [BlockCandidate] = []
        for depthwise in operations.indices
        where operations[depthwise].kind == .depthwiseConvolution && hasBytes(depthwise)
            && windowsReachTheMap(depthwise)
        {
            guard let projection = onlyReader(of: depthwise), isPointwise(projection) else { continue }
            let expansion = operations[depthwise].producers.first.flatMap { producer -> Int? in
                let index = producer - inputs.count
                // Where blocks follow each other without a sum between, what projects one may not expand the next.
                guard index >= 0, isPointwise(index), onlyReader(of: index) == depthwise,
                    !candidates.contains(where: { $0.projection == index })
                else { return nil }
                return index
            }
            guard isNeverOverwritten(operations[expansion ?? depthwise].input.buffer) else { continue }
            candidates.append(
                BlockCandidate(expansion: expansion, depthwise: depthwise, projection: projection))
        }
        return candidates
    }

    /// A block's stages have no maps of 16 bits.
    private func hasBytes(_ index: Int) -> Bool { operations[index].record.flags.isDisjoint(with: .wideMaps) }

    private func isPointwise(_ index: Int) -> Bool {
        let record = operations[index].record
        return operations[index].kind == .convolution && hasBytes(index) && record.kernelHeight == 1
            && record.kernelWidth == 1
            && record.strideHeight == 1 && record.strideWidth == 1 && record.paddingTop == 0 && record.paddingLeft == 0
            && record.inputHeight == record.outputHeight && record.inputWidth == record.outputWidth
    }

    /// As `ModelReader` asks of a block.
    private func windowsReachTheMap(_ index: Int) -> Bool {
        let record = operations[index].record
        let last = (Int(record.outputWidth) - 1) * Int(record.strideWidth) - Int(record.paddingLeft)
        return last < Int(record.inputWidth)
            && (Int(record.kernelWidth) - 1) * Int(record.dilationWidth) >= Int(record.paddingLeft)
    }

    /// The operator that alone reads what `index` makes, and waits for nothing else, where that fills a buffer of its own.
    private func onlyReader(of index: Int) -> Int? {
        let output = operations[index].output
        guard !buffers[output.buffer].isOutput, output.slots == Array(0..<buffers[output.buffer].pixelBytes),
            writers(of: output.buffer) == [index]
        else { return nil }
        let readers = readers(of: output.buffer)
        guard readers.count == 1, consumers(of: inputs.count + index) == readers,
            operations[readers[0]].producers == [inputs.count + index], operations[readers[0]].second == nil,
            operations[readers[0]].input.slots == output.slots
        else { return nil }
        return readers[0]
    }

    /// Whether no byte of a buffer has two writers: a block reads its rows later than the expansion alone would.
    private func isNeverOverwritten(_ buffer: Int) -> Bool {
        let slots = writers(of: buffer).flatMap { operations[$0].output.slots }
        return Set(slots).count == slots.count
    }

    /// The same network with blocks in place of some candidates. What they had between their stages is left as buffers that
    /// nobody uses.
    func fusing(_ blocks: [FusedBlock]) -> AssembledNetwork {
        var block: [Int: FusedBlock] = [:]
        var inner: Set<Int> = []
        for fused in blocks {
            block[fused.candidate.projection] = fused
            inner.formUnion(fused.candidate.stages(expands: fused.expands).dropLast())
        }
        var fused = self
        fused.operations = []
        var place: [Int: Int] = [:]
        for index in operations.indices where !inner.contains(index) {
            var operation = block[index].map { fuse($0, &fused.buffers) } ?? operations[index]
            operation.producers = operation.producers.map { $0 < inputs.count ? $0 : place[$0]! }
            place[inputs.count + index] = inputs.count + fused.operations.count
            fused.operations.append(operation)
        }
        return fused
    }

    private func fuse(_ fused: FusedBlock, _ buffers: inout [AssembledBuffer]) -> AssembledOperation {
        let members = fused.candidate.stages(expands: fused.expands)
        let (first, depthwise) = (operations[members[0]], operations[members[members.count - 2]])
        var block = operations[members[members.count - 1]]
        let projection = block.record
        block.record = depthwise.record
        block.record.kind = OperatorKind.separableBlock.rawValue
        block.record.groups = 1
        block.record.inputChannels = first.record.inputChannels
        block.record.outputChannels = projection.outputChannels
        block.record.activationMin = projection.activationMin
        block.record.activationMax = projection.activationMax
        block.record.outputZeroPoint = projection.outputZeroPoint
        block.record.outputScale = projection.outputScale
        block.window = depthwise.window
        block.input = first.input
        block.producers = first.producers
        block.stages = members.map { member in
            let operation = operations[member]
            var stage = StageRecord()
            stage.outputChannels = operation.record.outputChannels
            stage.groups = operation.record.groups
            stage.activationMin = operation.record.activationMin
            stage.activationMax = operation.record.activationMax
            stage.outputZeroPoint = operation.record.outputZeroPoint
            stage.outputScale = operation.record.outputScale
            stage.parameterBytes = UInt32(operation.parameters.count)
            return AssembledStage(name: operation.name, record: stage, parameters: operation.parameters)
        }
        block.scratchBuffer = buffers.count
        block.setPieceColumns(fused.pieceColumns, scratch: &buffers)
        return block
    }

    /// The same with buffers counted anew.
    var withoutUnusedBuffers: AssembledNetwork {
        var used = Set(inputs.map(\.buffer) + outputs.map(\.buffer))
        for operation in operations {
            used.formUnion([operation.input.buffer, operation.output.buffer])
            if let second = operation.second { used.insert(second.buffer) }
            if let scratch = operation.scratchBuffer { used.insert(scratch) }
        }
        let kept = buffers.indices.filter { used.contains($0) }
        let number = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
        var network = self
        network.buffers = kept.map { buffers[$0] }
        for index in network.inputs.indices { network.inputs[index].buffer = number[inputs[index].buffer]! }
        for index in network.outputs.indices { network.outputs[index].buffer = number[outputs[index].buffer]! }
        for index in operations.indices {
            network.operations[index].input.buffer = number[operations[index].input.buffer]!
            network.operations[index].output.buffer = number[operations[index].output.buffer]!
            if let second = operations[index].second {
                network.operations[index].second?.buffer = number[second.buffer]!
            }
            network.operations[index].scratchBuffer = operations[index].scratchBuffer.map { number[$0]! }
        }
        return network
    }
}

extension AssembledOperation {
    /// The head of the block's parameters and its stages' records, as they lie in the file.
    var blockParameters: [UInt8] {
        var bytes: [UInt8] = []
        for number in [UInt16(stages.count), UInt16(pieceColumns), 0, 0] {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        for stage in stages { withUnsafeBytes(of: stage.record) { bytes += $0 } }
        return bytes
    }

    /// Enters how many columns are made at a time, and the size of the scratch buffer that follows: the last of `buffers` when
    /// it is a new one.
    mutating func setPieceColumns(_ count: Int, scratch buffers: inout [AssembledBuffer]) {
        pieceColumns = min(count, Int(record.outputWidth))
        parameters = blockParameters
        let bytes = parameters.withUnsafeBytes { Int(SeparableBlock(record, block: $0.baseAddress!).scratchBytes) }
        guard let scratchBuffer else { return }
        let buffer = AssembledBuffer(
            name: "\(name) scratch", pixelBytes: bytes, width: 1, height: Int(record.outputHeight), isOutput: false)
        if scratchBuffer == buffers.count { buffers.append(buffer) } else { buffers[scratchBuffer] = buffer }
    }
}
