/// Operators with maps of 16 bits, in random chains through the real path, against whole maps and plain loops in wide integers.
///
/// Written from "The arithmetic", not from the kernels.
import SwiftletArithmetic
import SwiftletConverter
import SwiftletGraph
import SwiftletKernels
import TestSupport
import Testing

@Suite struct WideOperatorTests {
    private static let kinds = [
        "convolution", "depthwise", "maxPool", "averagePool", "mean", "add", "concatenateChannels", "selectChannels",
    ]

    @Test func chainsWithMapsOf16BitsAreThoseOfTheSpecification() throws {
        let seed: UInt64 = 1616
        var generator = SeededGenerator(seed: seed)
        var wideNodes = 0
        for round in 0..<600 {
            let graph = Self.chain(using: &generator)
            guard !graph.nodes.isEmpty else { continue }
            wideNodes += graph.nodes.filter { graph.values[$0.output].isWide }.count
            let steps = graph.nodes.map {
                "\($0.inputs) \($0.operation.name) to \($0.output) \(graph.values[$0.output].shape)"
                    + (graph.values[$0.output].isWide ? " int16" : "")
            }
            try check(graph, using: &generator, "seed \(seed) round \(round): \(steps)")
        }
        #expect(wideNodes > 600)
    }

    /// So many products of the largest numbers leave 32 bits.
    @Test func sumsMayLeave32Bits() throws {
        let (wide, outputs) = (Shape(height: 1, width: 1, channels: 700), Shape(height: 1, width: 1, channels: 5))
        func convolution(_ shape: Shape, groups: Int, weight: Int8, real: Double) -> QuantizedOperation {
            let count = shape.channels * wide.channels / groups
            return .convolution(
                QuantizedConvolution(
                    window: Window(kernel: .one), groups: groups, weights: Array(repeating: weight, count: count),
                    bias: Array(repeating: 0, count: shape.channels),
                    multipliers: Array(repeating: FixedPointMultiplier(real)!, count: shape.channels),
                    inputZeroPoint: 0,
                    bounds: OutputBounds()))
        }
        let graph = QuantizedGraph(
            name: "large",
            values: [
                .init(name: "0", shape: wide), .init(name: "1", shape: wide, isWide: true),
                .init(name: "2", shape: outputs, isWide: true),
            ],
            nodes: [
                .init(
                    name: "widen", operation: convolution(wide, groups: 700, weight: 127, real: 2.03), inputs: [0],
                    output: 1),
                .init(
                    name: "sum", operation: convolution(outputs, groups: 1, weight: 127, real: 1e-5), inputs: [1],
                    output: 2),
            ], inputs: [0], outputs: [2])
        let found = try CaseModel(graph).run([Array(repeating: 127, count: 700)], batch: 1, kernels: nil)
        let widened = WideModel.scale(FixedPointMultiplier(2.03)!, 127 * 127)
        #expect(widened > 32700)
        let expected = WideModel.scale(FixedPointMultiplier(1e-5)!, 700 * 127 * min(widened, 32767))
        #expect(found == [Array(repeating: expected, count: 5)])
    }

    /// A chain in which each map has 8 bits or 16.
    private static func chain(using generator: inout SeededGenerator) -> QuantizedGraph {
        var values = [QuantizedGraph.Value(name: "v0", shape: Shape(height: 6, width: 5, channels: 6))]
        var nodes: [QuantizedGraph.Node] = []
        for index in 0..<Int.random(in: 2...6, using: &generator) {
            let source = Int.random(in: max(0, values.count - 3)..<values.count, using: &generator)
            let kind = kinds.randomElement(using: &generator)!
            var random = RandomOperation(kind: kind, input: values[source].shape, using: &generator)
            var inputs = [source]
            var isWide = Bool.random(using: &generator)
            switch kind {
            case "add":
                let others = values.indices.filter { values[$0].shape == values[source].shape }
                inputs.append(others.randomElement(using: &generator)!)
                guard case .binary(var binary) = random.operation else { continue }
                binary.constant = nil
                random.operation = .binary(binary)
                random.output = values[source].shape
            case "concatenateChannels":
                let others = values.indices.filter {
                    values[$0].shape.height == values[source].shape.height
                        && values[$0].shape.width == values[source].shape.width
                        && values[$0].isWide == values[source].isWide
                }
                inputs.append(others.randomElement(using: &generator)!)
                random.output.channels = inputs.reduce(0) { $0 + values[$1].shape.channels }
                isWide = values[source].isWide
            case "maxPool", "averagePool", "selectChannels": isWide = values[source].isWide
            default: break
            }
            guard random.output.elementCount < 4000 else { continue }
            let hasWideMaps = isWide || inputs.contains { values[$0].isWide }
            if hasWideMaps {
                random.widen(inputs: inputs.map { values[$0].isWide }, output: isWide, using: &generator)
            }
            values.append(.init(name: "v\(values.count)", shape: random.output, isWide: isWide))
            nodes.append(
                .init(name: "\(index)", operation: random.operation, inputs: inputs, output: values.count - 1))
        }
        let read = Set(nodes.flatMap(\.inputs))
        return QuantizedGraph(
            name: "chain", values: values, nodes: nodes, inputs: [0],
            outputs: values.indices.filter { $0 > 0 && !read.contains($0) })
    }

