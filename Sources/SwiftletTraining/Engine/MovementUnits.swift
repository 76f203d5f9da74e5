/// Units that only move channels: concat, split, shuffle, index, and the reinterpretation of flatten.
import CSwiftletTraining
import SwiftletGraph

final class ConcatUnit: Unit {
    override func forward(_ share: Share, _ mode: Mode) {
        forEachSlice(share) { source, first, rows in
            kernels.copyChannels(
                source.map.values(from: share.images.lowerBound), Int32(source.map.shape.channels), 0,
                output.values(from: share.images.lowerBound), Int32(output.shape.channels), Int32(first),
                Int32(source.map.shape.channels), Int64(rows), 0)
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        guard let dy = output.gradient(from: share.images.lowerBound) else { return }
        forEachSlice(share) { source, first, rows in
            guard let dx = source.map.gradient(from: share.images.lowerBound) else { return }
            kernels.copyChannels(
                dy, Int32(output.shape.channels), Int32(first), dx, Int32(source.map.shape.channels), 0,
                Int32(source.map.shape.channels), Int64(rows), source.accumulates ? 1 : 0)
        }
    }

    private func forEachSlice(_ share: Share, _ body: (Source, _ first: Int, _ rows: Int) -> Void) {
        var first = 0
        for source in sources {
            body(source, first, share.images.count * output.pixels)
            first += source.map.shape.channels
        }
    }
}

final class SplitUnit: Unit {
    override func forward(_ share: Share, _ mode: Mode) {
        let x = sources[0].map.values(from: share.images.lowerBound)
        forEachSlice(share) { map, first, rows in
            kernels.copyChannels(
                x, Int32(sources[0].map.shape.channels), Int32(first), map.values(from: share.images.lowerBound),
                Int32(map.shape.channels), 0, Int32(map.shape.channels), Int64(rows), 0)
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        guard let dx = sources[0].map.gradient(from: share.images.lowerBound) else { return }
        forEachSlice(share) { map, first, rows in
            guard let dy = map.gradient(from: share.images.lowerBound) else { return }
            kernels.copyChannels(
                dy, Int32(map.shape.channels), 0, dx, Int32(sources[0].map.shape.channels), Int32(first),
                Int32(map.shape.channels), Int64(rows), sources[0].accumulates ? 1 : 0)
        }
    }

    private func forEachSlice(_ share: Share, _ body: (Map, _ first: Int, _ rows: Int) -> Void) {
        var first = 0
        for map in outputs {
            body(map, first, share.images.count * map.pixels)
            first += map.shape.channels
        }
    }
}

/// Output channel `c` is input channel `index[c]`: channel shuffle and channel index.
final class GatherUnit: Unit {
    private let index: [Int32]

    init(name: String, source: Map, output: Map, index: [Int]) {
        self.index = index.map { Int32($0) }
        super.init(name: name, sources: [source], outputs: [output])
    }

    override func forward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        kernels.gather(
            sources[0].map.values(from: first), Int32(sources[0].map.shape.channels), index,
            output.values(from: first), Int32(index.count), Int64(share.images.count * output.pixels))
    }

    override func backward(_ share: Share, _ mode: Mode) {
        let first = share.images.lowerBound
        guard let dy = output.gradient(from: first), let dx = sources[0].map.gradient(from: first) else { return }
        let channels = sources[0].map.shape.channels
        let rows = share.images.count * output.pixels
        if !sources[0].accumulates { dx.update(repeating: 0, count: rows * channels) }
        kernels.scatter(dy, Int32(index.count), index, dx, Int32(channels), Int64(rows))
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
