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
        for window in Self.windows() {
            let channels = Int(window.channels)
            let check = KernelCheck(
                inputs: window.inputPixels * channels, weights: 9 * channels, outputs: window.outputPixels * channels,
                using: &generator
            ) { multiply in
                window.forEachTap { input, tap, output in
                    for channel in 0..<channels {
                        multiply(input * channels + channel, tap * channels + channel, output * channels + channel)
                    }
                }
            }
            forEachInstructionSet { name, kernels in
                var shape = window
                check.expect(
                    "\(name), \(window)",
                    forward: { kernels.depthwiseForward(&shape, check.x, check.weight, &$0) },
                    backwardInput: { kernels.depthwiseBackwardInput(&shape, check.dy, check.weight, &$0, $1) },
                    backwardWeight: { kernels.depthwiseBackwardWeight(&shape, check.x, check.dy, &$0) })
            }
        }
    }
}
