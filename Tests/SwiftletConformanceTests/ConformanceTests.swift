/// Every case of the conformance set: outputs that CMSIS-NN, TFLite Micro and LiteRT computed, to the byte.
///
/// Each node alone, from its stored inputs, and each block and network as a whole; with the stored integers and with those that
/// are derived from the scales; with the portable kernels and with those of this processor.
import Foundation
import SwiftletConverter
import SwiftletImporters
import SwiftletKernels
import TestSupport
import Testing

@Suite(.enabled(if: SharedFolder.hasConformance)) struct ConformanceTests {
    @Test func everyCaseGivesTheBytesOfOtherRuntimes() throws {
        var tally = Tally()
        for example in try ConformanceCase.all() {
            if let outside = example.outsideOperator {
                tally.outside[outside, default: []].append(example.name)
                continue
            }
            do {
                try check(example, &tally)
                tally.cases += 1
            } catch {
                Issue.record("\(example.name): \(error)")
            }
        }
        print(tally.text)
        try tally.file.write()
        let article = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(
                "Sources/SwiftletFormat/SwiftletFormat.docc/TheExactness.md")
        if ProcessInfo.processInfo.environment["SWIFTLET_RECORD_EXACTNESS"] != nil {
            try tally.article.write(to: article, atomically: true, encoding: .utf8)
        }
        // Other vectors may hold operators that the stored ones do not.
        guard ProcessInfo.processInfo.environment["SWIFTLET_CONFORMANCE"] == nil else { return }
        let written = try String(contentsOf: article, encoding: .utf8)
        for operation in tally.nodes.keys {
            #expect(written.contains("| \(operation) |"), "\(operation) is not in the table of exactness")
        }
    }

    private func check(_ example: ConformanceCase, _ tally: inout Tally) throws {
        for (index, node) in example.nodes.enumerated() {
            // Views and shuffles mean something only between their neighbours.
            if ["RESHAPE", "TRANSPOSE"].contains(node.operation) { continue }
            // Some networks come without what lies between their nodes: these run as a whole alone.
            guard example.hasIntermediates || example.nodes.count == 1 else { continue }
            let graph = example.reductionAsMap(node) ?? example.graph(of: index..<(index + 1))
            let differing = try compare(example, graph, firstNode: index, "node \(index)", &tally)
            tally.note(node.operation, differing)
        }
        if example.nodes.count > 1 {
            let graph = example.graph(of: example.nodes.indices)
            let differing = try compare(example, graph, firstNode: 0, "as a whole", &tally)
            tally.note("whole blocks and networks", differing)
        }
    }

    /// - Returns: how many values were compared.
    private func compare(
        _ example: ConformanceCase, _ graph: TFLiteGraph, firstNode: Int, _ part: String, _ tally: inout Tally
    ) throws -> Int {
        let derived = try TFLiteTranslator.translate(graph)
        let stored = try CaseModel(example.withStoredIntegers(derived, firstNode: firstNode))
        if example.hasScales {
            let model = try CaseModel(derived)
            #expect(
                model.bytes == stored.bytes,
                "\(example.name) \(part): the derived model is not that of the stored integers; \(derived.nodes.map(\.operation))"
            )
        }
        var compared = 0
        let isWhole = graph.operators.count == example.nodes.count
        for set in 0..<example.setCount {
            let inputs = try graph.inputs.enumerated().map { index, tensor in
                try example.pushed(
                    tensor, set: set,
                    quantization: stored.graph.values[stored.graph.inputs[index]].quantization)
            }
            let batch = graph.inputs.map { graph.tensors[$0].shape.dropLast(3).reduce(1, *) }.max() ?? 1
            let outputs = graph.outputs.compactMap { tensor in
                example.element(tensor) == "int8" ? example.values(tensor, set: set, isClassical: true) : nil
            }
            if CaseFile.path != nil, isWhole, outputs.count == graph.outputs.count {
                tally.file.append("\(example.name) set \(set)", stored, inputs: inputs, outputs: outputs, batch: batch)
            }
            var configurations: [VectorKernels?] = [nil]
            if let chosen = VectorKernels.chosen { configurations.append(chosen) }
            for kernels in configurations {
                let found = try stored.run(inputs, batch: batch, kernels: kernels)
                for (place, tensor) in graph.outputs.enumerated() {
                    compared += try check(
                        found[place], tensor, set: set, of: example,
                        "\(example.name) \(part) set \(set) output \(place) (\(kernels?.name ?? "portable"))",
                        stored.graph, place)
                }
            }
        }
        return compared
    }

    private func check(
        _ found: [Int], _ tensor: Int, set: Int, of example: ConformanceCase, _ place: String, _ graph: QuantizedGraph,
        _ index: Int
    ) throws -> Int {
        if example.element(tensor) == "float32" {
            guard let expected = example.realValues(tensor, set: set) else { return 0 }
            let quantization = graph.values[graph.outputs[index]].quantization
            #expect(found.map { quantization.dequantize(Int8($0)) } == expected, "\(place)")
            return expected.count
        }
        guard let expected = example.values(tensor, set: set, isClassical: true) else { return 0 }
        let different = zip(expected, found).filter { $0 != $1 }.count
        #expect(
            expected.count == found.count && different == 0,
            """
            \(place): \(different) of \(expected.count) values differ (\(found.count) made), first \
            \(zip(expected, found).first { $0 != $1 }.map { "\($0.1) for \($0.0)" } ?? "none"); \(graph.nodes.map(\.operation.name))
            """)
        return expected.count
    }
}

/// What has been compared.
struct Tally {
    var cases = 0
    /// Nodes and values by operator.
    var nodes: [String: Int] = [:]
    var values: [String: Int] = [:]
    /// Cases with an operator that the runtime does not have.
    var outside: [String: [String]] = [:]
    /// The same for boards.
    var file = CaseFile()

    mutating func note(_ operation: String, _ count: Int) {
        nodes[operation, default: 0] += 1
        values[operation, default: 0] += count
    }

    var text: String {
        let ran = nodes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let apart = outside.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.count)" }.joined(separator: ", ")
        return """
            conformance: \(cases) cases ran; nodes: \(ran)
            conformance: \(outside.values.map(\.count).reduce(0, +)) cases outside of the operator set: \(apart)
            """
    }

    /// The table of the documentation.
    var article: String {
        let rows = nodes.keys.sorted().map { "| \($0) | \(nodes[$0]!) | \(values[$0]!) | 0 |" }
        let apart = outside.keys.sorted().map { "| \($0) | \(outside[$0]!.count) |" }
        return """
            # Exactness

            Every int8 operator against outputs that this project did not compute: CMSIS-NN's and TFLite Micro's own tests, and \
            the reference kernels of LiteRT.

            Each node of each case is built into a model, planned, written as `int8.bin`, read back and executed in an arena of \
            exactly the planned size between guards; from the stored integers, and the file that the scales give must be the same \
            file; with the portable kernels and with those of the processor. Blocks and networks run as a whole, too. The suite \
            `ConformanceTests` makes this page (`SWIFTLET_RECORD_EXACTNESS=1`) and fails at the first byte that differs.

            | operator | nodes | values compared | different |
            |---|---:|---:|---:|
            \(rows.joined(separator: "\n"))

            Where runtimes disagree, at ties of fully connected layers, the answer is that of CMSIS-NN and TFLite Micro: the \
            fixed-point multiplier, not a product in floating point.

            ## Outside of the operator set

            | operator | cases |
            |---|---:|
            \(apart.joined(separator: "\n"))

            """
    }
}
