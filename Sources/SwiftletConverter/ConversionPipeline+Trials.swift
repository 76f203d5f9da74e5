/// Tries ways to convert on labelled pictures and keeps the best: `convert --auto`.
///
/// One choice after the other is turned from what is best so far, and stays turned where that is better: a handful of
/// conversions instead of all combinations. Float runs over the calibration pictures once for all of them. Choices of methods
/// come first; then layers are kept at 16 bits, those at the ends of the network and those that the explanation of what is best
/// by then names worst. What it does not do: tell luck from merit; on few pictures it finds the luckiest.
import SwiftletGraph
import SwiftletHost
import SwiftletQuantizer
import SwiftletTraining

extension ConversionPipeline {
    /// Layers, beside those at the ends, that are tried at 16 bits.
    private static let explainedLayers = 5

    /// - Parameters:
    ///   - evaluation: labelled pictures, none of which should be among those of `calibration`.
    ///   - note: told of each trial before it begins.
    /// - Returns: the best, its report with its accuracy and all that was tried.
    /// - Throws: as `convert`.
    public static func convertBest(
        _ network: some TrainedNetwork, calibration: any DataSet, evaluation: any DataSet, options: ConversionOptions,
        note: (String) -> Void = { _ in }
    ) throws -> Conversion {
        let graph = try network.graph.preparedForQuantization(network.preprocessing)
        let float = try Evaluation.evaluate(network, on: evaluation, threads: options.threads)
        let seen = try observe(graph, on: calibration, covariances: true, options: options)
        func quantize(_ options: ConversionOptions, comparesLayers: Bool) throws -> Conversion {
            try self.quantize(
                graph, of: network, seen, on: calibration, comparesLayers: comparesLayers, options: options)
        }
        var trials: [ConversionReport.Trial] = []
        func attempt(_ options: ConversionOptions) throws -> ConversionReport.Accuracy {
            note(options.flags)
            let model = try quantize(options, comparesLayers: false).model
            let file = try ModelFile(contents: model.bytes, path: "the converted model")
            let int8 = try Evaluation.evaluate(file, on: evaluation, threads: options.threads)
            let accuracy = ConversionReport.Accuracy(float: float, int8: int8)
            trials.append(.init(flags: options.flags, accuracy: accuracy))
            return accuracy
        }

        var chosen = options
        var best = try attempt(options)
        var kept = 0
        func turn(_ change: (inout ConversionOptions) -> Void) throws {
            var changed = chosen
            change(&changed)
            guard changed.flags != chosen.flags else { return }
            let accuracy = try attempt(changed)
            if accuracy.isBetter(than: best) { (best, chosen, kept) = (accuracy, changed, trials.count - 1) }
        }
        for change in changes { try turn(change) }
        let lowered = try Lowering.lower(graph)
        for names in lowered.layersAtTheEnds(besides: chosen.wideLayers) {
            try turn { options in options.wideLayers += names.filter { !options.wideLayers.contains($0) } }
        }
        var explaining = chosen
        explaining.explains = true
        for name in try quantize(explaining, comparesLayers: true).report.layersWorthKeeping(explainedLayers)
        where (try? lowered.keepingWide(chosen.wideLayers + [name])) != nil {
            try turn { $0.wideLayers.append(name) }
        }
        trials[kept].isKept = true
        var conversion = try quantize(chosen, comparesLayers: true)
        conversion.report.accuracy = best
        conversion.report.trials = trials
        return conversion
    }

    /// In the order of what they are usually worth.
    private static let changes: [@Sendable (inout ConversionOptions) -> Void] = [
        { $0.correctsBiasesEmpirically.toggle() }, { $0.rangeMethod = .meanSquaredError }, { $0.rangeMethod = .minMax },
        { $0.equalizesChannels.toggle() }, { $0.roundingMethod = .feedback }, { $0.roundingMethod = .nearest },
    ]
}
