/// How `swiftlet convert` is asked to quantize, and the pictures that it calibrates on.
///
/// What it does not do: look at them.
import SwiftletConverter
import SwiftletQuantizer
import SwiftletTraining

extension ConvertCommand {
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
            let standard = Self.standardRanges
            guard !unclipped, !sharedScales, !uncentred, weights == .perChannel, !absorbBiases,
                rounding == ConversionOptions().roundingMethod, empiricalBiases == nil, keep.isEmpty, !auto,
                ranges == standard
            else {
                throw CommandFailure(
                    "\(files[0]) has learned its ranges in training: leave out --ranges, --unclipped, --shared-scales, --uncentred, --weights, --absorb-biases, --rounding, "
                        + "--empirical-biases, --keep and --auto")
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
