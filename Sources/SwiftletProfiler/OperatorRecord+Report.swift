/// What reports say of an operator's record: the bytes that it moves, its kind and its kernel in words.
import SwiftletFormat
import SwiftletKernels

extension OperatorRecord {
    /// The kind in words: "conv 3x3/2", "depthwise 3x3", "add".
    public var kindName: String {
        var window = " \(kernelHeight)x\(kernelWidth)"
        if strideHeight != strideWidth {
            window += "/\(strideHeight)x\(strideWidth)"
        } else if strideHeight > 1 {
            window += "/\(strideHeight)"
        }
        if dilationHeight > 1 || dilationWidth > 1 { window += " dilated \(dilationHeight)x\(dilationWidth)" }
        switch OperatorKind(rawValue: kind) {
        case .convolution: return (groups > 1 ? "conv g\(groups)" : "conv") + window
        case .depthwiseConvolution: return "depthwise" + window
        case .maxPool: return "max" + window
        case .averagePool: return "average" + window
        case .globalAveragePool: return "mean"
        case .add: return flags.isDisjoint(with: [.negatesFirst, .negatesSecond]) ? "add" : "subtract"
        case .multiply: return "multiply"
        case .maximum: return "maximum"
        case .minimum: return "minimum"
        case .prelu: return "prelu"
        case .lookup: return "lookup"
        case .softmax: return "softmax"
        case .rearrange: return "rearrange"
        case .resizeBilinear: return "resize bilinear"
        case .concatenate: return "concatenate"
        case .separableBlock: return "block" + window
        case nil: return "?"
        }
    }

    /// Who makes the operator's rows, in words: the instruction set and the way, or "portable".
    func kernelName(_ path: KernelPath, instructionSet: String) -> String {
        guard path != .reference else { return "portable" }
        let window = "\(kernelHeight)x\(kernelWidth)"
        let way =
            switch OperatorKind(rawValue: kind) {
            case .convolution where path == .inPlace: "pointwise"
            case .convolution where path == .grouped: "small groups"
            case .convolution: "conv\(window) packed"
            case .depthwiseConvolution where path == .packed: "depthwise\(window) sorted"
            case .depthwiseConvolution: "depthwise\(window)"
            case .maxPool, .averagePool: "pool"
            case .globalAveragePool: "mean"
            case .separableBlock: "block"
            default: "add"
            }
        return "\(instructionSet) \(way)"
    }

    /// What the operator's rows read and write in a run: the rows under each window, the parameters once a row, the output.
    ///
    /// - Parameter block: the operator's parameters.
    func bytesMoved(block: UnsafeRawPointer) -> Int {
        let (inputRow, outputRow) = (
            Int(inputWidth) * Int(inputChannels) * inputBytes, Int(outputWidth) * Int(outputChannels) * outputBytes
        )
        let rows = Int(outputHeight)
        guard OperatorKind(rawValue: kind) != .globalAveragePool else {
            return Int(inputHeight) * inputRow + outputRow + Int(parameterBytes)
        }
        let read = (0..<rows).reduce(0) { sum, row in
            let second = hasSecondOperand ? rowsRead(isSecond: true, row: row, block: block) : 0
            return sum + rowsRead(isSecond: false, row: row, block: block) + second
        }
        return read * inputRow + rows * (outputRow + Int(parameterBytes))
    }

    /// Rows of an input that are read for output row `row`; with dilation there are others between them.
    private func rowsRead(isSecond: Bool, row: Int, block: UnsafeRawPointer) -> Int {
        guard kind <= OperatorKind.averagePool.rawValue else {
            let span = rowSpan(isSecond: isSecond, row: row, block: block)
            return max(0, span.last - span.first + 1)
        }
        let top = row * Int(strideHeight) - Int(paddingTop)
        return (0..<Int(kernelHeight)).count { (0..<Int(inputHeight)).contains(top + $0 * Int(dilationHeight)) }
    }
}
