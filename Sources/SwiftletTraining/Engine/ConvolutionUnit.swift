/// A convolution (or fully connected layer) with the batch norm, bias and activation that follow it.
///
/// Works in chunks of images that fit into the second-level cache, so that statistics and gradients read what has just been
/// written. 1x1 convolutions are matrix products on the map itself, depthwise ones and those of narrow groups have kernels of
/// their own, all others go through im2col. What it does not do: know about masks; a learned group convolution keeps its
/// weights masked.
import CSwiftletTraining
import SwiftletGraph

final class ConvolutionUnit: Unit {
    enum Method {
        case pointwise
        case depthwise
        case grouped
        case columns
    }

    let weight: Parameter
    /// Rounds the weights for each pass; nil where they are used as they are.
    private let weightQuantizer: WeightQuantizer?
    let normalization: Normalization
    let groups: Int
    let window: Window
    let method: Method
    /// What padding holds, a value an input channel; nil for zeros.
    private let padValues: [Float]?
    /// The sums before normalization: the output itself when there is none.
    private let sums: Map
    private let input: Shape
    /// One a thread.
    private let multipliers: [MatrixMultiplier]
    /// One a thread; im2col of one image and one group, or the planes of narrow groups.
    private var scratch: [UnsafeMutablePointer<Float>] = []
    /// One a thread; a chunk of a deferred source, normalized.
    private var normalized: [UnsafeMutablePointer<Float>] = []
    /// Images whose input and output fill about half of a second-level cache of 1 MiB.
    private let chunk: Int

    init(
        name: String, source: Map, output: Map, weight: Parameter, weightQuantizer: WeightQuantizer? = nil,
        normalization: Normalization, groups: Int, window: Window, padValues: [Float]? = nil, batchSize: Int,
        multipliers: [MatrixMultiplier], isTrained: Bool
    ) {
        let threads = multipliers.count
        self.weight = weight
        self.weightQuantizer = weightQuantizer
        self.multipliers = multipliers
        self.padValues = padValues
        self.normalization = normalization
        self.groups = groups
        self.window = window
        input = source.shape
        method =
            if case .depthwise = weight.layout {
                .depthwise
            } else if window.kernel == .one, window.stride == .one, window.padding == .none {
                .pointwise
            } else if padValues == nil, groups > 1, Self.suitsPlanes(window, outputs: output.shape.channels / groups) {
                .grouped
            } else {
                .columns
            }
        // Without gradients nobody asks for the sums again: they are normalized where they lie.
        let keepsSums = isTrained && output.deferred == nil && !normalization.isIdentity
        sums = keepsSums ? Map(shape: output.shape, batchSize: batchSize) : output
        chunk = max(1, 131_072 / (source.shape.elementCount + output.shape.elementCount))
        super.init(name: name, sources: [source], outputs: [output])
        if source.deferred != nil {
            let count = min(chunk, batchSize) * source.shape.elementCount
            normalized = (0..<threads).map { _ in allocateZeros(count) }
        }
        let scratchCount: Int
        switch method {
        case .pointwise, .depthwise: return
        case .grouped:
            var shape = STWindow(window, input: input, output: output.shape, images: min(chunk, batchSize))
            scratchCount = Int(st_groupedScratch(&shape, Int32(output.shape.channels)))
        case .columns: scratchCount = output.pixels * columnDepth
        }
        scratch = (0..<threads).map { _ in allocateZeros(scratchCount) }
    }

    /// Whether the kernels of narrow groups take a convolution under `window`, and gain by it: 32 outputs a group are those of
    /// the widest layers of CondenseNet; wider groups were not measured.
    private static func suitsPlanes(_ window: Window, outputs: Int) -> Bool {
        let reachDown = window.dilation.height * (window.kernel.height - 1)
        let reachRight = window.dilation.width * (window.kernel.width - 1)
        let padding = window.padding
        return outputs <= 32 && window.stride == .one
            && window.kernel.height * window.kernel.width <= Int(ST_MOST_TAPS)
            && max(padding.top, padding.bottom) <= reachDown && max(padding.left, padding.right) <= reachRight
    }

    deinit { for memory in scratch + normalized { st_free(memory) } }

    override var parameters: [Parameter] { [weight] + normalization.parameters }

    /// The weights that multiply.
    private var weightValues: UnsafeMutablePointer<Float> { weightQuantizer?.values ?? weight.values }
    private var groupInputs: Int { input.channels / groups }
    private var groupOutputs: Int { output.shape.channels / groups }
    /// The length of one output's sum.
    private var columnDepth: Int { window.kernel.height * window.kernel.width * groupInputs }

