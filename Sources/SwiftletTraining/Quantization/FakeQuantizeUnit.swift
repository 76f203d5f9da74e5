/// Rounds a map as int8 will: to the grids of learned ranges, still in float.
///
/// What it does not do: move ranges; `LearnedRange.update` does, after the step.
import CSwiftletTraining
import SwiftletGraph

final class FakeQuantizeUnit: Unit {
    /// Channels that stand together and share a range.
    private struct Run {
        var range: LearnedRange
        var first: Int
        var count: Int
    }

    private let runs: [Run]

    /// - Parameter ranges: one a channel.
    init(name: String, source: Map, output: Map, ranges: [LearnedRange]) {
        var runs: [Run] = []
        for (channel, range) in ranges.enumerated() {
            if let last = runs.last, last.range === range {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(Run(range: range, first: channel, count: 1))
            }
        }
        self.runs = runs
        super.init(name: name, sources: [source], outputs: [output])
    }

    override func forward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        let x = sources[0].map.values(from: first)
        let y = output.values(from: first)
        for run in runs {
            kernels.fakeQuantize(
                x + run.first, Int64(share.images.count * output.pixels), Int32(output.shape.channels),
                Int32(run.count), run.range.steps, y + run.first)
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        guard let dy = output.gradient(from: first), let dx = sources[0].map.gradient(from: first) else { return }
        let x = sources[0].map.values(from: first)
        for run in runs {
            kernels.fakeQuantizeBackward(
                dy + run.first, x + run.first, Int64(share.images.count * output.pixels),
                Int32(output.shape.channels), Int32(run.count), run.range.steps, dx + run.first,
                sources[0].accumulates ? 1 : 0, run.range.sums(thread: share.thread))
        }
    }
}
