/// Tries ways to convert on labelled pictures and keeps the best: `convert --auto`.
///
/// One choice after the other is turned from what is best so far, and stays turned where that is better: a handful of
/// conversions instead of all combinations. What it does not do: tell luck from merit; on few pictures it finds the luckiest.
import SwiftletGraph
import SwiftletHost
import SwiftletQuantizer
import SwiftletTraining

extension ConversionPipeline {
    /// - Parameters:
    ///   - evaluation: labelled pictures, none of which should be among those of `calibration`.
    ///   - note: told of each trial before it begins.
    /// - Returns: the best, its report with its accuracy and all that was tried.
    /// - Throws: as `convert`.
    public static func convertBest(
        _ network: some TrainedNetwork, calibration: any DataSet, evaluation: any DataSet, options: ConversionOptions,
        note: (String) -> Void = { _ in }
    ) throws -> Conversion {
        let float = try Evaluation.evaluate(network, on: evaluation, threads: options.threads)
        var trials: [ConversionReport.Trial] = []
        func attempt(_ options: ConversionOptions) throws -> Conversion {
            note(options.flags)
            var conversion = try convert(network, calibration: calibration, options: options)
            let file = try ModelFile(contents: conversion.model.bytes, path: "the converted model")
            let int8 = try Evaluation.evaluate(file, on: evaluation, threads: options.threads)
            let accuracy = ConversionReport.Accuracy(float: float, int8: int8)
            conversion.report.accuracy = accuracy
            trials.append(.init(flags: options.flags, accuracy: accuracy))
            return conversion
        }

        let lowered = try Lowering.lower(network.graph.preparedForQuantization(network.preprocessing))
        let keeping = lowered.layersAtTheEnds(besides: options.wideLayers).map { names in
            { @Sendable (options: inout ConversionOptions) in
                options.wideLayers += names.filter { !options.wideLayers.contains($0) }
            }
        }
        var chosen = options
        var best = try attempt(options)
        var kept = 0
        for change in changes + keeping {
            var changed = chosen
            change(&changed)
            guard changed.flags != chosen.flags else { continue }
            let conversion = try attempt(changed)
            if conversion.report.accuracy!.isBetter(than: best.report.accuracy!) {
                (best, chosen, kept) = (conversion, changed, trials.count - 1)
            }
        }
        trials[kept].isKept = true
        best.report.trials = trials
        return best
    }

    /// In the order of what they are usually worth.
    private static let changes: [@Sendable (inout ConversionOptions) -> Void] = [
        { $0.correctsBiasesEmpirically.toggle() }, { $0.rangeMethod = .meanSquaredError }, { $0.rangeMethod = .minMax },
        { $0.equalizesChannels.toggle() }, { $0.roundsWithFeedback.toggle() },
    ]
}
