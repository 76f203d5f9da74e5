/// Made-up pictures of ten classes, drawn when they are read: seven shapes and three textures. Needs no download.
///
/// Position, size, angle, colours, background and noise are drawn from the seed and the picture's index, so picture 17 is
/// the same on every machine. Training and test differ in the seed.
/// What it does not do: be hard: a small network gets above 95%. It shows that a pipeline works, not how well.
import Foundation
import SwiftletGraph
import SwiftletImageIO

public struct ShapesDataSet: DataSet {
    public enum Kind: Int, CaseIterable, Sendable {
        case circle, ring, square, triangle, star, cross, crescent
        case stripes, checkerboard, dots
    }

    /// Pictures in the training half when the specification says no number; the test half has a fifth of it.
    public static let defaultCount = 10_000

    public let name: String
    public let format: InputFormat
    public let count: Int
    private let seed: UInt64

    public var classNames: [String] { Kind.allCases.map { "\($0)" } }

    /// - Throws: `DataSetError.badFormat`.
    public init(name: String, count: Int, split: DataSets.Split, format: InputFormat) throws {
        if let defect = format.defect { throw DataSetError.badFormat(reason: defect) }
        self.name = name
        self.format = format
        self.count = split == .training ? count : max(count / 5, 1)
        seed = split == .training ? 0x5EED_0001 : 0x5EED_0002
    }

    public func label(at index: Int) -> Int { index % Kind.allCases.count }

    public func readPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        let shape = format.shape
        precondition(pixels.count == shape.elementCount)
        let canvas = Self.draw(
            Kind.allCases[label(at: index)], width: shape.width, height: shape.height,
            seed: seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
        canvas.pixels.withUnsafeBufferPointer { drawn in
            switch format.preprocessing.colorOrder {
            case .rgb: _ = pixels.update(from: drawn)
            case .grey: Luma.convert(drawn, into: pixels)
            case .bgr:
                for place in stride(from: 0, to: drawn.count, by: 3) {
                    for channel in 0..<3 { pixels[place + channel] = drawn[place + 2 - channel] }
                }
            }
        }
    }

    /// One picture of a class, for instance to have something to infer.
    ///
    /// - Parameters:
    ///   - width: pixels, as `height`.
    ///   - seed: another seed, another picture of the same class.
    public static func draw(_ kind: Kind, width: Int, height: Int, seed: UInt64) -> Canvas {
        var generator = SeededGenerator(seed: seed)
        func random(_ range: ClosedRange<Double>) -> Double {
            range.lowerBound + (range.upperBound - range.lowerBound) * Double(generator.next() >> 11) / 0x1p53
        }
        var canvas = Canvas(width: width, height: height)
        let (back, front) = colors(random)
        let slope = (random(-0.25...0.25), random(-0.25...0.25))
        let noise = random(4...14)
        // The background: a slope towards the other end of its own range, so that no class is told by it.
        for y in 0..<height {
            for x in 0..<width {
                let share = slope.0 * (Double(x) / Double(width) - 0.5) + slope.1 * (Double(y) / Double(height) - 0.5)
                canvas[x, y] = back.mixed(with: share < 0 ? .black : .white, abs(share))
            }
        }
        let side = Double(min(width, height))
        let angle = random(0...2 * .pi)
        let centre = Canvas.Point(
            Double(width) * random(0.38...0.62), Double(height) * random(0.38...0.62))
        switch kind {
        case .stripes, .checkerboard, .dots:
            drawTexture(
                kind, on: &canvas, front, period: side * random(0.16...0.3), angle: angle,
                phase: (random(0...1), random(0...1)))
        default:
            let outline = outline(kind, centre: centre, radius: side * random(0.24...0.36), angle: angle)
            canvas.fill(outline, front)
        }
        for y in 0..<height {
            for x in 0..<width {
                let offset = Int(random(-noise...noise))
                func shift(_ value: UInt8) -> UInt8 { UInt8(min(max(Int(value) + offset, 0), 255)) }
                let color = canvas[x, y]
                canvas[x, y] = Canvas.Color(shift(color.red), shift(color.green), shift(color.blue))
            }
        }
        return canvas
    }

