/// How the inputs of each convolution vary together on real pictures: what its weights' rounding needs to know.
///
/// What it does not do: convolutions of more than `limit` inputs an output; their weights are rounded to nearest.
import SwiftletGraph
import SwiftletQuantizer
import SwiftletTraining

/// The covariances of what one convolution multiplies, in the order `[tap][input of the group]`.
struct ConvolutionCovariances: Sendable {
    /// Inputs of one output: taps times inputs of a group.
    let width: Int
    /// `width` x `width` for each group; for each channel of a depthwise convolution.
    let groups: [[Double]]
}

/// What calibration knows of the numbers that weights meet, and what is done with it.
struct InputKnowledge: Sendable {
    /// Of each channel of values on real pictures; biases of what reads others are not corrected.
    var means: [ValueID: [Float]] = [:]
    var covariances: [ValueID: ConvolutionCovariances] = [:]
    /// To nearest in any case where no covariance is known.
    var roundingMethod = RoundingMethod.nearest
    var weightScales = WeightScales.perChannel
    /// Of what was rounded before, from the very same means and covariances.
    var memo: RoundingMemo?
    /// Cores that round.
    var threads = 1
}

struct InputCovariances {
    /// A factorization takes a third of the cube of this.
    static let limit = 1300
    /// Rows of inputs that are looked at in each batch, for each number in a row: a covariance of few numbers is known well from few.
    private static let rowsPerInput = 256
    private static let rowLimit = 16_384
    /// Batches that are looked at.
    private static let batchLimit = 3

    private struct Sums {
        var convolution: Convolution
        var shape: Shape
        /// The convolution's own output: a name for it.
        var output: ValueID
        var width: Int
        var products: [[Double]]
        var totals: [[Double]]
        var rows = 0.0
        /// Taken from inputs before they are multiplied, so that little is lost when means are taken off.
        var offsets: [Float]
        var batches = 0
    }

    /// The convolutions that read each value.
    private var readers: [ValueID: [Sums]] = [:]

    /// - Parameter outputs: for each convolution's node, the value that its operation is known by.
    init(_ graph: Graph, outputs: [String: ValueID]) {
        for node in graph.nodes {
            guard case .convolution(let convolution) = node.operation, let output = outputs[node.name] else { continue }
            let shape = graph.shape(of: node.inputs[0])
            let taps = convolution.window.kernel.height * convolution.window.kernel.width
            let width = taps * shape.channels / convolution.groups
            guard width > 1, width <= Self.limit else { continue }
            readers[node.inputs[0], default: []].append(
                Sums(
                    convolution: convolution, shape: shape, output: output, width: width,
                    products: Array(repeating: Array(repeating: 0, count: width * width), count: convolution.groups),
                    totals: Array(repeating: Array(repeating: 0, count: width), count: convolution.groups),
                    offsets: Array(repeating: 0, count: shape.channels)))
        }
    }

    /// Takes in a value of a batch of pictures, NHWC.
    mutating func add(_ value: ValueID, _ floats: UnsafeBufferPointer<Float>) {
        guard var sums = readers.removeValue(forKey: value) else { return }
        for index in sums.indices where sums[index].batches < Self.batchLimit { Self.add(&sums[index], floats) }
        readers[value] = sums
    }

    private static func add(_ sums: inout Sums, _ floats: UnsafeBufferPointer<Float>) {
        let (convolution, shape) = (sums.convolution, sums.shape)
        let window = convolution.window
        guard let output = window.outputShape(of: shape) else { return }
        if sums.batches == 0 {
            for channel in 0..<shape.channels {
                var total = 0.0
                for pixel in stride(from: channel, to: floats.count, by: shape.channels) {
                    total += Double(floats[pixel])
                }
                sums.offsets[channel] = Float(total / Double(floats.count / shape.channels))
            }
        }
        let pictures = floats.count / shape.elementCount
        let places = pictures * output.height * output.width
        // A step that shares no factor with the map's sides meets all of its columns.
        let step = max(1, places / min(rowLimit, rowsPerInput * sums.width)) | 1
        let groupInputs = shape.channels / convolution.groups
        var rows = [Float](repeating: 0, count: ((places + step - 1) / step) * sums.width)
        for group in 0..<convolution.groups {
            var count = 0
            for place in stride(from: 0, to: places, by: step) {
                let picture = place / (output.height * output.width)
                let (y, x) = (place / output.width % output.height, place % output.width)
                var target = count * sums.width
                for ky in 0..<window.kernel.height {
                    for kx in 0..<window.kernel.width {
                        let row = y * window.stride.height - window.padding.top + ky * window.dilation.height
                        let column = x * window.stride.width - window.padding.left + kx * window.dilation.width
                        let isInside = 0..<shape.height ~= row && 0..<shape.width ~= column
                        let start = ((picture * shape.height + row) * shape.width + column) * shape.channels
                        for input in 0..<groupInputs {
                            let channel = group * groupInputs + input
                            let value = isInside ? floats[start + channel] : convolution.padValues?[channel] ?? 0
                            rows[target] = value - sums.offsets[channel]
                            target += 1
                        }
                    }
                }
                count += 1
            }
            addSecondMoments(of: &rows, count: count, width: sums.width, to: &sums.products[group])
            for index in 0..<(count * sums.width) { sums.totals[group][index % sums.width] += Double(rows[index]) }
            if group == 0 { sums.rows += Double(count) }
        }
        sums.batches += 1
    }

    /// By the value that each convolution's operation is known by.
    var covariances: [ValueID: ConvolutionCovariances] {
        var result: [ValueID: ConvolutionCovariances] = [:]
        for sums in readers.values.joined() where sums.rows > 1 {
            let groups = zip(sums.products, sums.totals).map { products, totals in
                products.indices.map { index in
                    let (i, j) = (index / sums.width, index % sums.width)
                    return products[index] / sums.rows - totals[i] / sums.rows * (totals[j] / sums.rows)
                }
            }
            result[sums.output] = ConvolutionCovariances(width: sums.width, groups: groups)
        }
        return result
    }
}
