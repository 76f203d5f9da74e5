/// How `swiftlet convert` is asked to quantize, and the pictures that it calibrates on.
///
/// What it does not do: look at them.
import SwiftletConverter
import SwiftletQuantizer
import SwiftletTraining

extension ConvertCommand {
    typealias OptionUse = (name: String, isGiven: Bool)

    /// How ranges are chosen and numbers rounded: nothing that a network that is quantized in training leaves open.
    private var quantizationOptions: [OptionUse] {
        let standard = ConversionOptions()
        return [
            ("--ranges", ranges != Self.standardRanges), ("--unclipped", unclipped), ("--shared-scales", sharedScales),
            ("--uncentred", uncentred), ("--weights", weights != standard.weightScales),
            ("--absorb-biases", absorbBiases), ("--rounding", rounding != standard.roundingMethod),
            ("--empirical-biases", empiricalBiases == true), ("--no-empirical-biases", empiricalBiases == false),
            ("--keep", !keep.isEmpty), ("--auto", auto),
        ]
    }

    /// What needs a float network that knows something.
    var floatOptions: [OptionUse] {
        let pictures: [OptionUse] = [
            ("--calibration", calibration != nil),
            ("--calibration-count", calibrationCount != ConversionOptions().calibrationCount),
            ("--evaluation", evaluation != nil), ("--report", report != nil), ("--explain", explain),
        ]
        return pictures + quantizationOptions
    }

    /// "--keep", "--keep and --auto": the names of those that are given; nil where none is.
    static func given(of options: [OptionUse]) -> String? {
        let names = options.filter(\.isGiven).map(\.name)
        guard let last = names.last else { return nil }
        return names.count == 1 ? last : "\(names.dropLast().joined(separator: ", ")) and \(last)"
    }

    /// - Parameter pictures: how many there are to calibrate on; nil for none.
    func options(pictures: Int?) -> ConversionOptions {
        var options = ConversionOptions()
        options.rangeMethod = RangeMethod(ranges) ?? options.rangeMethod
        options.clipsOutliers = !unclipped
        options.equalizesChannels = !sharedScales
        options.centresChannels = !uncentred
        options.weightScales = weights
        options.absorbsHighBiases = absorbBiases
        options.roundingMethod = rounding
        options.correctsBiasesEmpirically = empiricalBiases
        options.explains = explain
        options.wideLayers = keep.map { String($0.dropLast("=int16".count)) }
        options.calibrationCount = min(calibrationCount, pictures ?? calibrationCount)
        options.threads = threads ?? Console.cores
        options.inputIsResident = residentInput
        options.maxArena = maxArena
        return options
    }

    /// A network that has learned its ranges does without, where there are none.
    func calibrationPictures(of network: some TrainedNetwork) throws -> (any DataSet)? {
        if network.learnedRanges != nil {
            if let given = Self.given(of: quantizationOptions) {
                throw CommandFailure("\(files[0]) has learned its ranges in training: leave out \(given)")
            }
            guard let source = calibration else {
                return network.trainingData.flatMap {
                    try? DataSets.open($0, split: .training, format: network.inputFormat)
                }
            }
            return try DataSets.open(source, split: .training, format: network.inputFormat)
        }
        guard let source = calibration ?? network.trainingData else {
            throw CommandFailure("\(files[0]) does not say what it was trained on; give --calibration KIND:PATH")
        }
        do {
            return try DataSets.open(source, split: .training, format: network.inputFormat)
        } catch  where calibration == nil {
            throw CommandFailure("\(error); calibration needs pictures, give --calibration KIND:PATH")
        }
    }
}
