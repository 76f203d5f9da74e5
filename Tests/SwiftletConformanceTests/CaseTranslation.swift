/// A case's nodes as a TensorFlow Lite graph, and the stored integers put into what was derived from scales.
import SwiftletArithmetic
import SwiftletConverter
import SwiftletFormat
import SwiftletGraph
import SwiftletImporters
import SwiftletQuantizer
import TestSupport

extension ConformanceCase {
    /// Operators that this runtime does not have.
    static let outside: Set<String> = ["TRANSPOSE_CONV", "BATCH_MATMUL", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE"]

    /// Why the case cannot be run: an operator outside of the runtime's set. Transposes belong to it only as part of a
    /// channel shuffle, between two reshapes.
    var outsideOperator: String? {
        nodes.map(\.operation).first { Self.outside.contains($0) || $0 == "TRANSPOSE" && nodes.count == 1 }
    }

    /// The nodes as a graph of their own.
    func graph(of range: Range<Int>) -> TFLiteGraph {
        let made = Set(nodes[range].flatMap(\.outputs))
        let read = nodes[range].flatMap(\.inputs).filter { $0 >= 0 }
        let isWhole = range == nodes.indices
        var inputs: [Int] = []
        for tensor in read
        where !made.contains(tensor) && !isConstant(tensor) && !inputs.contains(tensor) { inputs.append(tensor) }
        let tensors = (0..<tensorCount).map { tensor in
            TFLiteTensor(
                name: "t\(tensor)", shape: shape(tensor), element: .init(rawValue: element(tensor)) ?? .int8,
                scales: scales(tensor), zeroPoint: zeroPoint(tensor),
                values: isConstant(tensor) ? values(tensor, set: 0) : nil)
        }
        return TFLiteGraph(
            name: name, tensors: tensors, operators: nodes[range].map(tfliteOperator),
            inputs: isWhole ? self.inputs : inputs, outputs: isWhole ? outputs : nodes[range].flatMap(\.outputs))
    }

    private func tfliteOperator(_ node: Node) -> TFLiteOperator {
        var options = node.attributes.compactMapValues(Self.option)
        if node.operation == "PADV2", options["pad_value"] == nil { options["pad_value"] = .integer(0) }
        for side in ["pad_top", "pad_left"] where node.parameters[side] != nil {
            options[side] = .integer(node.integer(side))
        }
        return TFLiteOperator(name: node.operation, inputs: node.inputs, outputs: node.outputs, options: options)
    }

    private static func option(_ value: Any) -> TFLiteOption? {
        if let text = value as? String { return .text(text) }
        if let pairs = value as? [[Int]] { return .pairs(pairs) }
        if let list = value as? [Int] { return .list(list) }
        if let flag = value as? Bool { return .integer(flag ? 1 : 0) }
        if let integer = value as? Int { return .integer(integer) }
        return (value as? Double).map { .real(Float($0)) }
    }

    /// The graph with the integers that the case has stored, whatever the translation made of its scales.
    func withStoredIntegers(_ graph: QuantizedGraph, firstNode: Int) -> QuantizedGraph {
        var graph = graph
        for index in graph.nodes.indices {
            guard let place = Int(graph.nodes[index].name) else { continue }
            let node = nodes[firstNode + place]
            graph.nodes[index].operation = stored(node, graph.nodes[index].operation)
            if case .softmax(.fixedPoint(_, _, _, true), _) = graph.nodes[index].operation {
                graph.values[graph.nodes[index].output].shape.channels *= 2
            }
        }
        return graph
    }

    private func stored(_ node: Node, _ operation: QuantizedOperation) -> QuantizedOperation {
        func multiplier(_ name: String, _ shift: String) -> FixedPointMultiplier {
            FixedPointMultiplier(multiplier: Int32(node.integer(name)), shift: Int8(node.integer(shift)))
        }
        let zeroPoint = Int8(clamping: -node.integer("input_offset"))
        let hasRange = node.parameters["act_min"] != nil
        let bounds = OutputBounds(
            zeroPoint: Int8(clamping: node.integer("output_offset")),
            low: hasRange ? Int8(node.integer("act_min")) : -128, high: hasRange ? Int8(node.integer("act_max")) : 127)
        switch operation {
        case .convolution(var convolution):
            let count = convolution.bias.count
            let multipliers = perChannel(node, "multipliers", "multiplier", count: count)
            let shifts = perChannel(node, "shifts", "shift", count: count)
            convolution.multipliers = zip(multipliers, shifts).map {
                FixedPointMultiplier(multiplier: Int32($0), shift: Int8($1))
            }
            convolution.inputZeroPoint = zeroPoint
            convolution.bounds = bounds
            return .convolution(convolution)
        case .maxPool(let window, let derived):
            return .maxPool(
                window, hasRange ? .init(zeroPoint: derived.zeroPoint, low: bounds.low, high: bounds.high) : derived)
        case .averagePool(let window, let derived):
            return .averagePool(
                window, hasRange ? .init(zeroPoint: derived.zeroPoint, low: bounds.low, high: bounds.high) : derived)
        case .mean:
            return .mean(
                multiplier("multiplier", "shift"), inputZeroPoint: Int8(node.integer("input_zero_point")), bounds)
        case .binary(var binary): return .binary(stored(node, &binary, bounds: bounds, multiplier))
        case .lookup(let tables): return .lookup(storedTable(node, bounds: bounds).map { [$0] } ?? tables)
        case .softmax(let softmax, let derived):
            if let table = realArray(node, "exp_table"), case .table(_, let scale) = softmax {
                return .softmax(.table(table, outputScale: scale), derived)
            }
            return .softmax(
                .fixedPoint(
                    multiplier: Int32(node.integer("multiplier")), leftShift: node.integer("left_shift"),
                    smallestDifference: node.integer("diff_min"), isWide: node.integer("out_bits") == 16), derived)
        case .rearrange, .resizeBilinear, .concatenateRows, .concatenateColumns, .concatenateChannels, .selectChannels:
            return operation
        }
    }

    private func stored(
        _ node: Node, _ binary: inout QuantizedBinary, bounds: OutputBounds,
        _ multiplier: (String, String) -> FixedPointMultiplier
    ) -> QuantizedBinary {
        switch binary.kind {
        case .add:
            // A constant first input has come second.
            let isSwapped = isConstant(node.inputs[0])
            let (first, second) = isSwapped ? ("input2", "input1") : ("input1", "input2")
            binary.multipliers = [first, second, "output"].map { multiplier("\($0)_multiplier", "\($0)_shift") }
            binary.firstZeroPoint = Int8(-node.integer("\(first)_offset"))
            binary.secondZeroPoint = Int8(-node.integer("\(second)_offset"))
            binary.bounds = bounds
        case .multiply:
            let (first, second) = isConstant(node.inputs[0]) ? ("input2", "input1") : ("input1", "input2")
            binary.multipliers = [multiplier("multiplier", "shift")]
            binary.firstZeroPoint = Int8(-node.integer("\(first)_offset"))
            binary.secondZeroPoint = Int8(-node.integer("\(second)_offset"))
            binary.bounds = bounds
        case .prelu:
            binary.multipliers = [multiplier("multiplier1", "shift1"), multiplier("multiplier2", "shift2")]
            binary.firstZeroPoint = Int8(-node.integer("input_offset"))
            binary.secondZeroPoint = Int8(-node.integer("alpha_offset"))
            binary.bounds = bounds
        default: break
        }
        return binary
    }

    private func storedTable(_ node: Node, bounds: OutputBounds) -> [Int8]? {
        func multiplier(_ name: String, _ shift: String) -> FixedPointMultiplier {
            FixedPointMultiplier(multiplier: Int32(node.integer(name)), shift: Int8(node.integer(shift)))
        }
        let zeroPoint = Int8(clamping: -node.integer("input_offset"))
        switch node.operation {
        case "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1":
            guard node.parameters["multiplier"] != nil else { return nil }
            return LookupTable.rescaling(multiplier("multiplier", "shift"), inputZeroPoint: zeroPoint, bounds: bounds)
        case "LEAKY_RELU":
            return LookupTable.leakyReLU(
                positive: multiplier("identity_multiplier", "identity_shift"),
                negative: multiplier("alpha_multiplier", "alpha_shift"), inputZeroPoint: zeroPoint, bounds: bounds)
        case "HARD_SWISH":
            return LookupTable.hardSwish(
                HardSwish(
                    inputZeroPoint: zeroPoint, outputZeroPoint: bounds.zeroPoint,
                    outputMultiplier: Int16(node.integer("output_multiplier_int16")),
                    outputExponent: node.integer("output_exponent"),
                    reluishMultiplier: Int16(node.integer("reluish_multiplier_int16")),
                    reluishExponent: node.integer("reluish_exponent")))
        default: return array(node, "table").map { $0.map { Int8($0) } }
        }
    }
}
