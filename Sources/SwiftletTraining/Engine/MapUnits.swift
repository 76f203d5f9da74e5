/// Units without weights that look at more than one map, or at pixels elsewhere: products, joins, indices, interpolation.
///
/// What it does not do: vectorize by hand; these are a small part of any network's time.
import CSwiftletTraining
import SwiftletGraph

/// Element by element of two maps, each size of which is the output's or 1.
final class BinaryUnit: Unit {
    private let kind: BinaryKind

    init(name: String, first: Map, second: Map, output: Map, kind: BinaryKind) {
        self.kind = kind
        super.init(name: name, sources: [first, second], outputs: [output])
    }

    /// How far apart a map's neighbours are; 0 where one of them serves for all.
    private struct Steps {
        var row: Int
        var column: Int
        var channel: Int

        init(_ shape: Shape) {
            row = shape.height == 1 ? 0 : shape.width * shape.channels
            column = shape.width == 1 ? 0 : shape.channels
            channel = shape.channels == 1 ? 0 : 1
        }
    }

    /// Calls `body` with each element's place in the output, in the first and in the second input.
    @inline(__always)
    private func forEach(_ body: (_ output: Int, _ first: Int, _ second: Int) -> Void) {
        let (shape, a, b) = (output.shape, Steps(sources[0].map.shape), Steps(sources[1].map.shape))
        var place = 0
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                let (first, second) = (y * a.row + x * a.column, y * b.row + x * b.column)
                for channel in 0..<shape.channels {
                    body(place + channel, first + channel * a.channel, second + channel * b.channel)
                }
                place += shape.channels
            }
        }
    }

    override func forward(_ share: Share, _ mode: Mode) {
        for image in share.images {
            let (a, b) = (sources[0].map.values(from: image), sources[1].map.values(from: image))
            let y = output.values(from: image)
            switch kind {
            case .multiply: forEach { y[$0] = a[$1] * b[$2] }
            case .maximum: forEach { y[$0] = max(a[$1], b[$2]) }
            case .minimum: forEach { y[$0] = min(a[$1], b[$2]) }
            }
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        for image in share.images {
            guard let dy = output.gradient(from: image) else { return }
            let (a, b) = (sources[0].map.values(from: image), sources[1].map.values(from: image))
            // Both first: they may be one map.
            let gradients = sources.map { source in
                let dx = source.map.gradient(from: image)
                if !source.accumulates { dx?.update(repeating: 0, count: source.map.shape.elementCount) }
                return dx
            }
            if let da = gradients[0] {
                switch kind {
                case .multiply: forEach { da[$1] += dy[$0] * b[$2] }
                case .maximum: forEach { da[$1] += a[$1] >= b[$2] ? dy[$0] : 0 }
                case .minimum: forEach { da[$1] += a[$1] <= b[$2] ? dy[$0] : 0 }
                }
            }
            if let db = gradients[1] {
                switch kind {
                case .multiply: forEach { db[$2] += dy[$0] * a[$1] }
                case .maximum: forEach { db[$2] += a[$1] >= b[$2] ? 0 : dy[$0] }
                case .minimum: forEach { db[$2] += a[$1] <= b[$2] ? 0 : dy[$0] }
                }
            }
        }
    }
}

/// Rows and columns of a map in any choice.
final class PixelIndexUnit: Unit {
    private let index: PixelIndex

    init(name: String, source: Map, output: Map, index: PixelIndex) {
        self.index = index
        super.init(name: name, sources: [source], outputs: [output])
    }

    /// Calls `body` with the first element of each pixel of the output, and that of the pixel that it is, if there is one.
    @inline(__always)
    private func forEach(_ body: (_ output: Int, _ source: Int?) -> Void) {
        let (width, channels) = (sources[0].map.shape.width, output.shape.channels)
        var place = 0
        for row in index.rows {
            for column in index.columns {
                body(place, row.flatMap { row in column.map { (row * width + $0) * channels } })
                place += channels
            }
        }
    }

