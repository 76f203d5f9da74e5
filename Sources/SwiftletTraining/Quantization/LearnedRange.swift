/// The range that an int8 value covers, learned beside the weights.
///
/// `y = step * clamp(round(x / step))` on the grid that `AffineQuantization` makes of `low...high`, so 0 is exact. Rounding
/// passes gradients straight through (Bengio et al. 2013, arXiv:1308.3432). The ends of the range feel
///
///     dy/dhigh = 1 above the range, (round(x / step) - x / step) / 255 inside, 0 below
///     dy/dlow  = 1 below the range, -(round(x / step) - x / step) / 255 inside, 0 above
///
/// which is the learned step size of Esser et al. 2020 (LSQ, arXiv:1902.08153, equation 3) inside, with an offset as in Bhalgat
/// et al. 2020 (LSQ+, arXiv:2004.09576, equations 3 and 4), written for the ends `high = low + 255 step` instead. The ends move by
/// Adam, in shares of the range's width: gradients of ranges differ by orders of magnitude, and steps relative to the
/// range make them alike (Jain et al. 2020, TQT, arXiv:1903.08066, sections 3.3 and 4.2).
/// What it does not do: know which values it covers.
import CSwiftletTraining
import Foundation
import SwiftletGraph

final class LearnedRange {
    /// The operators whose outputs it covers.
    let operations: [String]
    private(set) var low: Float
    private(set) var high: Float
    /// What no negative number reaches keeps its lower end at 0.
    private let isNonnegative: Bool
    /// First and second moments of Adam: low, high, low, high.
    private var moments: [Float] = [0, 0, 0, 0]
    /// One a thread: gradients that came from below, from above, and the weighted roundings inside.
    private let sums: [UnsafeMutablePointer<Double>]

    init(_ range: QuantizationScheme.Range, threads: Int) {
        operations = range.operations
        low = range.bounds.lowerBound
        high = range.bounds.upperBound
        isNonnegative = low >= 0
        sums = (0..<threads).map { _ in
            let memory = UnsafeMutablePointer<Double>.allocate(capacity: 3)
            memory.initialize(repeating: 0, count: 3)
            return memory
        }
    }

    deinit { for memory in sums { memory.deallocate() } }

    /// As a checkpoint keeps them.
    var momentTensor: Tensor {
        get { Tensor(shape: [4], values: moments) }
        set { moments = newValue.values }
    }

    var bounds: ClosedRange<Float> { low...max(low, high) }

    var quantization: AffineQuantization { AffineQuantization(bounds) }

    /// The grid, counted from 0.
    var steps: STSteps {
        let quantization = quantization
        let zero = Float(quantization.zeroPoint)
        return STSteps(step: quantization.scale, low: -128 - zero, high: 127 - zero)
    }

    func clearGradient(thread: Int) { sums[thread].update(repeating: 0, count: 3) }

    /// Where a thread adds what the backward kernel finds.
    func sums(thread: Int) -> UnsafeMutablePointer<Double> { sums[thread] }

    /// Of all threads, by low and high.
    var gradient: (low: Double, high: Double) {
        var total = (below: 0.0, above: 0.0, inside: 0.0)
        for memory in sums {
            total.below += memory[0]
            total.above += memory[1]
            total.inside += memory[2]
        }
        return (total.below - total.inside / 255, total.above + total.inside / 255)
    }

    /// One step of Adam (Kingma and Ba 2015), by at most about `rate` of the width. A range never loses its 0.
    ///
    /// - Parameter step: from 1.
    func update(rate: Float, step: UInt64) {
        let gradient = gradient
        let width = Double(high - low)
        func move(_ end: Int, _ gradient: Double) -> Float {
            moments[end] = Float(0.9 * Double(moments[end]) + 0.1 * gradient)
            moments[end + 2] = Float(0.999 * Double(moments[end + 2]) + 0.001 * gradient * gradient)
            let mean = Double(moments[end]) / (1 - pow(0.9, Double(step)))
            let square = Double(moments[end + 2]) / (1 - pow(0.999, Double(step)))
            return Float(Double(rate) * width * mean / (square.squareRoot() + 1e-12))
        }
        let (lower, upper) = (move(0, gradient.low), move(1, gradient.high))
        if !isNonnegative { low = min(low - lower, 0) }
        high = max(high - upper, 0)
    }
}
