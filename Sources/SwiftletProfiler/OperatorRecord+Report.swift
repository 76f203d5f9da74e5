/// What reports say of an operator's record: its work and its kind in words.
import SwiftletFormat

extension OperatorRecord {
    /// Multiply-accumulates of a convolution; 0 for other operators.
    public var multiplyAccumulates: Int {
        let outputs = Int(outputHeight) * Int(outputWidth) * Int(outputChannels)
        let taps = Int(kernelHeight) * Int(kernelWidth)
        switch OperatorKind(rawValue: kind) {
        case .convolution: return outputs * taps * Int(inputChannels) / Int(groups)
        case .depthwiseConvolution: return outputs * taps
        default: return 0
        }
    }

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
        case nil: return "?"
        }
    }
}
