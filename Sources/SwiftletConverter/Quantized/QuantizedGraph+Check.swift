/// Whether a graph of integers, which may come from any file, holds together: every index, count and size.
///
/// What it does not do: judge what it computes, or check the integers that `ModelReader` checks.
import SwiftletFormat
import SwiftletGraph

extension QuantizedGraph {
    /// The most multiplications of one inference: four times VGG-16's. The model is run once when it is converted, and that
    /// must end.
    private static let workLimit = Double(1 << 36)
    /// The most elements of a map; larger ones fit into no arena.
    private static let elementLimit = 1 << 28

    /// - Throws: `ConversionError.wrongInput` that names the first node or value which does not fit, and the numbers.
    func check() throws {
        guard !inputs.isEmpty, !outputs.isEmpty else {
            throw refusal("the network \(name) has \(inputs.count) inputs and \(outputs.count) outputs")
        }
        for index in inputs + outputs + nodes.flatMap({ $0.inputs + [$0.output] }) where !values.indices.contains(index)
        {
            throw refusal("the network \(name) names value \(index) of \(values.count)")
        }
        for value in values {
            let shape = value.shape
            let sizes = 1...Int(UInt16.max)
            guard sizes ~= shape.height, sizes ~= shape.width, sizes ~= shape.channels,
                shape.elementCount <= Self.elementLimit
            else { throw refusal("the map \(value.name) of \(shape) is larger than any arena") }
        }
        var work = 0.0
        for node in nodes {
            try check(node)
            work += multiplications(node)
        }
        for index in inputs where values[index].isWide {
            throw refusal("the input \(values[index].name) has 16 bits; pushed rows have 8")
        }
        for node in nodes { try checkBits(of: node) }
        guard work <= Self.workLimit else {
            throw refusal("an inference takes \(work) multiplications, more than \(Self.workLimit)")
        }
    }

    private func refusal(_ reason: String) -> ConversionError { .wrongInput(reason: reason) }

    private func multiplications(_ node: Node) -> Double {
        let output = Double(values[node.output].shape.elementCount)
        switch node.operation {
        case .convolution(let convolution):
            return output * Double(convolution.weights.count) / Double(values[node.output].shape.channels)
        case .maxPool(let window, _), .averagePool(let window, _):
            return output * Double(window.kernel.height) * Double(window.kernel.width)
        default: return output
        }
    }

    private func check(_ node: Node) throws {
        let shapes = node.inputs.map { values[$0].shape }
        let output = values[node.output].shape
        guard let input = shapes.first else { throw refusal("\(node.name) (\(node.operation.name)) has no input") }
        func expect(_ isTrue: Bool, _ what: @autoclosure () -> String) throws {
            guard isTrue else {
                throw refusal("\(node.name) (\(node.operation.name)) cannot make \(output) of \(input): \(what())")
            }
        }
        func expectOneInput() throws { try expect(shapes.count == 1, "it has \(shapes.count) inputs") }
        func expectChannels(_ count: Int) throws {
            try expect(output.channels == count, "there are \(count) channels")
        }
        func expectSameSize() throws {
            try expect(output.height == input.height && output.width == input.width, "rows and columns stay")
        }
        func expectEntries(_ found: Int, _ needed: Int, _ what: String) throws {
            try expect(found == needed, "it has \(found) \(what) instead of \(needed)")
        }
        switch node.operation {
        case .convolution(let convolution):
            try expectOneInput()
            try expect(Self.isUsable(convolution.window), "its window is \(convolution.window)")
        case .maxPool(let window, _), .averagePool(let window, _):
            try expectOneInput()
            try expectChannels(input.channels)
            try expect(Self.isUsable(window), "its window is \(window)")
        case .mean:
            try expectOneInput()
            try expectChannels(input.channels)
            try expect(output.height == 1 && output.width == 1, "a mean is one pixel")
        case .lookup(let tables):
            try expectOneInput()
            try expectChannels(input.channels)
            try expectSameSize()
            try expect(tables.count == 1 || tables.count == input.channels, "it has \(tables.count) tables")
            for table in tables { try expectEntries(table.count, 256, "entries in a table") }
        case .softmax(let softmax, _):
            try expectOneInput()
            try expectSameSize()
            switch softmax {
            case .table(let table, _):
                try expectChannels(input.channels)
                try expectEntries(table.count, 256, "entries in its table")
            case .fixedPoint(_, let leftShift, _, let isWide):
                try expectChannels(isWide ? 2 * input.channels : input.channels)
                try expect(0...31 ~= leftShift, "it shifts by \(leftShift)")
            }
        case .rearrange(let map):
            try expectOneInput()
            try expectEntries(map.rows.count, output.height, "rows")
            try expectEntries(map.columns.count, output.width, "columns")
            try expectEntries(map.channels?.count ?? input.channels, output.channels, "channels")
            let sources = [(map.rows, input.height), (map.columns, input.width), (map.channels ?? [], input.channels)]
            for (indices, size) in sources {
                let outside = indices.compactMap { $0 }.first { !(0..<size ~= $0) }
                try expect(outside == nil, "it takes number \(outside ?? 0) of \(size)")
            }
        case .resizeBilinear(let rows, let columns):
            try expectOneInput()
            try expectChannels(input.channels)
            try expectEntries(rows.count, output.height, "rows")
            try expectEntries(columns.count, output.width, "columns")
        case .binary(let binary):
            try expect(shapes.count == (binary.constant == nil ? 2 : 1), "it has \(shapes.count) inputs")
            if let constant = binary.constant {
                let sizes = [constant.shape.height, constant.shape.width, constant.shape.channels]
                try expect(sizes.allSatisfy { 1...Int(UInt16.max) ~= $0 }, "its constant is \(constant.shape)")
                try expectEntries(constant.values.count, constant.shape.elementCount, "constants")
            }
        case .concatenateRows, .concatenateColumns, .concatenateChannels: break  // Lowering checks what joins.
        case .selectChannels(let indices):
            try expectOneInput()
            try expectSameSize()
            try expectChannels(indices.count)
            try expect(indices.allSatisfy { 0..<input.channels ~= $0 }, "it takes channels that are not there")
        }
    }

    /// Whether every number of a window is one that the format holds.
    private static func isUsable(_ window: Window) -> Bool {
        let limit = Int(ModelReader.windowLimit)
        return [window.kernel, window.stride, window.dilation].allSatisfy {
            1...limit ~= $0.height && 1...limit ~= $0.width
        } && 0...limit ~= window.padding.top && 0...limit ~= window.padding.left
    }
}
