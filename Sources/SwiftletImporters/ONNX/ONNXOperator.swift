/// The operators of ONNX that have a form in the graph, and what to do about those that have none.
///
/// Semantics: https://onnx.ai/onnx/operators.
/// What it does not do: translate them; the translator's extensions do.

enum ONNXOperator: String, CaseIterable {
    case add = "Add"
    case averagePool = "AveragePool"
    case batchNormalization = "BatchNormalization"
    case cast = "Cast"
    case clip = "Clip"
    case concat = "Concat"
    case constant = "Constant"
    case constantOfShape = "ConstantOfShape"
    case conv = "Conv"
    case dequantizeLinear = "DequantizeLinear"
    case div = "Div"
    case dropout = "Dropout"
    case elu = "Elu"
    case expand = "Expand"
    case flatten = "Flatten"
    case gather = "Gather"
    case gemm = "Gemm"
    case globalAveragePool = "GlobalAveragePool"
    case globalMaxPool = "GlobalMaxPool"
    case hardSigmoid = "HardSigmoid"
    case hardSwish = "HardSwish"
    case identity = "Identity"
    case leakyRelu = "LeakyRelu"
    case logSoftmax = "LogSoftmax"
    case lrn = "LRN"
    case matMul = "MatMul"
    case max = "Max"
    case maxPool = "MaxPool"
    case min = "Min"
    case mul = "Mul"
    case neg = "Neg"
    case pad = "Pad"
    case pow = "Pow"
    case prelu = "PRelu"
    case quantizeLinear = "QuantizeLinear"
    case reciprocal = "Reciprocal"
    case reduceMax = "ReduceMax"
    case reduceMean = "ReduceMean"
    case reduceSum = "ReduceSum"
    case relu = "Relu"
    case reshape = "Reshape"
    case resize = "Resize"
    case shape = "Shape"
    case sigmoid = "Sigmoid"
    case slice = "Slice"
    case softmax = "Softmax"
    case split = "Split"
    case sqrt = "Sqrt"
    case squeeze = "Squeeze"
    case sub = "Sub"
    case sum = "Sum"
    case tanh = "Tanh"
    case transpose = "Transpose"
    case unsqueeze = "Unsqueeze"
    case upsample = "Upsample"

    /// Why an operator that is not among these is refused, and the way out.
    static func reasonAgainst(_ node: ONNXNode) -> String {
        // Quantizers add operators of their own makers.
        if node.type.hasPrefix("QLinear") || node.type.hasSuffix("QuantizeLinear") || node.type.hasSuffix("Integer") {
            return "the network is quantized already; give the float network that it came from"
        }
        guard node.domain.isEmpty else { return "operators of other makers are not known; export with ONNX's own only" }
        switch node.type {
        case "If", "Loop", "Scan":
            return "a network that decides as it runs has no fixed graph; export it traced, in evaluation mode"
        case "Selu", "Celu", "Gelu", "Mish", "Softplus", "Softsign", "Erf":
            return
                "known activations are Relu, Clip, LeakyRelu, PRelu, Elu, Sigmoid, Tanh, HardSigmoid, HardSwish and x * Sigmoid(x); train with one of them"
        case "InstanceNormalization", "LayerNormalization", "GroupNormalization":
            return "of normalizations only BatchNormalization and LRN are known; train with the first"
        case "ConvTranspose":
            return "maps grow by Resize only; train with that and a convolution"
        default:
            return "the graph has no such operator; cut the network before it or replace it"
        }
    }
}

extension ONNXTranslator {
    /// - Returns: what stands for each output.
    mutating func apply(_ operation: ONNXOperator, _ call: ONNXCall) throws -> [ONNXOperand] {
        let map: LaidOutMap
        switch operation {
        case .conv: map = try convolution(call)
        case .maxPool: map = try maxPool(call)
        case .averagePool: map = try averagePool(call)
        case .globalAveragePool: map = try globalPool(call, .average)
        case .globalMaxPool: map = try globalPool(call, .max)
        case .reduceMean, .reduceMax, .reduceSum: map = try reduce(operation, call)
        case .pad: map = try pad(call)
        case .gemm: map = try gemm(call)
        case .matMul: map = try matMul(call)
        case .batchNormalization: map = try batchNormalization(call)
        case .relu: map = try appendActivation(call.name, call.map(), .relu)
        case .leakyRelu:
            map = try appendActivation(
                call.name, call.map(), .leakyReLU(slope: call.node.float("alpha", default: 0.01)))
        case .sigmoid: map = try appendActivation(call.name, call.map(), .sigmoid)
        case .tanh: map = try appendActivation(call.name, call.map(), .tanh)
        case .elu: map = try appendActivation(call.name, call.map(), .elu(alpha: call.node.float("alpha", default: 1)))
        case .hardSwish: map = try appendActivation(call.name, call.map(), .hardSwish)
        case .hardSigmoid:
            map = try appendHardSigmoid(
                call.name, call.map(), slope: call.node.float("alpha", default: 0.2),
                offset: call.node.float("beta", default: 0.5))
        case .prelu:
            let slopes = try call.constant(1, "slope")
            map = try appendPReLU(call.name, call.map(), sizes: slopes.sizes, slopes: slopes.floats())
        case .clip: map = try clip(call)
        case .max, .min: map = try bounded(operation, call)
        case .add: map = try add(call)
        case .sum: map = try sum(call)
        case .sub: map = try subtract(call)
        case .mul: map = try multiply(call)
        case .div: map = try divide(call)
        case .neg: map = try negate(call)
        case .pow: map = try power(call)
        case .sqrt: map = try appendPower(call.name, call.map(), exponent: 0.5)
        case .reciprocal: map = try appendPower(call.name, call.map(), exponent: -1)
        case .lrn: map = try localResponse(call)
        case .resize, .upsample: map = try resize(operation, call)
        case .expand: map = try expand(call)
        case .concat: map = try concat(call)
        case .slice: map = try slice(call)
        case .gather: map = try gather(call)
        case .reshape, .flatten, .squeeze, .unsqueeze: map = try reshape(operation, call)
        case .transpose: map = try transpose(call)
        case .identity, .dequantizeLinear: map = try call.anyMap()
        case .quantizeLinear: map = try quantize(call)
        case .cast: map = try cast(call)
        case .dropout: map = try dropout(call)
        case .softmax, .logSoftmax: map = try softmax(call)
        case .split: return try split(call)
        case .shape: return [.constant(try shape(call))]
        case .constant, .constantOfShape:
            throw Refusal("it takes constants, and its input comes from the picture")
        }
        return [.map(map)]
    }
}
