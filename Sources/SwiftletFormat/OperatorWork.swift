/// How much an operator computes. Nothing on a device asks.

extension OperatorRecord {
    /// Multiply-accumulates of a run, those of recomputed rows and columns included; 0 for operators without weights.
    ///
    /// - Parameter parameters: the operator's parameters; read only where stages are in them.
    public func multiplyAccumulates(block parameters: UnsafeRawPointer?) -> Int {
        let pixels = Int(outputHeight) * Int(outputWidth)
        let taps = Int(kernelHeight) * Int(kernelWidth)
        switch OperatorKind(rawValue: kind) {
        case .convolution: return pixels * Int(outputChannels) * taps * Int(inputChannels) / Int(groups)
        case .depthwiseConvolution: return pixels * Int(outputChannels) * taps
        case .separableBlock:
            guard let parameters else { return 0 }
            let block = SeparableBlock(self, block: parameters)
            return (0..<block.stageCount).reduce(0) { sum, index in
                let stage = block.operation(index)
                let weights = Int(stage.outputChannels) * Int(stage.inputChannels) / Int(stage.groups)
                switch index {
                case block.stageCount - 1: return sum + pixels * weights
                case block.stageCount - 2: return sum + pixels * taps * Int(stage.outputChannels)
                default:
                    // A hostile file may ask for more than there are numbers for.
                    let (product, isTooMuch) = expandedPixels(block).multipliedReportingOverflow(by: weights)
                    return isTooMuch || product > Int.max / 4 ? Int.max / 4 : sum + product
                }
            }
        default: return 0
        }
    }

    /// Pixels that a block's expansion makes: for each output row all rows under its window, each column once.
    private func expandedPixels(_ block: SeparableBlock) -> Int {
        var columns = 0
        var end = 0
        for first in stride(from: 0, to: Int(outputWidth), by: block.pieceColumns) {
            let count = min(block.pieceColumns, Int(outputWidth) - first)
            let piece = block.inputColumns(first, count: count).columns
            columns += piece.upperBound - max(piece.lowerBound, min(end, piece.upperBound))
            end = piece.upperBound
        }
        let dilation = Int(dilationHeight)
        let rows = (0..<Int(outputHeight)).reduce(0) { sum, row in
            let top = row * Int(strideHeight) - Int(paddingTop)
            let above = top < 0 ? (dilation - 1 - top) / dilation : 0
            let inside = top >= Int(inputHeight) ? 0 : (Int(inputHeight) - 1 - top) / dilation + 1
            return sum + max(0, min(inside, Int(kernelHeight)) - above)
        }
        return rows * columns
    }
}
