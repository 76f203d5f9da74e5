import CSwiftletTraining
import SwiftletGraph
import Testing

/// The depthwise kernels of every instruction set here against loops that a reader can check.
@Suite struct DepthwiseKernelTests {
    /// Fewer channels than a vector, whole vectors, and last vectors that overlap; borders on all sides; a map narrower than
    /// the window.
    private static func windows() -> [STWindow] {
        var windows: [STWindow] = []
        for (height, width) in [(5, 9), (4, 4), (3, 1), (1, 2), (8, 13)] {
            for channels in [3, 4, 8, 16, 24, 58, 67] {
                for stride in 1...2 {
                    for padding in 0...2 {
                        for dilation in 1...2 {
                            let reach = 2 * dilation + 1
                            let rows = (height + 2 * padding - reach) / stride + 1
                            let columns = (width + padding + 1 - reach) / stride + 1
                            guard height + 2 * padding >= reach, width + padding + 1 >= reach else { continue }
                            windows.append(
                                STWindow(
                                    images: 2, height: Int32(height), width: Int32(width), channels: Int32(channels),
                                    outHeight: Int32(rows), outWidth: Int32(columns), kernelHeight: 3, kernelWidth: 3,
                                    strideHeight: Int32(stride), strideWidth: Int32(stride),
                                    dilationHeight: Int32(dilation), dilationWidth: Int32(dilation),
                                    paddingTop: Int32(padding), paddingLeft: Int32(padding)))
                        }
                    }
                }
            }
        }
        return windows
    }

    @Test func forwardAndBothGradientsEqualPlainLoops() {
        var generator = SeededGenerator(seed: 9)
        func random(_ count: Int) -> [Float] { (0..<count).map { _ in Float.random(in: -1...1, using: &generator) } }
        for window in Self.windows() {
            let channels = Int(window.channels)
            let inputs = Int(window.images * window.height * window.width) * channels
            let outputs = Int(window.images * window.outHeight * window.outWidth) * channels
            let (x, weight, dy) = (random(inputs), random(9 * channels), random(outputs))
            let (before, weightBefore) = (random(inputs), random(9 * channels))
            var y = [Double](repeating: 0, count: outputs)
            var dx = [Double](repeating: 0, count: inputs)
            var dw = weightBefore.map { Double($0) }
            window.forEachTap { inputPixel, tap, outputPixel in
                for channel in 0..<channels {
                    let input = inputPixel * channels + channel
                    let place = tap * channels + channel
                    let output = outputPixel * channels + channel
                    y[output] += Double(x[input]) * Double(weight[place])
                    dx[input] += Double(dy[output]) * Double(weight[place])
                    dw[place] += Double(dy[output]) * Double(x[input])
                }
            }
            var rank: Int32 = 0
            while let kernels = st_kernels_at(rank)?.pointee {
                let name = String(cString: kernels.name)
                var shape = window
                var found = [Float](repeating: .nan, count: outputs)
                kernels.depthwiseForward(&shape, x, weight, &found)
                expectNear(found, y, "\(name) forward", window)
                found = [Float](repeating: .nan, count: inputs)
                kernels.depthwiseBackwardInput(&shape, dy, weight, &found, 0)
                expectNear(found, dx, "\(name) input gradient", window)
                found = before
                kernels.depthwiseBackwardInput(&shape, dy, weight, &found, 1)
                expectNear(found, zip(before, dx).map { Double($0) + $1 }, "\(name) added input gradient", window)
                found = weightBefore
                kernels.depthwiseBackwardWeight(&shape, x, dy, &found)
                expectNear(found, dw, "\(name) weight gradient", window)
                rank += 1
            }
        }
    }
}
