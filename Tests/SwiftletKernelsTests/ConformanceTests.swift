/// The kernels against outputs that nobody of this project computed: CMSIS-NN's, TFLite Micro's and LiteRT's.
import SwiftletArithmetic
import SwiftletGraph
import SwiftletKernels
import TestSupport
import Testing

@Suite(.enabled(if: SharedFolder.has("conformance/index.json"))) struct ConformanceTests {
    /// Every node that a kernel computes, also those inside of blocks and networks, from its own stored inputs.
    @Test func kernelsGiveTheBytesOfOtherRuntimes() throws {
        var generator = SeededGenerator(seed: 1)
        var compared: [String: Int] = [:]
        for example in try ConformanceCase.all() {
            for (index, node) in example.nodes.enumerated() {
                for set in 0..<example.setCount {
                    guard let expected = example.values(node.output, set: set, isClassical: true),
                        let found = try run(node, of: example, set: set, using: &generator)
                    else { continue }
                    compared[node.operation, default: 0] += 1
                    let different = zip(expected, found).filter { $0 != $1 }.count
                    #expect(
                        expected.count == found.count && different == 0,
                        """
                        \(example.name) node \(index) (\(node.operation)) set \(set): \(different) of \(expected.count) \
                        values differ; \(node.attributes) \(node.parameters)
                        """)
                }
            }
        }
        print(
            "conformance:", compared.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        for operation in [
            "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "AVERAGE_POOL_2D", "MAX_POOL_2D", "ADD", "MEAN",
        ] {
            #expect(compared[operation, default: 0] > 5, "\(operation)")
        }
    }

    /// Nil for what no kernel computes or the case does not hold.
    private func run(
        _ node: ConformanceCase.Node, of example: ConformanceCase, set: Int, using generator: inout SeededGenerator
    ) throws -> [Int]? {
        guard let input = example.values(node.inputs[0], set: set) else { return nil }
        var shape = example.shape(node.inputs[0])
        var outputShape = example.shape(node.output)
        switch node.operation {
        case "FULLY_CONNECTED":  // A 1x1 convolution of as many rows as there are inputs.
            let weights = example.shape(node.inputs[1])
            shape = [1, input.count / weights[1], 1, weights[1]]
            outputShape = [1, shape[1], 1, weights[0]]
        case "CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D": break
        case "ADD":
            guard example.shape(node.inputs[1]) == shape else { return nil }
            return add(node, of: example, set: set, using: &generator)
        case "MEAN":
            guard node.attributes["axes"] as? [Int] == [1, 2], shape.count == 4 else { return nil }
        default: return nil
        }
        let elements = shape[1] * shape[2] * shape[3]
        var output: [Int] = []
        for image in 0..<shape[0] {
            let map = IntegerMap(
                height: shape[1], width: shape[2], channels: shape[3],
                values: input[(image * elements)..<((image + 1) * elements)].map { Int8($0) })
            let placement = Placement.random(shape[3], using: &generator)
            let made =
                node.operation == "MEAN"
                ? mean(node, map, placement)
                : windowed(node, of: example, set: set, StoredMap(map, placement: placement), outputShape)
            #expect(made.isClean, "\(example.name)")
            output += made.map.values.map { Int($0) }
        }
        return output
    }

    private func range(_ node: ConformanceCase.Node) -> IntegerRange {
        guard node.parameters["act_min"] != nil else {
            return IntegerRange(zeroPoint: Int32(node.integer("output_offset")))
        }
        return IntegerRange(
            zeroPoint: Int32(node.integer("output_offset")), low: Int32(node.integer("act_min")),
            high: Int32(node.integer("act_max")))
    }

    private func windowed(
        _ node: ConformanceCase.Node, of example: ConformanceCase, set: Int, _ input: StoredMap, _ outputShape: [Int]
    ) -> (map: IntegerMap, isClean: Bool) {
        let channels = outputShape[3]
        let isPool = node.operation.hasSuffix("POOL_2D")
        let isDepthwise = node.operation.hasPrefix("DEPTHWISE")
        let weightShape = isPool ? [] : example.shape(node.inputs[1])
        let kernel =
            isPool
            ? (node.integer("filter_h"), node.integer("filter_w"))
            : weightShape.count == 4 ? (weightShape[1], weightShape[2]) : (1, 1)
        let window = IntegerWindow(
            kernel: kernel, stride: (max(node.integer("stride_h"), 1), max(node.integer("stride_w"), 1)),
            dilation: (max(node.integer("dilation_h"), 1), max(node.integer("dilation_w"), 1)),
            padding: (node.integer("pad_top"), node.integer("pad_left")), output: (outputShape[1], outputShape[2]))
        let range = range(node)
        if isPool {
            return Harness.run(input, window: window, output: .packed(channels)) { rows, output, window in
                if node.operation == "MAX_POOL_2D" {
                    poolMaxRow(rows, output, window, channels: channels, range: range.output)
                } else {
                    poolAverageRow(rows, output, window, channels: channels, range: range.output)
                }
            }
        }
        let stored = (example.values(node.inputs[1], set: set) ?? []).map { Int8($0) }
        let bias =
            node.inputs.count > 2 && node.inputs[2] >= 0
            ? (example.values(node.inputs[2], set: set) ?? []).map { Int32($0) } : Array(repeating: 0, count: channels)
        let taps = kernel.0 * kernel.1
        let inputs = input.placement.slots.count
        // Depthwise weights come as [tap][output].
        let weights =
            isDepthwise
            ? (0..<channels).flatMap { channel in (0..<taps).map { stored[$0 * channels + channel] } } : stored
        let multipliers = example.perChannel(node, "multipliers", "multiplier", count: channels)
        let shifts = example.perChannel(node, "shifts", "shift", count: channels)
        let packed = PackedConvolution(
            isDepthwise: isDepthwise, weights: weights, bias: bias,
            scales: zip(multipliers, shifts).map { IntegerScale(multiplier: Int32($0), shift: $1) },
            groups: isDepthwise ? inputs : inputs / (weightShape.last ?? 1), inputChannels: inputs, taps: taps,
            inputZeroPoint: Int32(-node.integer("input_offset")), pads: nil, range: range)
        return Harness.run(input, window: window, output: .packed(channels)) { rows, output, window in
            if isDepthwise {
                convolveDepthwiseRow(rows, output, window, packed.parameters)
            } else {
                convolveRow(rows, output, window, packed.parameters)
            }
        }
    }

    private func mean(
        _ node: ConformanceCase.Node, _ map: IntegerMap, _ placement: Placement
    ) -> (map: IntegerMap, isClean: Bool) {
        Harness.mean(
            StoredMap(map, placement: placement), output: .packed(map.channels),
            inputZeroPoint: Int32(node.integer("input_zero_point")),
            scale: IntegerScale(multiplier: Int32(node.integer("multiplier")), shift: node.integer("shift")),
            range: range(node))
    }

    private func add(
        _ node: ConformanceCase.Node, of example: ConformanceCase, set: Int, using generator: inout SeededGenerator
    ) -> [Int]? {
        let channels = example.shape(node.inputs[0]).last ?? 1
        guard let first = example.values(node.inputs[0], set: set),
            let second = example.values(node.inputs[1], set: set)
        else { return nil }
        func stored(_ values: [Int]) -> StoredMap {
            StoredMap(
                IntegerMap(
                    height: values.count / channels, width: 1, channels: channels, values: values.map { Int8($0) }),
                placement: .random(channels, using: &generator))
        }
        func scale(_ name: String) -> IntegerScale {
            IntegerScale(multiplier: Int32(node.integer("\(name)_multiplier")), shift: node.integer("\(name)_shift"))
        }
        let parameters = AdditionParameters(
            firstZeroPoint: Int32(-node.integer("input1_offset")),
            secondZeroPoint: Int32(-node.integer("input2_offset")),
            scales: (scale("input1"), scale("input2"), scale("output")), range: range(node).output)
        let sum = Harness.add(stored(first), stored(second), output: .packed(channels), parameters)
        return sum.map.values.map { Int($0) }
    }
}