    override func forward(_ share: Share, _ mode: Mode) {
        let channels = output.shape.channels
        for image in share.images {
            let (x, y) = (sources[0].map.values(from: image), output.values(from: image))
            forEach { place, source in
                if let source {
                    (y + place).update(from: x + source, count: channels)
                } else {
                    (y + place).update(repeating: index.fill, count: channels)
                }
            }
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        let channels = output.shape.channels
        for image in share.images {
            guard let dy = output.gradient(from: image), let dx = sources[0].map.gradient(from: image) else { return }
            if !sources[0].accumulates { dx.update(repeating: 0, count: sources[0].map.shape.elementCount) }
            forEach { place, source in
                guard let source else { return }
                for channel in 0..<channels { dx[source + channel] += dy[place + channel] }
            }
        }
    }
}

/// Bilinear resizing.
final class InterpolationUnit: Unit {
    private let points: Interpolation

    init(name: String, source: Map, output: Map, points: Interpolation) {
        self.points = points
        super.init(name: name, sources: [source], outputs: [output])
    }

    /// Calls `body` four times for each pixel of the output, with its first element, that of a pixel of the input and its weight.
    @inline(__always)
    private func forEach(_ body: (_ output: Int, _ source: Int, _ weight: Float) -> Void) {
        let (width, channels) = (sources[0].map.shape.width, output.shape.channels)
        var place = 0
        for row in points.rows {
            for column in points.columns {
                for (y, vertical) in [(row.low, 1 - row.fraction), (row.high, row.fraction)] {
                    body(place, (y * width + column.low) * channels, vertical * (1 - column.fraction))
                    body(place, (y * width + column.high) * channels, vertical * column.fraction)
                }
                place += channels
            }
        }
    }

    override func forward(_ share: Share, _ mode: Mode) {
        let channels = output.shape.channels
        for image in share.images {
            let (x, y) = (sources[0].map.values(from: image), output.values(from: image))
            y.update(repeating: 0, count: output.shape.elementCount)
            forEach { place, source, weight in
                for channel in 0..<channels { y[place + channel] += weight * x[source + channel] }
            }
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        let channels = output.shape.channels
        for image in share.images {
            guard let dy = output.gradient(from: image), let dx = sources[0].map.gradient(from: image) else { return }
            if !sources[0].accumulates { dx.update(repeating: 0, count: sources[0].map.shape.elementCount) }
            forEach { place, source, weight in
                for channel in 0..<channels { dx[source + channel] += weight * dy[place + channel] }
            }
        }
    }
}

/// Two maps below or beside each other.
final class JoinUnit: Unit {
    private let axis: JoinAxis

    init(name: String, first: Map, second: Map, output: Map, axis: JoinAxis) {
        self.axis = axis
        super.init(name: name, sources: [first, second], outputs: [output])
    }

    /// Of an input: elements that lie together, how often, and where the first of them lies in a line of the output.
    private func runs(_ index: Int) -> (count: Int, lines: Int, first: Int) {
        let (first, shape) = (sources[0].map.shape, sources[index].map.shape)
        return axis == .rows
            ? (shape.elementCount, 1, index * first.elementCount)
            : (shape.width * shape.channels, shape.height, index * first.width * first.channels)
    }

    /// Elements of a line of the output.
    private var lineCount: Int {
        axis == .rows ? output.shape.elementCount : output.shape.width * output.shape.channels
    }

    override func forward(_ share: Share, _ mode: Mode) {
        for image in share.images {
            for index in 0...1 {
                let run = runs(index)
                let (x, y) = (sources[index].map.values(from: image), output.values(from: image))
                for line in 0..<run.lines {
                    (y + line * lineCount + run.first).update(from: x + line * run.count, count: run.count)
                }
            }
        }
    }

    override func backward(_ share: Share, _ mode: Mode) {
        for image in share.images {
            guard let dy = output.gradient(from: image) else { return }
            for index in 0...1 {
                guard let dx = sources[index].map.gradient(from: image) else { continue }
                let run = runs(index)
                for line in 0..<run.lines {
                    kernels.copy(
                        dy + line * lineCount + run.first, Int64(run.count), dx + line * run.count,
                        sources[index].accumulates ? 1 : 0)
                }
            }
        }
    }
}
