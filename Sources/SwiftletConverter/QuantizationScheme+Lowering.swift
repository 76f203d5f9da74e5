/// Where a network rounds once it is int8, for training that knows of it: read off the converter's own lowering.
///
/// The network that is trained and the network that is converted are lowered by the same code, the first with its batch norms in
/// place; the operations of both must be the same, by name, or training is refused.
/// What it does not do: train.
import SwiftletGraph
import SwiftletQuantizer
import SwiftletTraining

extension QuantizationScheme {
    /// The scheme of `network`, which begins with the ranges that it has learned already, or with those that calibration chooses.
    ///
    /// - Parameters:
    ///   - calibration: pictures in the network's own format.
    ///   - options: how ranges are chosen, and from how many pictures.
    /// - Throws: `ConversionError.untrainable` for a network whose int8 form has operations of its own; as conversion does.
    public init(
        training network: some TrainedNetwork, calibration: any DataSet, options: ConversionOptions
    ) throws {
        let graph = try network.graph.removingDropout().hoistingActivations()
            .paddingWithGreyLevels(network.preprocessing)
        let trained = try Lowering.lower(graph, form: .trained)
        let prepared = try network.graph.preparedForQuantization(network.preprocessing)
        try Self.requireSameOperations(trained, Lowering.lower(prepared))
        let bounds =
            try network.learnedRanges ?? Self.calibrate(prepared, calibration: calibration, options: options)
        let groups = ScaleGroups(trained)
        self = try Self.make(
            graph, trained, groups, bounds: bounds, pictureSteps: network.preprocessing.deviation.map { 1 / $0 })
    }

    private static func requireSameOperations(_ trained: LoweredNetwork, _ prepared: LoweredNetwork) throws {
        let (first, second) = (Set(trained.operations.map(\.name)), Set(prepared.operations.map(\.name)))
        if let name = first.symmetricDifference(second).min() {
            throw ConversionError.untrainable(
                node: name,
                reason: first.contains(name)
                    ? "int8 has no such operation: it is folded into another one's inputs"
                    : "int8 has this operation, and the float network none of the name")
        }
    }

    /// The range of what each operation makes, by its name.
    private static func calibrate(
        _ prepared: Graph, calibration: any DataSet, options: ConversionOptions
    ) throws -> [String: ClosedRange<Float>] {
        let seen = try Calibrator.observe(
            Converter.rangedValues(of: prepared), in: prepared, dataSet: calibration, options: options)
        let ranges = try seen.ranges(in: prepared, options: options)
        return try Lowering.lower(prepared).rangedOperations.reduce(into: [:]) { $0[$1.name] = ranges[$1.value] }
    }

    private static func make(
        _ graph: Graph, _ network: LoweredNetwork, _ groups: ScaleGroups, bounds: [String: ClosedRange<Float>],
        pictureSteps: [Float]
    ) throws -> QuantizationScheme {
        let picture = groups.groups[0][0]
        var ranges: [Range] = []
        /// By group.
        var indices: [Int: Int] = [:]
        for operation in network.rangedOperations {
            guard let own = bounds[operation.name] else { throw ConversionError.noRange(value: operation.name) }
            let group = groups.groups[operation.producer][0]
            guard group != picture else {
                throw ConversionError.untrainable(
                    node: operation.name, reason: "its scale is that of the picture, there is no range to learn")
            }
            if let index = indices[group] {
                let known = ranges[index].bounds
                ranges[index].operations.append(operation.name)
                ranges[index].bounds =
                    min(known.lowerBound, own.lowerBound)...max(known.upperBound, own.upperBound)
            } else {
                indices[group] = ranges.count
                ranges.append(
                    Range(operations: [operation.name], bounds: min(own.lowerBound, 0)...max(own.upperBound, 0)))
            }
        }
        var values: [ValueID: [Int]] = [:]
        var inputs: [String: [InputSteps]] = [:]
        for (index, operation) in network.operations.enumerated() {
            let made = groups.groups[network.inputs.count + index].compactMap { indices[$0] }
            // A maximum of numbers on a grid is on the grid; of what comes from the picture, the grid is the picture's.
            if case .maxPool = operation.kind {
            } else if made.count == operation.outputShape.channels {
                values[operation.value] = made
            }
            guard operation.kind.isConvolution else { continue }
            inputs[operation.name] = operation.operands[0].map { reference in
                indices[groups(reference)].map { .learned($0) } ?? .fixed(pictureSteps[reference.channel])
            }
        }
        return QuantizationScheme(graph: graph, ranges: ranges, values: values, inputs: inputs)
    }
}

extension Graph {
    /// The same network, in which what pads the picture is a grey level, as it will be in int8: the nearest to the mean, which
    /// normalization turns to 0.
    fileprivate func paddingWithGreyLevels(_ preprocessing: Preprocessing) -> Graph {
        var graph = self
        for index in nodes.indices where nodes[index].inputs == [input] {
            guard case .convolution(var convolution) = nodes[index].operation, convolution.window.padding != .none
            else {
                continue
            }
            let pixels = AffineQuantization(scale: 1, zeroPoint: -128)
            convolution.padValues = zip(preprocessing.mean, preprocessing.deviation).map { mean, deviation in
                (pixels.dequantize(pixels.quantize(mean)) - mean) / deviation
            }
            graph.nodes[index].operation = .convolution(convolution)
        }
        return graph
    }
}

extension LoweredNetwork {
    /// The operations that have a range, not that of what they read.
    fileprivate var rangedOperations: [(name: String, value: ValueID, producer: Int)] {
        operations.enumerated().filter { !$0.element.keepsScales }.map {
            ($0.element.name, $0.element.value, inputs.count + $0.offset)
        }
    }
}