    private func check(
        _ graph: QuantizedGraph, using generator: inout SeededGenerator, _ configuration: String
    ) throws {
        var random = RandomNumbers(generator)
        defer { generator = random.generator }
        let shape = graph.values[0].shape
        var maps = [0: WideModel.Map(shape: shape, values: random.values(shape.elementCount).map { Int($0) })]
        let pushed = [maps[0]!.values]
        for node in graph.nodes {
            maps[node.output] = WideModel.run(
                node, inputs: node.inputs.map { maps[$0]! }, areWide: node.inputs.map { graph.values[$0].isWide },
                output: graph.values[node.output])
        }
        let model: CaseModel
        do { model = try CaseModel(graph) } catch {
            Issue.record("\(error): \(configuration)")
            return
        }
        for kernels in [nil, VectorKernels.chosen] {
            let found = try model.run(pushed, batch: 1, kernels: kernels)
            let expected = graph.outputs.map { maps[$0]!.values }
            guard found != expected else { continue }
            Issue.record("\(kernels?.name ?? "portable"), \(configuration)")
            return
        }
    }
}

extension RandomOperation {
    /// Numbers for maps of 16 bits in place of those for bytes: zero points 0, multipliers that reach their range.
    fileprivate mutating func widen(inputs: [Bool], output: Bool, using generator: inout SeededGenerator) {
        let factor = (output ? 256.0 : 1) / (inputs[0] ? 256 : 1)
        func scaled(_ multiplier: FixedPointMultiplier, by factor: Double) -> FixedPointMultiplier {
            let real = Double(multiplier.multiplier) * factor / 2_147_483_648
            let shifted =
                multiplier.shift >= 0
                ? real * Double(1 << Int(multiplier.shift)) : real / Double(1 << -Int(multiplier.shift))
            return FixedPointMultiplier(min(shifted, 16000))!
        }
        func widened(_ bounds: OutputBounds) -> OutputBounds {
            output ? OutputBounds(zeroPoint: 0, low: bounds.low, high: bounds.high) : bounds
        }
        switch operation {
        case .convolution(var convolution):
            convolution.multipliers = convolution.multipliers.map { scaled($0, by: factor) }
            if inputs[0] { convolution.inputZeroPoint = 0 }
            convolution.bounds = widened(convolution.bounds)
            operation = .convolution(convolution)
        case .mean(let multiplier, let zeroPoint, let bounds):
            operation = .mean(
                scaled(multiplier, by: factor), inputZeroPoint: inputs[0] ? 0 : zeroPoint, widened(bounds))
        case .maxPool(let window, let bounds): operation = .maxPool(window, widened(bounds))
        case .averagePool(let window, let bounds): operation = .averagePool(window, widened(bounds))
        case .binary(var binary):
            // Both inputs to about 2^29, the sum to the output's range.
            func real(_ isWide: Bool) -> Double { (isWide ? 0.4 : 50) * Double.random(in: 0.1...1, using: &generator) }
            let sum = (output ? 32000.0 : 120) / Double(1 << 29) * Double.random(in: 0.5...4, using: &generator)
            binary.multipliers = [real(inputs[0]), real(inputs[1]), sum].map { FixedPointMultiplier($0)! }
            if inputs[0] { binary.firstZeroPoint = 0 }
            if inputs[1] { binary.secondZeroPoint = 0 }
            binary.bounds = widened(binary.bounds)
            operation = .binary(binary)
        default: break
        }
    }
}
