/// Tries ways to convert on labelled pictures and keeps the best: `convert --auto`.
///
/// One choice after the other is turned from what is best so far, and stays turned where that is better: a handful of
/// conversions instead of all combinations. Choices of methods come first; then layers are kept at 16 bits, those at the ends of the
/// network and those that the explanation of what is best by then names worst. What is better says
/// `ConversionReport.Accuracy.isBetter`.
///
/// Float runs once for all trials, over the calibration pictures and over the labelled ones; ranges are narrowed and weights rounded anew
/// only where what they follow from has changed (`Memo`); and a trial whose scores are worse on a few pictures is not run on
/// all. What it does not do: try combinations of choices that are of no use alone.
import SwiftletGraph
import SwiftletHost
import SwiftletQuantizer
import SwiftletTraining

/// A trial that is about to begin.
public struct TrialNote: Sendable {
    /// 1 for the first.
    public var number: Int
    /// How many there will be at most.
    public var limit: Int
    /// As flags of `convert`.
    public var flags: String
}

extension ConversionPipeline {
    /// Layers, beside those at the ends, that are tried at 16 bits.
    private static let explainedLayers = 5
    /// Pictures that a trial is run on first, and by how many decibels its scores may be worse on those than the best one's.
    private static let glancePictures = 48
    private static let glanceLoss = 0.5

    /// - Parameters:
    ///   - evaluation: labelled pictures, none of which should be among those of `calibration`.
    ///   - note: told of each trial before it begins.
    /// - Returns: the best, its report with its accuracy and all that was tried.
    /// - Throws: as `convert`.
    public static func convertBest(
        _ network: some TrainedNetwork, calibration: any DataSet, evaluation: any DataSet, options: ConversionOptions,
        note: (TrialNote) -> Void = { _ in }
    ) throws -> Conversion {
        let graph = try shifting(
            network.graph.preparedForQuantization(network.preprocessing), on: calibration, options: options)
        let all = try Judge(network, on: evaluation, threads: options.threads)
        let few = all.glance(glancePictures, seed: options.seed)
        let seen = try observe(graph, on: calibration, covariances: true, options: options)
        let lowered = try Lowering.lower(graph)
        func quantize(_ options: ConversionOptions, comparesLayers: Bool) throws -> Conversion {
            try self.quantize(
                graph, of: network, seen, on: calibration, comparesLayers: comparesLayers, options: options)
        }
        let ends = lowered.layersAtTheEnds(besides: options.wideLayers).count
        let limit = 1 + changes.count + ends + explainedLayers
        var trials: [ConversionReport.Trial] = []
        var chosen = options
        var best: (few: ConversionReport.Accuracy, all: ConversionReport.Accuracy)?
        var kept = 0
        func attempt(_ options: ConversionOptions) throws {
            guard !trials.contains(where: { $0.flags == options.flags }) else { return }
            note(TrialNote(number: trials.count + 1, limit: limit, flags: options.flags))
            let model = try quantize(options, comparesLayers: false).model.bytes
            let glance = try few.accuracy(model)
            if let best, glance.sqnr < best.few.sqnr - glanceLoss {
                return trials.append(.init(flags: options.flags, accuracy: glance))
            }
            let accuracy = try all.accuracy(model)
            trials.append(.init(flags: options.flags, accuracy: accuracy))
            if best.map({ accuracy.isBetter(than: $0.all) }) ?? true {
                (best, chosen, kept) = ((glance, accuracy), options, trials.count - 1)
            }
        }
        func turn(_ change: (inout ConversionOptions) -> Void) throws {
            var changed = chosen
            change(&changed)
            try attempt(changed)
        }

        try attempt(options)
        for change in changes { try turn(change) }
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
        conversion.report.accuracy = best?.all
        conversion.report.trials = trials
        return conversion
    }

    /// In the order of what they are usually worth.
    private static let changes: [@Sendable (inout ConversionOptions) -> Void] = [
        { $0.correctsBiasesEmpirically = true }, { $0.correctsBiasesEmpirically = false },
        { $0.rangeMethod = .meanSquaredError }, { $0.rangeMethod = .minMax },
        { $0.clipsOutliers.toggle() }, { $0.equalizesChannels.toggle() }, { $0.roundingMethod = .feedback },
        { $0.roundingMethod = .nearest },
    ]
}
