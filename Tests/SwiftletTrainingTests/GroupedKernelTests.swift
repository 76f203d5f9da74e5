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
            let (channels, outputs) = (Int(each.window.channels), each.groups * each.groupOutputs)
            let taps = Int(each.window.kernelHeight * each.window.kernelWidth)
            let check = KernelCheck(
                inputs: each.window.inputPixels * channels, weights: outputs * taps * each.groupInputs,
                outputs: each.window.outputPixels * outputs, using: &generator
            ) { multiply in
                each.window.forEachTap { input, tap, output in
                    for channel in 0..<outputs {
                        let first = channel / each.groupOutputs * each.groupInputs
                        for groupInput in 0..<each.groupInputs {
                            multiply(
                                input * channels + first + groupInput,
                                (channel * taps + tap) * each.groupInputs + groupInput, output * outputs + channel)
                        }
                    }
                }
            }
            forEachInstructionSet { name, kernels in
                var window = each.window
                let (groups, width) = (Int32(each.groups), Int32(outputs))
                // What is left from another call must not matter, unless it is no number.
                var scratch = [Float](repeating: 3, count: Int(st_groupedScratch(&window, width)))
                check.expect(
                    "\(name), \(each)",
                    forward: {
                        kernels.groupedForward(&window, groups, width, check.x, check.weight, &$0, &scratch)
                    },
                    backwardInput: {
                        kernels.groupedBackwardInput(
                            &window, groups, width, check.dy, check.weight, &$0, $1, &scratch)
                    },
                    backwardWeight: {
                        kernels.groupedBackwardWeight(&window, groups, width, check.x, check.dy, &$0, &scratch)
                    })
            }
        }
    }
}