    /// Calls `body` with the share's images, a chunk at a time.
    private func forEachChunk(_ share: Share, _ body: (Range<Int>) -> Void) {
        var image = share.images.lowerBound
        while image < share.images.upperBound {
            let end = min(image + chunk, share.images.upperBound)
            body(image..<end)
            image = end
        }
    }

    // MARK: Forward

    override func forward(_ share: Share, _ mode: Mode) {
        weightQuantizer?.quantize(share)
        let usesStatistics = normalization.batchNorm != nil && mode.usesBatchStatistics
        if usesStatistics { normalization.beginStatistics(share) }
        let isApplied = !normalization.isIdentity && output.deferred == nil
        if !usesStatistics { normalization.settle(share, mode, rows: batchRows(share)) }
        forEachChunk(share) { images in
            convolve(images, share)
            if usesStatistics {
                let rows = images.count * output.pixels
                normalization.addStatistics(sums.values(from: images.lowerBound), rows: rows, share)
            } else if isApplied {
                apply(images, share)
            }
        }
        guard usesStatistics else { return }
        normalization.settle(share, mode, rows: batchRows(share))
        if isApplied { apply(share.images, share) }
    }

    private func apply(_ images: Range<Int>, _ share: Share) {
        normalization.apply(
            sums.values(from: images.lowerBound), to: output.values(from: images.lowerBound),
            rows: images.count * output.pixels, share)
    }

    /// The chunk as the convolution reads it.
    private func inputValues(_ images: Range<Int>, _ share: Share) -> UnsafeMutablePointer<Float> {
        let map = sources[0].map
        let values = map.values(from: images.lowerBound)
        guard let deferred = map.deferred else { return values }
        deferred.apply(values, to: normalized[share.thread], rows: images.count * map.pixels, share)
        return normalized[share.thread]
    }

    /// Rows (pixels) of the whole batch: shares are equal but for one image.
    private func batchRows(_ share: Share) -> Int { share.batch * output.pixels }

    private func convolve(_ images: Range<Int>, _ share: Share) {
        let x = inputValues(images, share)
        let y = sums.values(from: images.lowerBound)
        let outputs = output.shape.channels
        switch method {
        case .depthwise:
            var shape = STWindow(window, input: input, output: output.shape, images: images.count)
            kernels.depthwiseForward(&shape, x, weightValues, y)
        case .pointwise:
            for group in 0..<groups {
                multipliers[share.thread].multiply(
                    Matrix(values: x + group * groupInputs, stride: input.channels), weights(group, transposed: true),
                    into: Matrix(values: y + group * groupOutputs, stride: outputs),
                    rows: images.count * output.pixels, columns: groupOutputs, depth: groupInputs, accumulate: false)
            }
        case .grouped:
            var shape = STWindow(window, input: input, output: output.shape, images: images.count)
            kernels.groupedForward(
                &shape, Int32(groups), Int32(outputs), x, weightValues, y, scratch[share.thread])
        case .columns:
            var shape = STWindow(window, input: input, output: output.shape, images: 1)
            let columns = scratch[share.thread]
            for image in 0..<images.count {
                for group in 0..<groups {
                    kernels.imageToColumns(
                        &shape, x + image * input.elementCount, padValues, Int32(group * groupInputs),
                        Int32(groupInputs),
                        columns)
                    multipliers[share.thread].multiply(
                        Matrix(values: columns, stride: columnDepth), weights(group, transposed: true),
                        into: Matrix(
                            values: y + image * output.shape.elementCount + group * groupOutputs, stride: outputs),
                        rows: output.pixels, columns: groupOutputs, depth: columnDepth, accumulate: false)
                }
            }
        }
    }

    private func weights(_ group: Int, transposed: Bool = false) -> Matrix {
        Matrix(
            values: weightValues + group * groupOutputs * columnDepth, stride: columnDepth, isTransposed: transposed)
    }

    // MARK: Backward