    /// Two colours at least 70 steps of luma apart, so that grey pictures show the shape as well.
    private static func colors(
        _ random: (ClosedRange<Double>) -> Double
    ) -> (back: Canvas.Color, front: Canvas.Color) {
        func color() -> Canvas.Color {
            Canvas.Color(UInt8(random(15...240)), UInt8(random(15...240)), UInt8(random(15...240)))
        }
        func luma(_ color: Canvas.Color) -> Int {
            Int(Luma.of(red: color.red, green: color.green, blue: color.blue))
        }
        let back = color()
        for _ in 0..<50 {
            let front = color()
            if abs(luma(back) - luma(front)) >= 70 { return (back, front) }
        }
        return (back, luma(back) < 128 ? Canvas.Color(grey: 235) : Canvas.Color(grey: 20))
    }

    private static func outline(
        _ kind: Kind, centre: Canvas.Point, radius: Double, angle: Double
    ) -> [[Canvas.Point]] {
        func turned(_ points: [(Double, Double)]) -> [Canvas.Point] {
            points.map { x, y in
                Canvas.Point(
                    centre.x + radius * (cos(angle) * x - sin(angle) * y),
                    centre.y + radius * (sin(angle) * x + cos(angle) * y))
            }
        }
        let circle = Canvas.circle(centre: centre, radius: radius)
        switch kind {
        case .ring: return [circle, Canvas.circle(centre: centre, radius: radius * 0.55).reversed()]
        case .square: return [Canvas.regularPolygon(corners: 4, centre: centre, radius: radius * 1.15, angle: angle)]
        case .triangle: return [Canvas.regularPolygon(corners: 3, centre: centre, radius: radius * 1.2, angle: angle)]
        case .star:
            return [
                turned(
                    (0..<10).map { corner in
                        let (turn, reach) = (Double(corner) * .pi / 5, corner % 2 == 0 ? 1.25 : 0.5)
                        return (reach * cos(turn), reach * sin(turn))
                    })
            ]
        case .cross:
            let (arm, end) = (0.3, 1.1)
            return [
                turned([
                    (-arm, -end), (arm, -end), (arm, -arm), (end, -arm), (end, arm), (arm, arm), (arm, end),
                    (-arm, end),
                    (-arm, arm), (-end, arm), (-end, -arm), (-arm, -arm),
                ])
            ]
        case .crescent:
            // The outer edge of one circle, back along the edge of another that is set off to the side.
            let outer = stride(from: -0.75, through: 0.751, by: 0.05).map { (1.1 * cos($0 * .pi), 1.1 * sin($0 * .pi)) }
            let tip = outer[0]
            let inner = stride(from: 0.02, through: 0.981, by: 0.04).map { share -> (Double, Double) in
                let bulge = 0.62 * (1 - (2 * share - 1) * (2 * share - 1))
                return (tip.0 + 0.9 * bulge, -tip.1 * (1 - 2 * share))
            }
            return [turned(outer + inner)]
        default: return [circle]
        }
    }

    private static func drawTexture(
        _ kind: Kind, on canvas: inout Canvas, _ color: Canvas.Color, period: Double, angle: Double,
        phase: (Double, Double)
    ) {
        let (sine, cosine) = (sin(angle), cos(angle))
        /// Share of the pixel that is covered when the edge is `distance` pixels away, positive inside.
        func soft(_ distance: Double) -> Double { min(max(distance + 0.5, 0), 1) }
        /// Distance to the nearest edge of bands half a period wide, positive inside a band.
        func band(_ position: Double) -> Double {
            let place = position / period - (position / period).rounded(.down)
            return (0.25 - abs(place - 0.5)) * period
        }
        for y in 0..<canvas.height {
            for x in 0..<canvas.width {
                let u = cosine * Double(x) + sine * Double(y) + phase.0 * period
                let v = cosine * Double(y) - sine * Double(x) + phase.1 * period
                let share: Double
                switch kind {
                case .checkerboard:
                    let (across, along) = (soft(band(u)), soft(band(v)))
                    share = across * (1 - along) + along * (1 - across)
                case .dots:
                    let du = (u / period - (u / period).rounded(.down) - 0.5) * period
                    let dv = (v / period - (v / period).rounded(.down) - 0.5) * period
                    share = soft(period * 0.3 - (du * du + dv * dv).squareRoot())
                default: share = soft(band(u))
                }
                if share > 0 { canvas.blend(x, y, color, share) }
            }
        }
    }
}
