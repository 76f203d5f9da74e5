/// A trained array with its gradient and the optimizer's memory, in the layout that the kernels read.
///
/// What it does not do: know which operator it belongs to.
import CSwiftletTraining
import SwiftletGraph

/// How an array lies in memory, against PyTorch's layout in the graph.
enum ParameterLayout {
    case plain
    /// `[out, in, kh, kw]` as `[out, kh, kw, in]`: the order of im2col. `places` says where each output lies; empty where they
    /// stay in order.
    case convolution(inputs: Int, taps: Int, places: [Int] = [])
    /// `[channels, 1, kh, kw]` as `[taps, channels]`.
    case depthwise(channels: Int, taps: Int)

    /// Where element `index` of PyTorch's layout lies.
    func position(_ index: Int) -> Int {
        switch self {
        case .plain: return index
        case .convolution(let inputs, let taps, let places):
            let (output, rest) = index.quotientAndRemainder(dividingBy: inputs * taps)
            let (input, tap) = rest.quotientAndRemainder(dividingBy: taps)
            return ((places.isEmpty ? output : places[output]) * taps + tap) * inputs + input
        case .depthwise(let channels, let taps):
            let (channel, tap) = index.quotientAndRemainder(dividingBy: taps)
            return tap * channels + channel
        }
    }
}

final class Parameter {
    let name: String
    let shape: [Int]
    let count: Int
    let layout: ParameterLayout
    /// Weights decay; batch norm's scale and shift and biases do not.
    let isDecayed: Bool
    let values: UnsafeMutablePointer<Float>
    /// One partial gradient a thread; the first becomes the sum.
    private(set) var gradients: [UnsafeMutablePointer<Float>] = []
    /// Momentum, and AdamW's second moment.
    private(set) var moments: [UnsafeMutablePointer<Float>] = []

    init(name: String, tensor: Tensor, layout: ParameterLayout, isDecayed: Bool, threads: Int, isTrained: Bool) {
        self.name = name
        shape = tensor.shape
        self.layout = layout
        self.isDecayed = isDecayed
        let count = tensor.elementCount
        self.count = count
        values = allocateZeros(count)
        if isTrained {
            gradients = (0..<threads).map { _ in allocateZeros(count) }
            moments = [allocateZeros(count), allocateZeros(count)]
        }
        load(tensor.values)
    }

    deinit {
        st_free(values)
        for memory in gradients + moments { st_free(memory) }
    }

    func load(_ source: [Float]) { store(source, into: values) }

    /// The values in PyTorch's layout.
    var tensor: Tensor { Tensor(shape: shape, values: read(values)) }

    /// Momentum or second moment in PyTorch's layout.
    func moment(_ index: Int) -> Tensor { Tensor(shape: shape, values: read(moments[index])) }

    func setMoment(_ index: Int, _ source: [Float]) { store(source, into: moments[index]) }

    /// The gradient of the last backward pass in PyTorch's layout.
    var gradient: Tensor { Tensor(shape: shape, values: read(gradients[0])) }

    private func store(_ source: [Float], into target: UnsafeMutablePointer<Float>) {
        for index in 0..<count { target[layout.position(index)] = source[index] }
    }

    private func read(_ source: UnsafeMutablePointer<Float>) -> [Float] {
        (0..<count).map { source[layout.position($0)] }
    }

    func clearGradient(thread: Int) { gradients[thread].update(repeating: 0, count: count) }

    /// Adds the other threads' gradients to the first.
    func sumGradients(_ kernels: STKernels) {
        for other in gradients.dropFirst() { kernels.copy(other, Int64(count), gradients[0], 1) }
    }
}
