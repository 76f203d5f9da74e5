/// The whole way from a float network to `int8.bin`: passes, calibration, conversion, report.
///
/// What it does not do: read or write files.
import SwiftletGraph
import SwiftletHost
import SwiftletPlanner
import SwiftletQuantizer
import SwiftletTraining
import SwiftletZoo

/// What a conversion made.
public struct Conversion {
    public var model: ConvertedModel
    public var report: ConversionReport
}

public enum ConversionPipeline {
    /// A network that has learned its ranges is converted to just what it was trained as: how `options` would quantize plays no
    /// part.
    ///
    /// - Parameter calibration: pictures in the network's own format; labels are not looked at. A network that has learned its
    ///   ranges does without; they are then only what layers are compared on.
    /// - Throws: `GraphError`, `PassError`, `CalibrationError`, `ConversionError`, or what the data set throws.
    public static func convert(
        _ network: some TrainedNetwork, calibration: (any DataSet)?, options: ConversionOptions
    ) throws -> Conversion {
        let graph = try network.graph.preparedForQuantization(network.preprocessing)
        guard let learned = network.learnedRanges else {
            guard let calibration else {
                throw ConversionError.wrongInput(
                    reason: "\(network.architectureText) has learned no ranges: calibrate it on pictures")
            }
            let graph = try shifting(graph, on: calibration, options: options)
            let seen = try observe(
                graph, on: calibration, covariances: options.roundingMethod != .nearest, options: options)
            return try quantize(graph, of: network, seen, on: calibration, options: options)
        }
        let assembled = try Converter.assemble(
            graph, calibration: Calibration(learned: learned, of: graph),
            leastSplitChannels: Converter.leastSplitChannels)
        var conversion = try finish(assembled, graph, of: network, comparing: calibration, options: options)
        conversion.report.rangeMethod = "learned"
        conversion.report.roundingMethod = RoundingMethod.nearest.rawValue
        conversion.report.calibrationImages = 0
        return conversion
    }

    /// The network with high biases absorbed, where that is wanted.
    private static func absorbing(
        _ graph: Graph, on calibration: any DataSet, options: ConversionOptions
    ) throws -> Graph {
        guard options.absorbsHighBiases else { return graph }
        let seen = try Calibrator.observe(
            [], averaged: Converter.operationValues(of: graph), in: graph, dataSet: calibration, options: options)
        return try graph.absorbingHighBiases(
            seen.channels.mapValues(\.floors), peaks: seen.channels.mapValues(\.maxima))
    }

    /// The network with high biases absorbed and channels centred, where that is wanted.
    static func shifting(_ graph: Graph, on calibration: any DataSet, options: ConversionOptions) throws -> Graph {
        let graph = try absorbing(graph, on: calibration, options: options)
        let values = graph.centrableValues.sorted()
        guard options.centresChannels, !values.isEmpty else { return graph }
        var few = options
        few.calibrationCount = min(options.calibrationCount, centringPictures)
        let seen = try Calibrator.observe([], averaged: values, in: graph, dataSet: calibration, options: few)
        return try graph.centringChannels(seen.channels.mapValues(\.bulks))
    }

    /// Few are enough: what lies off the middle costs steps, not outputs.
    private static let centringPictures = 64

    /// - Parameters:
    ///   - graph: prepared for quantization.
    ///   - covariances: whether they are looked at, which all ways to round but to nearest need.
    static func observe(
        _ graph: Graph, on calibration: any DataSet, covariances: Bool, options: ConversionOptions
    ) throws -> Observations {
        try Calibrator.observe(
            Converter.rangedValues(of: graph), averaged: Converter.operationValues(of: graph),
            convolutions: covariances ? Converter.convolutionValues(of: graph) : [:], in: graph, dataSet: calibration,
            options: options)
    }

    /// - Parameters:
    ///   - graph: the network's, prepared for quantization.
    ///   - seen: on the pictures of `calibration` that `options` choose.
    ///   - comparesLayers: whether the report tells of each layer.
    static func quantize(
        _ graph: Graph, of network: some TrainedNetwork, _ seen: Observations, on calibration: any DataSet,
        comparesLayers: Bool = true, options: ConversionOptions
    ) throws -> Conversion {
        var known = try seen.calibration(of: graph, options: options)
        if options.clipsOutliers {
            // Steps of 16 bits hold everything.
            let wide = try Converter.values(of: options.wideLayers, in: graph)
            let shares = try shares(seen, of: graph, on: calibration, options: options)
            known.narrow(shares.filter { !wide.contains($0.key) })
        }
        var assembled = try Converter.assemble(
            graph, calibration: known, leastSplitChannels: Converter.leastSplitChannels)
        try mendBiases(of: &assembled, of: network, seen, on: calibration, options: options)
        return try finish(
            assembled, graph, of: network, comparing: comparesLayers ? calibration : nil, options: options)
    }

