/// What follows a convolution's sums: batch norm or bias, and the activation, in one pass over the map.
///
/// `z = act(y * scale + shift)` per channel. With batch norm `scale = gamma / sqrt(var + epsilon)` and
/// `shift = beta - mean * scale` (Ioffe and Szegedy 2015); without, `scale` is 1 and `shift` is the bias or 0.
/// What it does not do: own the maps.
import CSwiftletTraining
import SwiftletGraph

final class Normalization {
    struct BatchNormParameters {
        var configuration: BatchNorm
        var gamma: Parameter
        var beta: Parameter
        var mean: Parameter
        var variance: Parameter
    }

    let channels: Int
    let batchNorm: BatchNormParameters?
    let bias: Parameter?
    let activation: STActivation
    private let kernels = st_kernels().pointee
    /// Per thread: sums and squares forward, sums and products backward.
    private let sums: [UnsafeMutablePointer<Double>]
    private let squares: [UnsafeMutablePointer<Double>]
    private let scale: [UnsafeMutablePointer<Float>]
    private let shift: [UnsafeMutablePointer<Float>]
    /// Coefficients of the backward pass, three per channel.
    private let coefficients: [UnsafeMutablePointer<Float>]
    private var mean: [Double]
    private var inverseDeviation: [Double]

    init(channels: Int, batchNorm: BatchNormParameters?, bias: Parameter?, activation: Activation?, threads: Int) {
        self.channels = channels
        self.batchNorm = batchNorm
        self.bias = bias
        self.activation = STActivation(activation)
        func buffers<T: Numeric>(_ count: Int) -> [UnsafeMutablePointer<T>] {
            (0..<threads).map { _ in
                let memory = UnsafeMutablePointer<T>.allocate(capacity: count)
                memory.initialize(repeating: 0, count: count)
                return memory
            }
        }
        sums = buffers(channels)
        squares = buffers(channels)
        scale = buffers(channels)
        shift = buffers(channels)
        coefficients = buffers(channels * 3)
        mean = Array(repeating: 0, count: channels)
        inverseDeviation = Array(repeating: 0, count: channels)
    }

    deinit {
        for memory in sums + squares { memory.deallocate() }
        for memory in scale + shift + coefficients { memory.deallocate() }
    }

    var parameters: [Parameter] {
        if let batchNorm { return [batchNorm.gamma, batchNorm.beta] }
        return bias.map { [$0] } ?? []
    }

    /// Whether the map stays as it is.
    var isIdentity: Bool { batchNorm == nil && bias == nil && activation.kind == 0 }

    // MARK: Forward

    /// Begins a batch's statistics.
    func beginStatistics(_ share: Share) {
        sums[share.thread].update(repeating: 0, count: channels)
        squares[share.thread].update(repeating: 0, count: channels)
    }

    /// Adds rows of `channels` values while they are in the cache.
    func addStatistics(_ values: UnsafePointer<Float>, rows: Int, _ share: Share) {
        kernels.channelSums(values, Int64(rows), Int32(channels), sums[share.thread], squares[share.thread])
    }

    /// Settles scale and shift. With batch statistics every thread waits here for the others' sums, then all of them do
    /// the same arithmetic in the same order.
    func settle(_ share: Share, _ mode: Mode, rows: Int) {
        let scale = scale[share.thread]
        let shift = shift[share.thread]
        guard let batchNorm else {
            for channel in 0..<channels {
                scale[channel] = 1
                shift[channel] = bias?.values[channel] ?? 0
            }
            return
        }
        let epsilon = Double(batchNorm.configuration.epsilon)
        if mode.usesBatchStatistics { share.wait() }
        for channel in 0..<channels {
            var mean = Double(batchNorm.mean.values[channel])
            var variance = Double(batchNorm.variance.values[channel])
            if mode.usesBatchStatistics {
                var sum = 0.0
                var square = 0.0
                for thread in 0..<share.threads {
                    sum += sums[thread][channel]
                    square += squares[thread][channel]
                }
                mean = sum / Double(rows)
                variance = max(square / Double(rows) - mean * mean, 0)
            }
            let inverse = 1 / (variance + epsilon).squareRoot()
            let factor = Double(batchNorm.gamma.values[channel]) * inverse
            scale[channel] = Float(factor)
            shift[channel] = Float(Double(batchNorm.beta.values[channel]) - mean * factor)
            if mode.isTraining && share.thread == 0 {
                self.mean[channel] = mean
                inverseDeviation[channel] = inverse
            }
        }
        guard mode.usesBatchStatistics else { return }
        // Nobody may overwrite the running statistics or the sums while another still reads them.
        share.wait()
        if share.thread == 0 { updateRunningStatistics(batchNorm, rows: rows) }
    }

