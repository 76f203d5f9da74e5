/// All float passes in the order that they need.
///
/// What it does not do: quantize.
import SwiftletGraph

extension Graph {
    /// A trained network made ready for calibration and lowering: raw pixels in, no dropout, no batch norms, no linear
    /// layers, no learned groups; for every picture the same output up to rounding.
    ///
    /// - Throws: `GraphError` for parameters that are missing or not finite, `PassError`.
    public func preparedForQuantization(_ preprocessing: Preprocessing) throws -> Graph {
        try checkParameters()
        let prepared = try removingDropout().condensed().sinkingShuffles().foldingBatchNorms().replacingLinears()
            .hoistingActivations().foldingNormalization(preprocessing)
        // Products of large finite numbers may overflow.
        try prepared.checkParameters()
        return prepared
    }
}
