import CSwiftletTraining
import SwiftletGraph
import Testing

/// The kernels of narrow groups, of every instruction set here, against loops that a reader can check.
@Suite struct GroupedKernelTests {
    private struct Case: CustomStringConvertible {
        var window: STWindow
        var groups: Int
        var groupInputs: Int
        var groupOutputs: Int

        var description: String { "\(groups) groups of \(groupInputs) to \(groupOutputs), \(window)" }
    }

    /// Windows of odd sides, padded up to their reach; maps narrower than the window and wider than a vector; several images.
    private static func cases(using generator: inout SeededGenerator) -> [Case] {
        var cases: [Case] = []
        while cases.count < 120 {
            func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
            let (groups, groupInputs, groupOutputs) = (random(2...4), random(1...9), random(1...9))
            var window = STWindow()
            window.images = Int32(random(1...4))
            window.height = Int32(random(1...10))
            window.width = Int32(random(1...19))
            window.channels = Int32(groups * groupInputs)
            (window.kernelHeight, window.kernelWidth) = (Int32(random(1...4)), Int32(random(1...4)))
            (window.strideHeight, window.strideWidth) = (1, 1)
            (window.dilationHeight, window.dilationWidth) = (Int32(random(1...2)), Int32(random(1...2)))
            let (top, bottom) = (random(0...window.reachDown), random(0...window.reachDown))
            let (left, right) = (random(0...window.reachRight), random(0...window.reachRight))
            (window.paddingTop, window.paddingLeft) = (Int32(top), Int32(left))
            window.outHeight = window.height + Int32(top + bottom - window.reachDown)
            window.outWidth = window.width + Int32(left + right - window.reachRight)
            guard window.outHeight > 0, window.outWidth > 0 else { continue }
            cases.append(Case(window: window, groups: groups, groupInputs: groupInputs, groupOutputs: groupOutputs))
        }
        return cases
    }

    @Test func forwardAndBothGradientsEqualPlainLoops() {
        var generator = SeededGenerator(seed: 11)
        for each in Self.cases(using: &generator) {
            func random(_ count: Int) -> [Float] {
                (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
            }
            var window = each.window
            let (channels, outputs) = (Int(window.channels), each.groups * each.groupOutputs)
            let inputCount = Int(window.images * window.height * window.width) * channels
            let outputCount = Int(window.images * window.outHeight * window.outWidth) * outputs
            let taps = Int(window.kernelHeight * window.kernelWidth)
            let weightCount = outputs * taps * each.groupInputs
            let (x, weight, dy) = (random(inputCount), random(weightCount), random(outputCount))
            let (before, weightBefore) = (random(inputCount), random(weightCount))
            var y = [Double](repeating: 0, count: outputCount)
            var dx = [Double](repeating: 0, count: inputCount)
            var dw = weightBefore.map { Double($0) }
            window.forEachTap { inputPixel, tap, outputPixel in
                for output in 0..<outputs {
                    for channel in 0..<each.groupInputs {
                        let from = inputPixel * channels + output / each.groupOutputs * each.groupInputs + channel
                        let place = (output * taps + tap) * each.groupInputs + channel
                        let to = outputPixel * outputs + output
                        y[to] += Double(x[from]) * Double(weight[place])
                        dx[from] += Double(dy[to]) * Double(weight[place])
                        dw[place] += Double(dy[to]) * Double(x[from])
                    }
                }
            }
            var rank: Int32 = 0
            while let kernels = st_kernels_at(rank)?.pointee {
                let name = "\(String(cString: kernels.name)), \(each)"
                let (groups, width) = (Int32(each.groups), Int32(outputs))
                // What is left from another call must not matter, unless it is no number.
                var scratch = random(Int(st_groupedScratch(&window, width)))
                var found = [Float](repeating: .nan, count: outputCount)
                kernels.groupedForward(&window, groups, width, x, weight, &found, &scratch)
                expectNear(found, y, "\(name): forward", window)
                found = [Float](repeating: .nan, count: inputCount)
                kernels.groupedBackwardInput(&window, groups, width, dy, weight, &found, 0, &scratch)
                expectNear(found, dx, "\(name): input gradient", window)
                found = before
                kernels.groupedBackwardInput(&window, groups, width, dy, weight, &found, 1, &scratch)
                expectNear(found, zip(before, dx).map { Double($0) + $1 }, "\(name): added input gradient", window)
                found = weightBefore
                kernels.groupedBackwardWeight(&window, groups, width, x, dy, &found, &scratch)
                expectNear(found, dw, "\(name): weight gradient", window)
                rank += 1
            }
        }
    }
}
