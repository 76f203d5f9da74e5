/// What tests of float convolutions share: the taps of a window, and three kernels held against plain loops.
///
/// What it does not do: know what a tap is multiplied with.
import CSwiftletTraining
import SwiftletGraph
import Testing

extension STWindow {
    var reachDown: Int { Int(dilationHeight * (kernelHeight - 1)) }
    var reachRight: Int { Int(dilationWidth * (kernelWidth - 1)) }
    var inputPixels: Int { Int(images * height * width) }
    var outputPixels: Int { Int(images * outHeight * outWidth) }

    /// Calls `body` with the input pixel, the tap and the output pixel of every tap under which the map has a pixel.
    func forEachTap(_ body: (_ input: Int, _ tap: Int, _ output: Int) -> Void) {
        let (height, width, kernelWidth) = (Int(height), Int(width), Int(kernelWidth))
        for image in 0..<Int(images) {
            for oy in 0..<Int(outHeight) {
                for ox in 0..<Int(outWidth) {
                    for tap in 0..<Int(kernelHeight) * kernelWidth {
                        let iy = oy * Int(strideHeight) - Int(paddingTop) + tap / kernelWidth * Int(dilationHeight)
                        let ix = ox * Int(strideWidth) - Int(paddingLeft) + tap % kernelWidth * Int(dilationWidth)
                        guard (0..<height).contains(iy), (0..<width).contains(ix) else { continue }
                        body(
                            (image * height + iy) * width + ix, tap,
                            (image * Int(outHeight) + oy) * Int(outWidth) + ox)
                    }
                }
            }
        }
    }
}

/// A convolution of random numbers: what goes into its three kernels, and what has to come out.
struct KernelCheck {
    let x: [Float]
    let weight: [Float]
    let dy: [Float]
    /// What stands where gradients are added.
    private let dxBefore: [Float]
    private let dwBefore: [Float]
    private let y: [Double]
    private let dx: [Double]
    private let dw: [Double]

    /// - Parameter products: calls its argument with the positions of input, weight and output of every product.
    init(
        inputs: Int, weights: Int, outputs: Int, using generator: inout SeededGenerator,
        products: ((_ input: Int, _ weight: Int, _ output: Int) -> Void) -> Void
    ) {
        func random(_ count: Int) -> [Float] { (0..<count).map { _ in Float.random(in: -1...1, using: &generator) } }
        let (x, weight, dy) = (random(inputs), random(weights), random(outputs))
        (dxBefore, dwBefore) = (random(inputs), random(weights))
        var y = [Double](repeating: 0, count: outputs)
        var dx = [Double](repeating: 0, count: inputs)
        var dw = dwBefore.map { Double($0) }
        products { input, place, output in
            y[output] += Double(x[input]) * Double(weight[place])
            dx[input] += Double(dy[output]) * Double(weight[place])
            dw[place] += Double(dy[output]) * Double(x[input])
        }
        (self.x, self.weight, self.dy) = (x, weight, dy)
        (self.y, self.dx, self.dw) = (y, dx, dw)
    }

    /// - Parameters:
    ///   - what: the instruction set and the shape, for the message.
    ///   - forward: makes the output.
    ///   - backwardInput: makes the input's gradient, or adds it where its second argument is 1.
    ///   - backwardWeight: adds the weights' gradient.
    func expect(
        _ what: String, forward: (inout [Float]) -> Void, backwardInput: (inout [Float], Int32) -> Void,
        backwardWeight: (inout [Float]) -> Void
    ) {
        var found = [Float](repeating: .nan, count: y.count)
        forward(&found)
        expectNear(found, y, "forward, \(what)")
        found = [Float](repeating: .nan, count: dx.count)
        backwardInput(&found, 0)
        expectNear(found, dx, "input gradient, \(what)")
        found = dxBefore
        backwardInput(&found, 1)
        expectNear(found, zip(dxBefore, dx).map { Double($0) + $1 }, "added input gradient, \(what)")
        found = dwBefore
        backwardWeight(&found)
        expectNear(found, dw, "weight gradient, \(what)")
    }

    private func expectNear(_ found: [Float], _ expected: [Double], _ what: String) {
        // A sum that is not a number is no nearer than any other.
        let worst = zip(found, expected).map { abs(Double($0) - $1) }.max { !($1 <= $0) } ?? 0
        #expect(worst < 1e-4, "\(what): off by \(worst)")
    }
}

/// The kernels of every instruction set that this machine has.
func forEachInstructionSet(_ body: (_ name: String, _ kernels: STKernels) -> Void) {
    var rank: Int32 = 0
    while let kernels = st_kernels_at(rank)?.pointee {
        body(String(cString: kernels.name), kernels)
        rank += 1
    }
}
