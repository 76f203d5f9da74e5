/// A model to break, and ways to break it.
import SwiftletFormat
import SwiftletGraph
import SwiftletPlanner
import TestSupport

@testable import SwiftletConverter

enum SmallModel {
    /// A few kilobytes with every kind of operator, a channel table and two segments.
    static let bytes: [UInt8] = {
        do {
            return try CalibratedNetwork(.everyOperator(), seed: 5).convert { planner in
                try planner.plan(segments: [0, planner.problem.steps.count / 2])
            }.bytes
        } catch {
            return []
        }
    }()

    static var all: [[UInt8]] { [bytes, quantizedBytes, recomputingBytes, wideBytes] }

    /// Every operator that has a form of 16 bits, reading and writing it.
    static let wideBytes: [UInt8] = {
        do {
            return try CalibratedNetwork(.everyOperator(), seed: 5).convert(
                keeping: ["stem", "depthwise", "add", "mean", "classifier"]
            ).bytes
        } catch {
            return []
        }
    }()

    /// Two bands, a block with an expansion and one without, and a mean in shares.
    static let recomputingBytes: [UInt8] = {
        do {
            var graph = Graph(name: "recomputing", input: Shape(height: 8, width: 9, channels: 3))
            let stem = try graph.convolution("stem", graph.input, to: 4, .centred(3))
            let expanded = try graph.convolution("expand", stem, to: 8, Window(kernel: .one))
            let depthwise = try graph.convolution("depthwise", expanded, to: 8, .centred(3), groups: 8)
            let projected = try graph.convolution("project", depthwise, to: 4, Window(kernel: .one))
            let sum = try graph.append(.add, name: "add", inputs: [stem, projected])[0]
            let second = try graph.convolution("second", sum, to: 4, .centred(3, stride: 2), groups: 4)
            let point = try graph.convolution("point", second, to: 6, Window(kernel: .one))
            let head = try graph.convolution("head", point, to: 20, Window(kernel: .one))
            let mean = try graph.append(.globalAveragePool, name: "mean", input: head)
            graph.output = try graph.append(.linear(outputs: 4), name: "classifier", input: mean)
            var generator = SeededGenerator(seed: 5)
            graph.randomizeParameters(using: &generator)
            return try CalibratedNetwork(graph, seed: 5).convert(
                arrangement: Arrangement { network in
                    let blocks = network.blockCandidates.map {
                        FusedBlock(candidate: $0, expands: true, pieceColumns: 2)
                    }
                    let fused = network.fusing(blocks).sharingChannels(2).withoutUnusedBuffers
                    let end = fused.operations.firstIndex { $0.name == "point" }! + 1
                    let banded = fused.banded(ColumnBands(end: end, count: 2))!
                    return (banded, try Planner(banded.planProblem).plan())
                }
            ).bytes
        } catch {
            return []
        }
    }()

