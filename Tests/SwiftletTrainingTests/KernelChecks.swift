/// What tests of float kernels share: the taps of a window, and how near a result must be.
///
/// What it does not do: know what a tap is multiplied with.
import CSwiftletTraining
import Testing

extension STWindow {
    var reachDown: Int { Int(dilationHeight * (kernelHeight - 1)) }
    var reachRight: Int { Int(dilationWidth * (kernelWidth - 1)) }

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

func expectNear(_ found: [Float], _ expected: [Double], _ what: String, _ s: STWindow) {
    // A sum that is not a number is no nearer than any other.
    let worst = zip(found, expected).map { abs(Double($0) - $1) }.max { !($1 <= $0) } ?? 0
    #expect(worst < 1e-4, "\(what): off by \(worst) for \(s)")
}
