/// Units that only move values: channels from several maps to one, and the reinterpretation of flatten.
import CSwiftletTraining
import SwiftletGraph

/// Where a channel of a value lies.
struct ChannelSource {
    var map: Map
    var channel: Int
}

/// Takes channels of several maps together: what any chain of concats, splits, shuffles and indices comes to.
final class MoveUnit: Unit {
    /// One a source.
    private let forwardRuns: [[STRun]]
    private let backwardRuns: [[STRun]]
    /// Whether every channel of the source goes somewhere, and to one place only.
    private let isWhole: [Bool]

    /// - Parameter channels: one a channel of the output.
    init(name: String, channels: [ChannelSource], output: Map) {
        var maps: [Map] = []
        var pairs: [[(from: Int, to: Int)]] = []
        for (place, source) in channels.enumerated() {
            let index = maps.firstIndex { $0 === source.map } ?? maps.count
            if index == maps.count {
                maps.append(source.map)
                pairs.append([])
            }
            pairs[index].append((source.channel, place))
        }
        forwardRuns = pairs.map { Self.runs($0) }
        backwardRuns = pairs.map { Self.runs($0.map { ($0.to, $0.from) }) }
        isWhole = zip(maps, pairs).map { map, pairs in
            pairs.count == map.shape.channels && Set(pairs.map(\.from)).count == pairs.count
        }
        super.init(name: name, sources: maps, outputs: [output])
    }

    /// Pairs at even distances together: a shuffle is one run a group.
    private static func runs(_ pairs: [(from: Int, to: Int)]) -> [STRun] {
        var runs: [STRun] = []
        for (from, to) in pairs.map({ (Int32($0.from), Int32($0.to)) }) {
            guard var last = runs.last else {
                runs.append(STRun(from: from, fromStep: 1, to: to, toStep: 1, count: 1))
                continue
            }
            if last.count == 1 { (last.fromStep, last.toStep) = (from - last.from, to - last.to) }
            if last.from + last.count * last.fromStep == from, last.to + last.count * last.toStep == to {
                last.count += 1
                runs[runs.count - 1] = last
            } else {
                runs.append(STRun(from: from, fromStep: 1, to: to, toStep: 1, count: 1))
            }
        }
        return runs
    }

    override func forward(_ share: Share, _ mode: Mode) {
        // An image at a time: what one source leaves half written is still in the cache when the next one comes.
        for image in share.images {
            for (source, runs) in zip(sources, forwardRuns) {
                kernels.moveChannels(
                    source.map.values(from: image), Int32(source.map.shape.channels), output.values(from: image),
                    Int32(output.shape.channels), runs, Int32(runs.count), Int64(output.pixels), 0)
            }
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        for image in share.images {
            guard let dy = output.gradient(from: image) else { return }
            for (index, source) in sources.enumerated() {
                guard let dx = source.map.gradient(from: image) else { continue }
                let overwrites = !source.accumulates && isWhole[index]
                if !source.accumulates, !overwrites { dx.update(repeating: 0, count: source.map.shape.elementCount) }
                let runs = backwardRuns[index]
                kernels.moveChannels(
                    dy, Int32(output.shape.channels), dx, Int32(source.map.shape.channels), runs, Int32(runs.count),
                    Int64(output.pixels), overwrites ? 0 : 1)
            }
        }
    }
}

/// The same numbers under another shape: NHWC flattened.
final class FlattenUnit: Unit {
    override func forward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        kernels.copy(
            sources[0].map.values(from: first), Int64(share.images.count * output.shape.elementCount),
            output.values(from: first), 0)
    }

    override func backward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        guard let dy = output.gradient(from: first), let dx = sources[0].map.gradient(from: first) else { return }
        kernels.copy(
            dy, Int64(share.images.count * output.shape.elementCount), dx, sources[0].accumulates ? 1 : 0)
    }
}