    /// The same for the operators that only come from graphs which are quantized already: each kind once, two inputs.
    static let quantizedBytes: [UInt8] = {
        var values: [QuantizedGraph.Value] = []
        var nodes: [QuantizedGraph.Node] = []
        func value(_ shape: Shape) -> Int {
            values.append(.init(name: "v\(values.count)", shape: shape))
            return values.count - 1
        }
        func append(_ operation: QuantizedOperation, _ inputs: [Int], _ shape: Shape) -> Int {
            nodes.append(.init(name: "n\(nodes.count)", operation: operation, inputs: inputs, output: value(shape)))
            return values.count - 1
        }
        func binary(_ kind: OperatorKind, multipliers: Int, constant: Shape? = nil) -> QuantizedOperation {
            .binary(
                QuantizedBinary(
                    kind: kind,
                    multipliers: Array(repeating: .init(multiplier: 1 << 30, shift: -4), count: multipliers),
                    bounds: OutputBounds(),
                    constant: constant.map {
                        QuantizedConstant(shape: $0, values: Array(repeating: 3, count: $0.elementCount))
                    }))
        }
        let shape = Shape(height: 5, width: 4, channels: 3)
        let (first, second) = (value(shape), value(Shape(height: 1, width: 1, channels: 3)))
        let product = append(binary(.multiply, multipliers: 1), [first, second], shape)
        let largest = append(binary(.maximum, multipliers: 0), [product, first], shape)
        let smallest = append(binary(.minimum, multipliers: 0, constant: shape), [largest], shape)
        let slope = append(
            binary(.prelu, multipliers: 2, constant: Shape(height: 1, width: 4, channels: 1)), [smallest], shape)
        let looked = append(
            .lookup((0..<3).map { shift in (0..<256).map { Int8(truncatingIfNeeded: $0 + shift) } }), [slope], shape)
        let moved = append(
            .rearrange(
                Rearrangement(
                    rows: [nil, 2, 1, 0, 1, 4], columns: [0, nil, 3], channels: [2, 0, nil, 1], fill: -5)), [looked],
            Shape(height: 6, width: 3, channels: 4))
        let resized = append(
            .resizeBilinear(
                rows: ResizePoint.points(input: 6, output: 5, alignCorners: false, halfPixelCenters: true),
                columns: ResizePoint.points(input: 3, output: 4, alignCorners: true, halfPixelCenters: false)), [moved],
            Shape(height: 5, width: 4, channels: 4))
        let below = append(.concatenateRows, [resized, resized], Shape(height: 10, width: 4, channels: 4))
        let beside = append(.concatenateColumns, [below, below], Shape(height: 10, width: 8, channels: 4))
        let output = append(
            .softmax(
                .table((0..<256).map { 1 / Float(1 + $0) }, outputScale: 1 / 256), OutputBounds(zeroPoint: -128)),
            [beside], Shape(height: 10, width: 8, channels: 4))
        let graph = QuantizedGraph(
            name: "small", values: values, nodes: nodes, inputs: [first, second], outputs: [output])
        return (try? Converter.convert(graph).bytes) ?? []
    }()

    /// Enters the checksum anew, so that it is the validation that has to refuse.
    static func reseal(_ bytes: inout [UInt8]) {
        let checksum = bytes.withUnsafeBytes {
            Checksum.of(UnsafeRawBufferPointer(rebasing: $0[HeaderRecord.checkedFrom...]))
        }
        bytes.replace(checksum, at: 16)
    }

    /// A model after a change of its header.
    static func changing(_ model: [UInt8] = bytes, _ change: (inout HeaderRecord) -> Void) -> [UInt8] {
        var copy = model
        var header = copy.withUnsafeBytes { $0.loadUnaligned(as: HeaderRecord.self) }
        change(&header)
        copy.replace(header, at: 0)
        reseal(&copy)
        return copy
    }

    /// A model after a change of record `index` of a list.
    static func changing<Record>(
        _ list: KeyPath<HeaderRecord, ListRecord>, _ index: Int, _ type: Record.Type, _ change: (inout Record) -> Void
    ) -> [UInt8] {
        changing(bytes, list, index, type, change)
    }

    static func changing<Record>(
        _ bytes: [UInt8], _ list: KeyPath<HeaderRecord, ListRecord>, _ index: Int, _ type: Record.Type,
        _ change: (inout Record) -> Void
    ) -> [UInt8] {
        let header = bytes.withUnsafeBytes { $0.loadUnaligned(as: HeaderRecord.self) }
        let offset = Int(header[keyPath: list].offset) + index * MemoryLayout<Record>.stride
        return changing(bytes, at: offset, type, change)
    }

    /// A model after a change of the record at `offset`.
    static func changing<Record>(
        _ bytes: [UInt8], at offset: Int, _ type: Record.Type, _ change: (inout Record) -> Void
    ) -> [UInt8] {
        var copy = bytes
        var record = copy.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Record.self) }
        change(&record)
        copy.replace(record, at: offset)
        reseal(&copy)
        return copy
    }
}
