/// From a prepared graph and its ranges to the bytes of `int8.bin`.
///
/// The steps, each in a file of its own: lower (movement becomes references), assign scales, assign buffers and slots,
/// assemble (channel orders, packed weights), plan (rings in one arena), write, self-test.
/// What it does not do: run float passes or calibrate; `ConversionPipeline` does both before.
import SwiftletFormat
import SwiftletGraph
import SwiftletHost
import SwiftletKernels
import SwiftletPlanner
import SwiftletQuantizer

/// A finished model and what is known of it.
public struct ConvertedModel {
    public var bytes: [UInt8]
    public var plan: Plan
    public var operations: [ConvertedOperation]
    /// How many times the picture must be pushed.
    public var passes: Int
    /// Multiply-accumulates of a run, over those of a run that recomputes nothing.
    public var macsFactor: Double
}

/// What a report says of one operator of the file.
public struct ConvertedOperation: Sendable {
    public var name: String
    /// The graph's value that the operator makes.
    public var value: ValueID
    /// How many channels the value has; other operators may make some of them.
    public var valueChannels: Int
    /// The value's channel at each stored position, and its quantization.
    public var channelOrder: [Int]
    public var quantization: [AffineQuantization]
    /// Whether it has 16 bits.
    public var isWide: Bool

    /// The least and the largest number that it stores.
    var ends: ClosedRange<Int> { isWide ? -32768...32767 : -128...127 }

    /// The number that stands at `x` and `position` of a row.
    func stored(_ row: OutputRow, x: Int, position: Int) -> Int {
        isWide ? Int(row.loadWide(x: x, channel: position)) : Int(row.load(x: x, channel: position))
    }

    /// What a stored number stands for.
    func real(_ stored: Int, position: Int) -> Float {
        quantization[position].scale * Float(stored - Int(quantization[position].zeroPoint))
    }

    /// The nearest number that can be stored, halves away from zero.
    func nearest(_ real: Float, position: Int) -> Int {
        let steps = (real / quantization[position].scale).rounded(.toNearestOrAwayFromZero)
        let ends = ends
        let stored = steps + Float(quantization[position].zeroPoint)
        return Int(max(Float(ends.lowerBound), min(Float(ends.upperBound), stored)))
    }
}

public enum Converter {
    /// Channels that are worth an operator and a ring of their own in a dense block: a vector of the widest instruction set.
    /// (With 128 instead, CondenseNet-74 takes 0.97 of the time and 1.03 of the memory, CondenseNet-86 0.96 and 1.07; whole blocks
    /// need 1.7 and 1.3 times as much.)
    public static let leastSplitChannels = 64

    /// - Parameters:
    ///   - graph: after the passes: its input is pixels of 0...255, no batch norm and no fully connected layer is left.
    ///   - calibration: at least the range of every value that an operator makes.
    ///   - leastSplitChannels: see `LoweredNetwork.splittingChannels`; any number gives the same output.
    ///   - arrangement: how it lies in memory; any gives the same output.
    /// - Throws: `ConversionError`, `PlanError`, `GraphError`.
    public static func convert(
        _ graph: Graph, calibration: Calibration, architecture: String, classNames: [String],
        preprocessing: Preprocessing, leastSplitChannels: Int = Converter.leastSplitChannels,
        arrangement: Arrangement = Arrangement()
    ) throws -> ConvertedModel {
        let assembled = try assemble(graph, calibration: calibration, leastSplitChannels: leastSplitChannels)
        return try finish(
            assembled,
            description: ModelDescription(
                architecture: architecture, classNames: classNames, preprocessing: preprocessing),
            arrangement: arrangement)
    }

    static func assemble(_ graph: Graph, calibration: Calibration, leastSplitChannels: Int) throws -> AssembledNetwork {
        let network = try Lowering.lower(graph).keepingWide(calibration.wideLayers)
            .splittingChannels(leastChannels: leastSplitChannels)
        guard !network.operations.isEmpty else {
            throw ConversionError.wrongInput(reason: "the network \(graph.name) computes nothing")
        }
        let scales = try ScaleAssignment(
            network, ranges: calibration.ranges,
            channels: calibration.equalizesChannels
                ? ChannelScales.choose(
                    network, ranges: calibration.ranges, statistics: calibration.channels,
                    weights: calibration.weightScales) : [:],
            input: AffineQuantization(scale: 1, zeroPoint: -128),
            names: { graph.values.indices.contains($0) ? graph.values[$0].name : "value \($0)" })
        return try Assembly.assemble(
            network, scales: scales,
            inputs: InputKnowledge(
                means: calibration.channels.mapValues(\.means), covariances: calibration.covariances,
                roundingMethod: calibration.roundingMethod, weightScales: calibration.weightScales,
                memo: calibration.memo, threads: calibration.threads),
            inputsArePixels: true)
    }