    override func backward(_ share: Share, _ mode: Mode) {
        guard let dz = output.gradient else { return }
        let first = share.images.lowerBound
        let pixels = output.pixels
        if !normalization.isIdentity {
            if output.deferred == nil {
                normalization.beginReduction(share)
                normalization.addReduction(
                    dz + first * output.shape.elementCount, y: sums.values(from: first),
                    rows: share.images.count * pixels, share)
            }
            normalization.settleGradients(rows: batchRows(share), share, mode)
        }
        let source = sources[0].map
        source.deferred?.beginReduction(share)
        forEachChunk(share) { images in
            let dy = dz + images.lowerBound * output.shape.elementCount
            if !normalization.isIdentity {
                normalization.backward(
                    dy, y: sums.values(from: images.lowerBound), to: dy, rows: images.count * pixels,
                    accumulate: false, share)
            }
            backward(images, dy, share)
            if let deferred = source.deferred, let dx = source.gradient(from: images.lowerBound) {
                deferred.addReduction(
                    dx, y: source.values(from: images.lowerBound), rows: images.count * source.pixels, share)
            }
        }
    }

    private func backward(_ images: Range<Int>, _ dy: UnsafeMutablePointer<Float>, _ share: Share) {
        let source = sources[0]
        let x = inputValues(images, share)
        let dx = source.map.gradient(from: images.lowerBound)
        let dw = weight.gradients[share.thread]
        let outputs = output.shape.channels
        switch method {
        case .depthwise:
            var shape = STWindow(window, input: input, output: output.shape, images: images.count)
            kernels.depthwiseBackwardWeight(&shape, x, dy, dw)
            if let dx { kernels.depthwiseBackwardInput(&shape, dy, weightValues, dx, source.accumulates ? 1 : 0) }
        case .pointwise:
            let rows = images.count * output.pixels
            for group in 0..<groups {
                let slice = Matrix(values: dy + group * groupOutputs, stride: outputs)
                var transposed = slice
                transposed.isTransposed = true
                multipliers[share.thread].multiply(
                    transposed, Matrix(values: x + group * groupInputs, stride: input.channels),
                    into: Matrix(values: dw + group * groupOutputs * groupInputs, stride: groupInputs),
                    rows: groupOutputs, columns: groupInputs, depth: rows, accumulate: true)
                guard let dx else { continue }
                multipliers[share.thread].multiply(
                    slice, weights(group), into: Matrix(values: dx + group * groupInputs, stride: input.channels),
                    rows: rows, columns: groupInputs, depth: groupOutputs, accumulate: source.accumulates)
            }
        case .grouped:
            var shape = STWindow(window, input: input, output: output.shape, images: images.count)
            let scratch = scratch[share.thread]
            kernels.groupedBackwardWeight(&shape, Int32(groups), Int32(outputs), x, dy, dw, scratch)
            guard let dx else { break }
            kernels.groupedBackwardInput(
                &shape, Int32(groups), Int32(outputs), dy, weightValues, dx, source.accumulates ? 1 : 0, scratch)
        case .columns:
            backwardColumns(images, x, dy, dw, share)
        }
    }

    private func backwardColumns(
        _ images: Range<Int>, _ x: UnsafeMutablePointer<Float>, _ dy: UnsafeMutablePointer<Float>,
        _ dw: UnsafeMutablePointer<Float>, _ share: Share
    ) {
        let source = sources[0]
        let dx = source.map.gradient(from: images.lowerBound)
        let outputs = output.shape.channels
        var shape = STWindow(window, input: input, output: output.shape, images: 1)
        let columns = scratch[share.thread]
        if let dx, !source.accumulates { dx.update(repeating: 0, count: images.count * input.elementCount) }
        for image in 0..<images.count {
            for group in 0..<groups {
                let slice = Matrix(
                    values: dy + image * output.shape.elementCount + group * groupOutputs, stride: outputs)
                var transposed = slice
                transposed.isTransposed = true
                let (first, count) = (Int32(group * groupInputs), Int32(groupInputs))
                kernels.imageToColumns(&shape, x + image * input.elementCount, padValues, first, count, columns)
                multipliers[share.thread].multiply(
                    transposed, Matrix(values: columns, stride: columnDepth),
                    into: Matrix(values: dw + group * groupOutputs * columnDepth, stride: columnDepth),
                    rows: groupOutputs, columns: columnDepth, depth: output.pixels, accumulate: true)
                guard let dx else { continue }
                multipliers[share.thread].multiply(
                    slice, weights(group), into: Matrix(values: columns, stride: columnDepth), rows: output.pixels,
                    columns: columnDepth, depth: groupOutputs, accumulate: false)
                kernels.columnsToImage(&shape, columns, first, count, dx + image * input.elementCount)
            }
        }
    }
}
