/// The weights of a convolution as int8 will hold them: 127 steps to the largest of each output channel, halves away from zero.
///
/// A batch norm behind the convolution multiplies each output channel by a number, `fold(w) = g w`, and so does the step
/// that the channel's largest weight decides: `round(g w) = g round(w)`. Rounding the weights as they are and leaving the batch norm
/// behind is therefore the same as folding first and rounding then, which is what Jacob et al. 2018 (arXiv:1712.05877, section
/// 3.2) and Krishnamoorthi 2018 (arXiv:1806.08342, section 3.2.2) simulate at the cost of a second convolution: the
/// statistics here are those of the rounded weights anyway. That needs scales of single output channels, which is what the
/// converter has. Gradients pass straight through; no weight is clamped.
///
/// What it does not do: biases, which int32 holds to within nothing that matters.
import CSwiftletTraining
import SwiftletGraph

final class WeightQuantizer {
    enum Steps {
        case learned(LearnedRange)
        case fixed(Float)
    }

    /// In the layout of the parameter.
    let values: UnsafeMutablePointer<Float>
    private let weight: Parameter
    /// One an input channel.
    private let inputs: [Steps]
    private let groups: Int

    init(weight: Parameter, inputs: [Steps], groups: Int) {
        self.weight = weight
        self.inputs = inputs
        self.groups = groups
        values = allocateZeros(weight.count)
    }

    deinit { st_free(values) }

    /// Rounds a thread's share of the output channels, and waits for the others.
    func quantize(_ share: Share) {
        let outputs = weight.shape[0]
        let scales = inputs.map { steps in
            switch steps {
            case .learned(let range): Double(range.quantization.scale)
            case .fixed(let scale): Double(scale)
            }
        }
        // The int8 convolution brings inputs of several scales to the largest, and the weights that meet them.
        let largest = scales.max() ?? 1
        let relative = scales.map { $0 / largest }
        for output in outputs * share.thread / share.threads..<outputs * (share.thread + 1) / share.threads {
            quantize(output, relative)
        }
        share.wait()
    }

    private func quantize(_ output: Int, _ relative: [Double]) {
        let (first, stride, groupInputs, count) = place(output)
        let input = output / (weight.shape[0] / groups) * groupInputs
        var most: Float = 0
        for index in 0..<count {
            most = max(
                most, abs(Float(Double(weight.values[first + index * stride]) * relative[input + index % groupInputs])))
        }
        let scale = most > 0 ? Double(most) / 127 : 1
        for index in 0..<count {
            let factor = relative[input + index % groupInputs]
            let real = Double(Float(Double(weight.values[first + index * stride]) * factor))
            let steps = (real / scale).rounded(.toNearestOrAwayFromZero)
            values[first + index * stride] = Float(max(-127, min(127, steps)) * scale / factor)
        }
    }

    /// Where the weights of an output channel lie: the first, from one to the next, inputs of its group, how many.
    private func place(_ output: Int) -> (first: Int, stride: Int, groupInputs: Int, count: Int) {
        switch weight.layout {
        case .depthwise(let channels, let taps): (output, channels, 1, taps)
        case .convolution(let inputs, let taps, _): (output * inputs * taps, 1, inputs, inputs * taps)
        case .plain: preconditionFailure("\(weight.name) is no weight of a convolution")
        }
    }
}
