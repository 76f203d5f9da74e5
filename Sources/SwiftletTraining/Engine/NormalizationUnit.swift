/// A batch norm that follows no convolution (pre-activation networks), with the activation behind it.
///
/// What it does not do: the arithmetic; `Normalization` does.
final class NormalizationUnit: Unit {
    let normalization: Normalization

    init(name: String, source: Map, output: Map, normalization: Normalization) {
        self.normalization = normalization
        super.init(name: name, sources: [source], outputs: [output])
    }

    override var parameters: [Parameter] { normalization.parameters }

    override func forward(_ share: Share, _ mode: Mode) {
        let rows = share.images.count * output.pixels
        let y = sources[0].map.values(from: share.images.lowerBound)
        if mode.usesBatchStatistics && normalization.batchNorm != nil {
            normalization.beginStatistics(share)
            normalization.addStatistics(y, rows: rows, share)
        }
        normalization.settle(share, mode, rows: share.batch * output.pixels)
        if output.deferred == nil {
            normalization.apply(y, to: output.values(from: share.images.lowerBound), rows: rows, share)
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        let rows = share.images.count * output.pixels
        guard let dz = output.gradient(from: first) else { return }
        let y = sources[0].map.values(from: first)
        if output.deferred == nil {
            normalization.beginReduction(share)
            normalization.addReduction(dz, y: y, rows: rows, share)
        }
        normalization.settleGradients(rows: share.batch * output.pixels, share, mode)
        guard let dy = sources[0].map.gradient(from: first) else { return }
        normalization.backward(dz, y: y, to: dy, rows: rows, accumulate: sources[0].accumulates, share)
    }
}
