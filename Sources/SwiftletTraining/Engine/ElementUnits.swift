/// Units without weights: activations, sums, pools, dropout.
import CSwiftletTraining
import SwiftletGraph

/// An activation that could not be fused into the unit before it.
final class ActivationUnit: Unit {
    private let activation: STActivation

    init(name: String, source: Map, output: Map, activation: Activation) {
        self.activation = STActivation(activation)
        super.init(name: name, sources: [source], outputs: [output])
    }

    override func forward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        let count = Int64(share.images.count * output.shape.elementCount)
        kernels.activate(sources[0].map.values(from: first), count, activation, output.values(from: first))
    }

    override func backward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        guard let dy = output.gradient(from: first), let dx = sources[0].map.gradient(from: first) else { return }
        kernels.activateBackward(
            dy, sources[0].map.values(from: first), Int64(share.images.count * output.shape.elementCount), activation,
            dx, sources[0].accumulates ? 1 : 0)
    }
}

final class AddUnit: Unit {
    override func forward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        kernels.add(
            sources[0].map.values(from: first), sources[1].map.values(from: first),
            Int64(share.images.count * output.shape.elementCount), output.values(from: first))
    }

    override func backward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        guard let dy = output.gradient(from: first) else { return }
        for source in sources {
            guard let dx = source.map.gradient(from: first) else { continue }
            kernels.copy(
                dy, Int64(share.images.count * output.shape.elementCount), dx, source.accumulates ? 1 : 0)
        }
    }
}

final class PoolUnit: Unit {
    private let kind: PoolKind
    private let window: Window
    /// The pixel (counted through the share) that each maximum came from.
    private let winners: UnsafeMutablePointer<Int32>?

    init(name: String, source: Map, output: Map, kind: PoolKind, window: Window, batchSize: Int) {
        self.kind = kind
        self.window = window
        winners = kind == .max ? .allocate(capacity: batchSize * output.shape.elementCount) : nil
        super.init(name: name, sources: [source], outputs: [output])
    }

    deinit { winners?.deallocate() }

    private func shape(_ share: Share) -> STWindow {
        STWindow(window, input: sources[0].map.shape, output: output.shape, images: share.images.count)
    }

    override func forward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        var shape = shape(share)
        let x = sources[0].map.values(from: first)
        if let winners {
            kernels.maxPoolForward(
                &shape, x, output.values(from: first), winners + first * output.shape.elementCount)
        } else {
            kernels.averagePoolForward(&shape, x, output.values(from: first))
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        guard let dy = output.gradient(from: first), let dx = sources[0].map.gradient(from: first) else { return }
        var shape = shape(share)
        if !sources[0].accumulates {
            dx.update(repeating: 0, count: share.images.count * sources[0].map.shape.elementCount)
        }
        if let winners {
            kernels.maxPoolBackward(&shape, dy, winners + first * output.shape.elementCount, dx)
        } else {
            kernels.averagePoolBackward(&shape, dy, dx)
        }
    }
}

/// Zeroes a fraction `rate` of the elements and scales the others by `1 / (1 - rate)` (Srivastava et al. 2014). Which ones
/// depends on the seed, the step and the element alone, not on threads.
final class DropoutUnit: Unit {
    private let rate: Float
    private let seed: UInt64

    init(name: String, source: Map, output: Map, rate: Float, seed: UInt64) {
        self.rate = rate
        self.seed = seed
        super.init(name: name, sources: [source], outputs: [output])
    }

    /// The factor of element `index` of the batch at this step.
    private func factor(_ index: Int, _ mode: Mode) -> Float {
        var generator = SeededGenerator(seed: seed ^ mode.step &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(index) << 20)
        let uniform = Float(generator.next() >> 40) / 16_777_216
        return uniform < rate ? 0 : 1 / (1 - rate)
    }

    private func elements(_ share: Share) -> Range<Int> {
        let size = output.shape.elementCount
        return share.images.lowerBound * size..<share.images.upperBound * size
    }

    override func forward(_ share: Share, _ mode: Mode) {
        let x = sources[0].map.values
        for index in elements(share) {
            output.values[index] = mode.isTraining ? x[index] * factor(index, mode) : x[index]
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        guard let dy = output.gradient, let dx = sources[0].map.gradient else { return }
        for index in elements(share) {
            let value = dy[index] * (mode.isTraining ? factor(index, mode) : 1)
            dx[index] = sources[0].accumulates ? dx[index] + value : value
        }
    }
}
