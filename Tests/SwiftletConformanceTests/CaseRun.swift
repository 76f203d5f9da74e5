/// A case through the real path: model, plan, `int8.bin`, reader, executor, arena between guards.
import SwiftletConverter
import SwiftletFormat
import SwiftletGraph
import SwiftletHost
import SwiftletImporters
import SwiftletKernels
import SwiftletQuantizer
import TestSupport
import Testing

/// A part of a case as a finished model.
struct CaseModel {
    let graph: QuantizedGraph
    let file: ModelFile
    let bytes: [UInt8]

    init(_ graph: QuantizedGraph) throws {
        self.graph = graph
        bytes = try Converter.convert(graph).bytes
        file = try ModelFile(contents: bytes, path: graph.name)
    }

    /// Runs the model on pictures, one after the other: a batch.
    ///
    /// - Parameter inputs: one an input of the model, each of `batch` pictures or of one that serves for all.
    /// - Returns: one an output, all pictures one after the other.
    func run(_ inputs: [[Int]], batch: Int, kernels: VectorKernels?) throws -> [[Int]] {
        let runner = try Runner(file, kernels: kernels)
        var outputs: [[Int]] = graph.outputs.map { _ in [] }
        for picture in 0..<batch {
            var bytes: [UInt8] = []
            for (index, values) in inputs.enumerated() {
                let count = graph.values[graph.inputs[index]].shape.elementCount
                let start = values.count == count ? 0 : picture * count
                bytes += values[start..<(start + count)].map { UInt8(bitPattern: Int8($0)) }
            }
            var made = try bytes.withUnsafeBytes { try runner.run($0) }[...]
            for (index, output) in graph.outputs.enumerated() {
                let value = graph.values[output]
                let count = value.shape.elementCount * (value.isWide ? 2 : 1)
                let isWide = file.model.reader.output(index).isWide == 1
                outputs[index] += Self.integers(Array(made.prefix(count)), isWide: isWide)
                made = made.dropFirst(count)
            }
        }
        #expect(runner.arena.guardsAreIntact, "\(graph.name)")
        return outputs
    }

    private static func integers(_ values: [Int8], isWide: Bool) -> [Int] {
        guard isWide else { return values.map { Int($0) } }
        return stride(from: 0, to: values.count, by: 2).map {
            Int(values[$0]) * 256 + Int(UInt8(bitPattern: values[$0 + 1]))
        }
    }
}

extension ConformanceCase {
    /// A reduction over other dimensions than rows and columns, as one over them: what stands before the dimensions are pictures,
    /// they themselves are rows, what stands behind are channels. The bytes of a tensor are the same either way.
    func reductionAsMap(_ node: Node) -> TFLiteGraph? {
        guard node.operation == "MEAN" || node.operation == "REDUCE_MAX", let axes = node.attributes["axes"] as? [Int],
            shape(node.inputs[0]).count != 4 || Set(axes) != [1, 2], let first = axes.min(), let last = axes.max(),
            last - first + 1 == Set(axes).count
        else { return nil }
        var graph = self.graph(of: 0..<nodes.count)
        let sizes = shape(node.inputs[0])
        let inner = sizes[(last + 1)...].reduce(1, *)
        graph.tensors[node.inputs[0]].shape = [
            sizes[..<first].reduce(1, *), sizes[first...last].reduce(1, *), 1, inner,
        ]
        graph.tensors[node.output].shape = [sizes[..<first].reduce(1, *), 1, 1, inner]
        graph.operators[0].options["axes"] = .list([1, 2])
        return graph
    }

    /// The pushed values of an input; real ones are quantized as the model's input says.
    func pushed(_ tensor: Int, set: Int, quantization: AffineQuantization) throws -> [Int] {
        if element(tensor) == "float32" {
            return try #require(realValues(tensor, set: set)).map { Int(quantization.quantize($0)) }
        }
        return try #require(values(tensor, set: set, isClassical: true))
    }
}
