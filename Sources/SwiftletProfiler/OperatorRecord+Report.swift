/// What reports say of an operator's record: its kind in words.
import SwiftletFormat

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
}