    private func updateRunningStatistics(_ batchNorm: BatchNormParameters, rows: Int) {
        let momentum = Double(batchNorm.configuration.momentum)
        // PyTorch keeps the unbiased variance.
        let correction = rows > 1 ? Double(rows) / Double(rows - 1) : 1
        for channel in 0..<channels {
            let inverse = inverseDeviation[channel]
            let variance = (1 / (inverse * inverse) - Double(batchNorm.configuration.epsilon)) * correction
            let running = batchNorm.mean.values
            running[channel] = Float(Double(running[channel]) * (1 - momentum) + mean[channel] * momentum)
            let spread = batchNorm.variance.values
            spread[channel] = Float(Double(spread[channel]) * (1 - momentum) + max(variance, 0) * momentum)
        }
    }

    func apply(_ y: UnsafePointer<Float>, to z: UnsafeMutablePointer<Float>, rows: Int, _ share: Share) {
        kernels.normalize(
            y, Int64(rows), Int32(channels), scale[share.thread], shift[share.thread], activation, z)
    }

    // MARK: Backward

    /// Begins the sums that the gradients need.
    func beginReduction(_ share: Share) { beginStatistics(share) }

    /// Adds rows of the share to those sums.
    func addReduction(_ dz: UnsafePointer<Float>, y: UnsafePointer<Float>, rows: Int, _ share: Share) {
        guard batchNorm != nil || bias != nil else { return }
        let thread = share.thread
        kernels.normalizeReduce(
            dz, y, Int64(rows), Int32(channels), scale[thread], shift[thread], activation, sums[thread],
            squares[thread])
    }

    /// Waits for the others' sums and settles the coefficients of `dy = a * dz * act' + b * y + c`. Adds the gradients of
    /// batch norm's parameters or of the bias.
    ///
    /// - Parameter rows: pixels of the whole batch.
    func settleGradients(rows: Int, _ share: Share, _ mode: Mode) {
        let thread = share.thread
        let a = coefficients[thread]
        let b = a + channels
        let c = b + channels
        for channel in 0..<channels {
            a[channel] = 1
            b[channel] = 0
            c[channel] = 0
        }
        guard batchNorm != nil || bias != nil else { return }
        guard let batchNorm else {
            for channel in 0..<channels { bias!.gradients[thread][channel] += Float(sums[thread][channel]) }
            return
        }
        share.wait()
        for channel in 0..<channels {
            var sum = 0.0
            var product = 0.0
            for other in 0..<share.threads {
                sum += sums[other][channel]
                product += squares[other][channel]
            }
            let inverse = inverseDeviation[channel]
            let gammaGradient = inverse * (product - mean[channel] * sum)
            let factor = Double(batchNorm.gamma.values[channel]) * inverse
            let count = Double(rows)
            a[channel] = Float(factor)
            // Statistics that stay do not answer to the batch.
            if mode.usesBatchStatistics {
                b[channel] = Float(-factor * gammaGradient * inverse / count)
                c[channel] = Float(factor * (mean[channel] * inverse * gammaGradient - sum) / count)
            }
            if thread == 0 {
                batchNorm.gamma.gradients[0][channel] += Float(gammaGradient)
                batchNorm.beta.gradients[0][channel] += Float(sum)
            }
        }
        // The sums are used again by the next pass of another unit only after everyone has read them.
        share.wait()
    }

    /// The gradient before the normalization, of `rows` rows; may be in place.
    func backward(
        _ dz: UnsafePointer<Float>, y: UnsafePointer<Float>, to dy: UnsafeMutablePointer<Float>, rows: Int,
        accumulate: Bool, _ share: Share
    ) {
        let a = coefficients[share.thread]
        kernels.normalizeBackward(
            dz, y, Int64(rows), Int32(channels), scale[share.thread], shift[share.thread], activation, a,
            a + channels, a + 2 * channels, dy, accumulate ? 1 : 0)
    }
}
