/// Runs a graph in float on batches of pictures: evaluation, calibration, comparison with int8.
///
/// What it does not do: train. Batch norms use their running statistics.
import SwiftletGraph

public final class FloatExecutor {
    public let batchSize: Int
    public let inputCount: Int
    public let outputCount: Int
    private let engine: Engine

    /// - Parameters:
    ///   - graph: with all of its parameters.
    ///   - quantization: rounds as int8 will; its graph is `graph`.
    /// - Throws: `GraphError` for missing or broken parameters, `EngineError` for what cannot be computed.
    public init(graph: Graph, batchSize: Int, threads: Int, quantization: QuantizationScheme? = nil) throws {
        engine = try Engine(
            graph: graph, batchSize: batchSize, threads: threads, isTrained: false, quantization: quantization)
        self.batchSize = batchSize
        inputCount = graph.inputShape.elementCount
        outputCount = graph.outputShape.elementCount
    }

    /// As many pictures, `limit` at most, as keep the values of a graph within two gigabytes; one in any case.
    public static func batchSize(for graph: Graph, limit: Int) -> Int {
        let elements = graph.values.reduce(0) { $0 + $1.shape.elementCount }
        return max(1, min(limit, (2 << 30) / (elements * MemoryLayout<Float>.stride)))
    }

    /// - Parameter input: `count` normalised pictures, NHWC.
    /// - Returns: `count` x `outputCount` values.
    public func run(_ input: UnsafeBufferPointer<Float>, count: Int) throws -> [Float] {
        try check(input, count: count)
        engine.input.values.update(from: input.baseAddress!, count: count * inputCount)
        engine.forward(count: count, Mode(isTraining: false, step: 0))
        return Array(UnsafeBufferPointer(start: engine.output.values, count: count * outputCount))
    }

    /// As `run(_:count:)`, and shows every value that is not inside a fused convolution: `count` maps, NHWC.
    /// What a convolution's activation or batch norm alone reads has no memory of its own.
    public func run(
        _ input: UnsafeBufferPointer<Float>, count: Int, observing: (ValueID, UnsafeBufferPointer<Float>) -> Void
    ) throws -> [Float] {
        let result = try run(input, count: count)
        for (value, map) in engine.maps.sorted(by: { $0.key < $1.key }) {
            observing(value, UnsafeBufferPointer(start: map.values, count: count * map.shape.elementCount))
        }
        return result
    }

    /// As `run(_:count:)`, and hands every value that has memory of its own to `replacing` as soon as it is made: what stands there
    /// afterwards is what its readers are given. So each layer can be run on inputs that something else has made.
    @discardableResult
    public func runLayers(
        _ input: UnsafeBufferPointer<Float>, count: Int,
        replacing: (ValueID, UnsafeMutableBufferPointer<Float>) -> Void
    ) throws -> [Float] {
        try check(input, count: count)
        engine.input.values.update(from: input.baseAddress!, count: count * inputCount)
        let values = Dictionary(uniqueKeysWithValues: engine.maps.map { (ObjectIdentifier($0.value), $0.key) })
        engine.forward(count: count, Mode(isTraining: false, step: 0)) { unit in
            for map in unit.outputs {
                guard let value = values[ObjectIdentifier(map)] else { continue }
                replacing(
                    value, UnsafeMutableBufferPointer(start: map.values, count: count * map.shape.elementCount))
            }
        }
        return Array(UnsafeBufferPointer(start: engine.output.values, count: count * outputCount))
    }

    private func check(_ input: UnsafeBufferPointer<Float>, count: Int) throws {
        guard count <= batchSize else { throw EngineError.batchTooLarge(given: count, limit: batchSize) }
        guard input.count >= count * inputCount, count > 0 else {
            throw EngineError.wrongInputCount(given: input.count, needed: count * inputCount)
        }
    }
}