    /// What writes the network, with its biases or others, into a file that is there to be run on pictures: in a plan of its own,
    /// since any plan gives the same output.
    static func writer(
        of assembled: AssembledNetwork, description: ModelDescription
    ) throws -> (AssembledNetwork) throws -> [UInt8] {
        let plan = try Planner(assembled.planProblem).plan()
        let leastMACs = assembled.multiplyAccumulates
        return { network in
            var bytes = try ModelWriter.write(network, plan: plan, description: description, leastMACs: leastMACs)
            ModelWriter.seal(&bytes, selfTestSeed: 0, selfTestChecksum: 0)
            return bytes
        }
    }

    /// A network that is quantized already.
    ///
    /// - Parameter preprocessing: how a picture becomes its input; nil when the input is pushed as int8.
    /// - Throws: `ConversionError`, `PlanError`.
    public static func convert(
        _ graph: QuantizedGraph, classNames: [String] = [], preprocessing: Preprocessing? = nil,
        arrangement: Arrangement = Arrangement()
    ) throws -> ConvertedModel {
        let graph = preprocessing.map { graph.takingPixels($0) } ?? graph
        let (network, quantizations) = try QuantizedLowering.lower(graph)
        let assembled = try Assembly.assemble(
            network, scales: ScaleAssignment(network, given: quantizations),
            inputsArePixels: preprocessing != nil)
        return try finish(
            assembled,
            description: ModelDescription(
                architecture: graph.name, classNames: classNames,
                preprocessing: preprocessing
                    ?? Preprocessing(resize: .stretch, colorOrder: .rgb, mean: [], deviation: [])),
            arrangement: arrangement)
    }

    static func finish(
        _ assembled: AssembledNetwork, description: ModelDescription, arrangement: Arrangement
    ) throws -> ConvertedModel {
        let (network, plan) = try arrangement.arrange(assembled)
        let leastMACs = assembled.multiplyAccumulates
        var bytes = try ModelWriter.write(network, plan: plan, description: description, leastMACs: leastMACs)
        try seal(&bytes)
        // Several operators may make a value, each some of its channels.
        var valueChannels: [ValueID: Int] = [:]
        for operation in network.operations {
            valueChannels[operation.value] = max(
                valueChannels[operation.value] ?? 0, (operation.valueOrder.max() ?? -1) + 1)
        }
        return ConvertedModel(
            bytes: bytes, plan: plan,
            operations: network.operations.map {
                ConvertedOperation(
                    name: $0.name, value: $0.value, valueChannels: valueChannels[$0.value] ?? 0,
                    channelOrder: $0.valueOrder, quantization: $0.outputQuantization,
                    isWide: $0.output.channelBytes == 2)
            },
            passes: network.rowWidth == nil ? 1 : network.inputs.count,
            macsFactor: leastMACs > 0 ? Double(network.multiplyAccumulates) / Double(leastMACs) : 1)
    }

    /// The values that need a range: what each operator of the file makes.
    public static func rangedValues(of graph: Graph) throws -> [ValueID] {
        try Lowering.lower(graph).operations.filter { !$0.keepsScales }.map(\.value)
    }

    /// The values whose channels' statistics help: the input, and all that operators of the file make.
    static func operationValues(of graph: Graph) throws -> [ValueID] {
        [graph.input] + (try Lowering.lower(graph).operations.map(\.value))
    }

    /// What the named layers make. What their names are is checked when they are kept.
    static func values(of layers: [String], in graph: Graph) throws -> Set<ValueID> {
        guard !layers.isEmpty else { return [] }
        return Set(try Lowering.lower(graph).operations.filter { layers.contains($0.name) }.map(\.value))
    }

    /// The value that each convolution's operator is known by, by the name of its node.
    static func convolutionValues(of graph: Graph) throws -> [String: ValueID] {
        try Lowering.lower(graph).operations.reduce(into: [:]) { values, operation in
            switch operation.kind {
            case .convolution, .depthwise: values[operation.name] = operation.value
            default: break
            }
        }
    }

    /// Enters checksum and self-test: the model is run once, by the very executor that users run.
    private static func seal(_ bytes: inout [UInt8]) throws {
        let seed: UInt32 = 1
        ModelWriter.seal(&bytes, selfTestSeed: seed, selfTestChecksum: 0)
        let runner = try Runner(ModelFile(contents: bytes, path: "the converted model"))
        let output = try selfTestPixels(seed: seed, count: runner.inputBytes)
            .withUnsafeBytes { try runner.run($0) }
        ModelWriter.seal(&bytes, selfTestSeed: seed, selfTestChecksum: output.withUnsafeBytes { Checksum.of($0) })
    }
}