    /// Mends biases on pictures, where that is wanted; where nothing is said of it, as far as the scores of others gain by it.
    private static func mendBiases(
        of assembled: inout AssembledNetwork, of network: some TrainedNetwork, _ seen: Observations,
        on calibration: any DataSet, options: ConversionOptions
    ) throws {
        let pictures = Calibrator.sample(calibration.count, options: options)
        let correction = EmpiricalBiasCorrection(
            means: seen.firstMeans,
            batches: PixelBatches(
                dataSet: calibration, indices: Array(pictures.prefix(EmpiricalBiasCorrection.pictures)), batchSize: 1),
            threads: options.threads)
        let file = try Converter.writer(of: assembled, description: ModelDescription(network))
        switch options.correctsBiasesEmpirically {
        case false?: return
        case true?: try correction.correct(&assembled, file: file)
        case nil:
            let others = pictures.dropFirst(EmpiricalBiasCorrection.pictures).prefix(BiasChoice.pictures)
            guard others.count >= BiasChoice.leastPictures else { return }
            let judge = try Judge(network, on: calibration.subset(Array(others)), threads: options.threads)
            try BiasChoice(correction: correction, judge: judge).mend(&assembled, file: file)
        }
    }

    /// By how much ranges are narrowed while nothing has 16 bits.
    private static func shares(
        _ seen: Observations, of graph: Graph, on calibration: any DataSet, options: ConversionOptions
    ) throws -> [ValueID: Float] {
        var options = options
        options.wideLayers = []
        let key = RangeClipping.Key(ranges: options.rangeMethod, hasChannelScales: options.equalizesChannels)
        return try seen.shares.value(of: key) {
            let pictures = Calibrator.sample(calibration.count, options: options).prefix(RangeClipping.pictures)
            return try RangeClipping(graph, calibration: seen.calibration(of: graph, options: options))
                .shares(on: calibration, indices: Array(pictures), threads: options.threads)
        }
    }

    /// - Parameter pictures: what layers are compared on; nil for no comparison.
    private static func finish(
        _ assembled: AssembledNetwork, _ graph: Graph, of network: some TrainedNetwork,
        comparing pictures: (any DataSet)?, options: ConversionOptions
    ) throws -> Conversion {
        let description = ModelDescription(network)
        let arrangement = Arrangement(inputIsResident: options.inputIsResident, maxArena: options.maxArena)
        let model = try Converter.finish(assembled, description: description, arrangement: arrangement)
        // Layers are compared where rows are whole and made once; what they hold is the same in any arrangement.
        let plain =
            options.maxArena == nil
            ? model : try Converter.finish(assembled, description: description, arrangement: Arrangement())
        let layers = try pictures.map {
            try LayerComparison.measure(plain, graph: graph, dataSet: $0, options: options)
        }
        let report = ConversionReport(
            architecture: network.architectureText, options: options, model: model, layers: layers ?? [])
        return Conversion(model: model, report: report)
    }

    /// A model of random weights, calibrated on its own self-test picture: for measuring memory and time without training.
    ///
    /// - Parameter arrangement: how it lies in memory; any gives the same output.
    public static func convertRandom(
        _ architecture: Architecture, seed: UInt64, arrangement: Arrangement = Arrangement()
    ) throws -> ConvertedModel {
        var graph = try architecture.makeGraph()
        GraphInitializer.initialize(&graph, seed: seed)
        let shape = architecture.inputShape
        let preprocessing = Preprocessing(
            resize: .stretch, colorOrder: shape.channels == 1 ? .grey : .rgb,
            mean: Array(repeating: 127.5, count: shape.channels),
            deviation: Array(repeating: 64, count: shape.channels))
        // Condensation has not happened: let every group keep the inputs of its own share, as a finished run would.
        graph.condenseEvenly()
        let prepared = try graph.preparedForQuantization(preprocessing)
        let executor = try FloatExecutor(graph: prepared, batchSize: 1, threads: 1)
        let pixels = selfTestPixels(seed: 1, count: shape.elementCount).map { Float($0) }
        var statistics: [ValueID: ValueStatistics] = [:]
        _ = try pixels.withUnsafeBufferPointer { buffer in
            try executor.run(buffer, count: 1) { value, floats in
                statistics[value, default: ValueStatistics(name: prepared.values[value].name)].add(floats)
            }
        }
        var ranges: [ValueID: ClosedRange<Float>] = [:]
        for value in try Converter.rangedValues(of: prepared) { ranges[value] = try statistics[value]?.range(.minMax) }
        return try Converter.convert(
            prepared, calibration: Calibration(ranges: ranges), architecture: architecture.spec,
            classNames: (0..<architecture.classes).map { "class \($0)" }, preprocessing: preprocessing,
            arrangement: arrangement)
    }
}

extension Graph {
    /// Sets the masks of learned group convolutions as if training had dropped all but a run of inputs for each group.
    mutating func condenseEvenly() {
        for node in nodes {
            guard case .learnedGroupConvolution(let convolution) = node.operation,
                var mask = parameter("mask", of: node)
            else { continue }
            let inputs = mask.shape[1]
            let kept = inputs / convolution.condensationFactor
            let rows = convolution.outputChannels / convolution.groups
            for output in 0..<convolution.outputChannels {
                let first = output / rows * kept
                for input in 0..<inputs {
                    let isKept = (0..<kept).contains((input - first % inputs + inputs) % inputs)
                    mask.values[output * inputs + input] = isKept ? 1 : 0
                }
            }
            setParameter("mask", of: node, to: mask)
        }
    }
}

extension ModelDescription {
    fileprivate init(_ network: some TrainedNetwork) {
        self.init(
            architecture: network.architectureText, classNames: network.classNames,
            preprocessing: network.preprocessing)
    }
}
