/// A `Graph` made ready to run on batches: maps, gradients, parameters and the units that work on them.
///
/// Convolution, batch norm and activation that follow each other become one unit. All memory is taken at the start.
/// What it does not do: read data or decide about learning rates; `Trainer` does.
import CSwiftletTraining
import Foundation
import SwiftletGraph

/// Why a graph cannot be run in float.
public enum EngineError: Error, Equatable, CustomStringConvertible {
    case unsupported(node: String, operation: String, reason: String)
    case batchTooLarge(given: Int, limit: Int)
    case wrongInputCount(given: Int, needed: Int)

    public var description: String {
        switch self {
        case .unsupported(let node, let operation, let reason): "node \(node) (\(operation)): \(reason)"
        case .batchTooLarge(let given, let limit): "a batch of \(given) images, the engine was made for \(limit)"
        case .wrongInputCount(let given, let needed): "\(given) input values, the network takes \(needed)"
        }
    }
}

final class Engine {
    let batchSize: Int
    let workers: Workers
    let input: Map
    let output: Map
    private(set) var units: [Unit] = []
    /// Those that are trained, in the order of the nodes.
    private(set) var parameters: [Parameter] = []
    /// Running statistics and masks.
    private(set) var buffers: [Parameter] = []
    /// Learned ranges of values that are rounded as int8 will; none where the network runs in float.
    let ranges: [LearnedRange]
    /// The weight and the mask of each learned group convolution.
    private(set) var masks: [(weight: Parameter, mask: Parameter, node: Node)] = []
    /// The map of each value that is not inside a fused unit.
    private(set) var maps: [ValueID: Map] = [:]
    private let isTrained: Bool
    private var gradientMemory: [UnsafeMutablePointer<Float>] = []
    private let graph: Graph

    /// - Parameters:
    ///   - isTrained: whether backward passes will be run.
    ///   - precision: of matrix products; one that is available here.
    ///   - quantization: rounds weights and values as it says; its graph is `graph`.
    init(
        graph: Graph, batchSize: Int, threads: Int, isTrained: Bool, precision: ProductPrecision = .float32,
        quantization: QuantizationScheme? = nil
    ) throws {
        try graph.checkParameters()
        self.graph = graph
        self.batchSize = batchSize
        self.isTrained = isTrained
        workers = Workers(count: threads)
        let crew = workers.count
        let ranges = quantization?.ranges.map { LearnedRange($0, threads: crew) } ?? []
        self.ranges = ranges
        input = Map(shape: graph.inputShape, batchSize: batchSize)
        maps[graph.input] = input
        var builder = UnitBuilder(
            graph: graph, batchSize: batchSize,
            multipliers: (0..<workers.count).map { _ in MatrixMultiplier(precision) }, isTrained: isTrained)
        builder.maps = maps
        builder.quantization = quantization.map { .init(scheme: $0, ranges: ranges) }
        try builder.build()
        maps = builder.maps
        units = builder.units
        parameters = builder.parameters
        buffers = builder.buffers
        masks = builder.masks
        output = maps[graph.output]!
        if isTrained { planGradients() }
    }

    deinit {
        workers.stop()
        for memory in gradientMemory { st_free(memory) }
    }

    /// Gives every map but the picture a gradient. A gradient lives from the last reader's backward step to its maker's;
    /// memory of the dead serves the next of the same size, so that it is still in the cache.
    private func planGradients() {
        var free: [Int: [UnsafeMutablePointer<Float>]] = [:]
        func take(_ map: Map) {
            let count = map.shape.elementCount * batchSize
            if let memory = free[count]?.popLast() {
                map.gradient = memory
                return
            }
            let memory = allocateZeros(count)
            gradientMemory.append(memory)
            map.gradient = memory
        }
        take(output)
        for unit in units.reversed() {
            // Nobody reads these: their gradient is zero for good, in memory that nothing else uses.
            let unread = unit.outputs.filter { $0.gradient == nil }
            for map in unread {
                map.gradient = allocateZeros(map.shape.elementCount * batchSize)
                gradientMemory.append(map.gradient!)
            }
            for index in unit.sources.indices {
                let map = unit.sources[index].map
                if map === input { continue }
                unit.sources[index].accumulates = map.gradient != nil
                if map.gradient == nil { take(map) }
            }
            for map in unit.outputs where !unread.contains(where: { $0 === map }) {
                free[map.shape.elementCount * batchSize, default: []].append(map.gradient!)
            }
        }
    }

    // MARK: Passes

    /// Runs the network on the first `count` images of `input`.
    func forward(count: Int, _ mode: Mode) {
        workers.run(batch: count) { [self] share in
            for unit in units { unit.forward(share, mode) }
        }
    }

    /// As `forward(count:_:)`, unit by unit, and calls `body` after each.
    func forward(count: Int, _ mode: Mode, after body: (Unit) -> Void) {
        for unit in units {
            workers.run(batch: count) { share in unit.forward(share, mode) }
            body(unit)
        }
    }

    /// One training pass: forward, the loss's gradient, backward. Each thread's gradients are summed in the end.
    ///
    /// - Parameter prepare: fills the share's images of `input`.
    func train(
        count: Int, _ mode: Mode, loss: CrossEntropy, prepare: @escaping (Share) -> Void
    ) -> CrossEntropy.Result {
        let results = UnsafeMutablePointer<CrossEntropy.Result>.allocate(capacity: workers.count)
        results.initialize(repeating: .init(), count: workers.count)
        defer { results.deallocate() }
        workers.run(batch: count) { [self] share in
            prepare(share)
            for parameter in parameters { parameter.clearGradient(thread: share.thread) }
            for range in ranges { range.clearGradient(thread: share.thread) }
            for unit in units { unit.forward(share, mode) }
            results[share.thread] = loss.evaluate(output, share)
            for unit in units.reversed() { unit.backward(share, mode) }
            share.wait()
            let kernels = st_kernels().pointee
            for (index, parameter) in parameters.enumerated() where index % share.threads == share.thread {
                parameter.sumGradients(kernels)
            }
        }
        var total = CrossEntropy.Result()
        for thread in 0..<workers.count { total.add(results[thread]) }
        return total
    }

    /// The graph with the parameters as they are now.
    func exportGraph() -> Graph {
        var result = graph
        for parameter in parameters + buffers { result.parameters[parameter.name] = parameter.tensor }
        return result
    }

    /// What each operator of the int8 network spans, by name; nil where the network runs in float.
    func exportRanges() -> [String: ClosedRange<Float>]? {
        guard !ranges.isEmpty else { return nil }
        return ranges.reduce(into: [:]) { result, range in
            for operation in range.operations { result[operation] = range.bounds }
        }
    }
}
