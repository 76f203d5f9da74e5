/// One step of a network's forward and backward pass.
///
/// A unit reads and writes maps of the whole batch; each thread touches only its share of the images, and waits for the
/// others only where the batch's statistics are needed. What it does not do: choose buffers; `Engine` does.
import CSwiftletTraining
import SwiftletGraph

/// Aligned memory, given back with `st_free`. Without memory the process ends, as with Swift's own allocations.
func allocateZeros(_ count: Int) -> UnsafeMutablePointer<Float> {
    guard let memory = st_allocate(Int64(count)) else {
        preconditionFailure("no memory for \(count) floats; use a smaller batch")
    }
    return memory
}

/// A feature map of the whole batch, NHWC, and its gradient.
final class Map {
    let shape: Shape
    let values: UnsafeMutablePointer<Float>
    /// Nil in inference, and for the picture itself.
    var gradient: UnsafeMutablePointer<Float>?
    /// What the only reader has yet to apply to `values`: the normalized map is never written to memory. The gradient is
    /// that of the normalized map.
    let deferred: Normalization?
    /// The map whose memory this one shows.
    private let owner: Map?

    init(shape: Shape, batchSize: Int, deferred: Normalization? = nil) {
        self.shape = shape
        self.deferred = deferred
        owner = nil
        values = allocateZeros(shape.elementCount * batchSize)
    }

    /// `map` under a normalization that the only reader applies; with a gradient of its own.
    init(showing map: Map, deferred: Normalization) {
        shape = map.shape
        values = map.values
        self.deferred = deferred
        owner = map
    }

    deinit { if owner == nil { st_free(values) } }

    /// The values of the images from `image` on.
    func values(from image: Int) -> UnsafeMutablePointer<Float> { values + image * shape.elementCount }

    func gradient(from image: Int) -> UnsafeMutablePointer<Float>? {
        gradient.map { $0 + image * shape.elementCount }
    }

    /// Pixels of one image.
    var pixels: Int { shape.height * shape.width }
}

/// A unit's input: the map, and whether an earlier step of the backward pass has already put a gradient there.
struct Source {
    var map: Map
    var accumulates = false
}

/// How the network runs at the moment.
struct Mode {
    /// Batch statistics and dropout, or running statistics and none.
    var isTraining: Bool
    /// Counts training steps: what random masks are made from.
    var step: UInt64
    /// Whether batch norms keep to their running statistics in training, too, and leave them as they are.
    var freezesStatistics = false

    var usesBatchStatistics: Bool { isTraining && !freezesStatistics }
}

class Unit {
    let name: String
    var sources: [Source]
    let outputs: [Map]
    let kernels: STKernels

    init(name: String, sources: [Map], outputs: [Map]) {
        self.name = name
        self.sources = sources.map { Source(map: $0) }
        self.outputs = outputs
        kernels = st_kernels().pointee
    }

    var output: Map { outputs[0] }
    var parameters: [Parameter] { [] }

    func forward(_ share: Share, _ mode: Mode) {}

    /// Turns the outputs' gradients into those of the sources and of the parameters.
    func backward(_ share: Share, _ mode: Mode) {}
}

extension STWindow {
    init(_ window: Window, input: Shape, output: Shape, images: Int) {
        self.init(
            images: Int32(images), height: Int32(input.height), width: Int32(input.width),
            channels: Int32(input.channels), outHeight: Int32(output.height), outWidth: Int32(output.width),
            kernelHeight: Int32(window.kernel.height), kernelWidth: Int32(window.kernel.width),
            strideHeight: Int32(window.stride.height), strideWidth: Int32(window.stride.width),
            dilationHeight: Int32(window.dilation.height), dilationWidth: Int32(window.dilation.width),
            paddingTop: Int32(window.padding.top), paddingLeft: Int32(window.padding.left))
    }
}

extension STActivation {
    init(_ activation: Activation?) {
        switch activation {
        case nil: self.init(kind: 0, slope: 0, offset: 0, exponent: 0)
        case .relu: self.init(kind: 1, slope: 0, offset: 0, exponent: 0)
        case .relu6: self.init(kind: 2, slope: 0, offset: 0, exponent: 0)
        case .leakyReLU(let slope): self.init(kind: 3, slope: slope, offset: 0, exponent: 0)
        case .sigmoid: self.init(kind: 4, slope: 0, offset: 0, exponent: 0)
        case .tanh: self.init(kind: 5, slope: 0, offset: 0, exponent: 0)
        case .swish: self.init(kind: 6, slope: 0, offset: 0, exponent: 0)
        case .elu(let alpha): self.init(kind: 7, slope: alpha, offset: 0, exponent: 0)
        case .hardSwish: self.init(kind: 8, slope: 0, offset: 0, exponent: 0)
        case .hardSigmoid(let slope, let offset): self.init(kind: 9, slope: slope, offset: offset, exponent: 0)
        case .power(let scale, let offset, let exponent):
            self.init(kind: 10, slope: scale, offset: offset, exponent: exponent)
        }
    }
}
