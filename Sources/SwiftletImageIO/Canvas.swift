/// A small raster of red, green, blue bytes with anti-aliased shapes, for made-up data sets and for plots.
///
/// Shapes are filled by the share of each pixel that they cover: exact along the row, in `Canvas.subrows` steps down it.
/// What it does not do: colour management (colours mix as bytes), transparency of its own, or text beyond `Canvas+Text`.

public struct Canvas: Sendable {
    /// Red, green, blue, 0...255 each.
    public struct Color: Hashable, Sendable {
        public var red: UInt8
        public var green: UInt8
        public var blue: UInt8

        public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
            self.red = red
            self.green = green
            self.blue = blue
        }

        public init(grey: UInt8) { self.init(grey, grey, grey) }

        public static let white = Color(grey: 255)
        public static let black = Color(grey: 0)

        /// The colour `share` of the way to `other`, 0...1.
        public func mixed(with other: Color, _ share: Double) -> Color {
            func mix(_ from: UInt8, _ to: UInt8) -> UInt8 {
                UInt8((Double(from) + (Double(to) - Double(from)) * min(max(share, 0), 1)).rounded())
            }
            return Color(mix(red, other.red), mix(green, other.green), mix(blue, other.blue))
        }
    }

    /// In pixels from the upper left corner; pixel (0, 0) covers 0...1 in both directions.
    public struct Point: Hashable, Sendable {
        public var x: Double
        public var y: Double

        public init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// Steps down a pixel in which coverage is taken.
    static let subrows = 8

    public let width: Int
    public let height: Int
    /// height x width x 3 bytes.
    public private(set) var pixels: [UInt8]

    public init(width: Int, height: Int, color: Color = .white) {
        precondition(width > 0 && height > 0, "a canvas of \(width)x\(height)")
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: 0, count: width * height * 3)
        for y in 0..<height {
            for x in 0..<width { self[x, y] = color }
        }
    }

    /// The colour of a pixel inside the canvas.
    public subscript(x: Int, y: Int) -> Color {
        get {
            let place = (y * width + x) * 3
            return Color(pixels[place], pixels[place + 1], pixels[place + 2])
        }
        set {
            let place = (y * width + x) * 3
            pixels[place] = newValue.red
            pixels[place + 1] = newValue.green
            pixels[place + 2] = newValue.blue
        }
    }

    /// Mixes `color` into a pixel; outside the canvas nothing happens.
    public mutating func blend(_ x: Int, _ y: Int, _ color: Color, _ share: Double) {
        guard x >= 0, y >= 0, x < width, y < height else { return }
        self[x, y] = share >= 1 ? color : self[x, y].mixed(with: color, share)
    }

    /// Fills rectangles of whole pixels, clipped to the canvas.
    public mutating func fillRectangle(x: Int, y: Int, width: Int, height: Int, _ color: Color) {
        for row in max(y, 0)..<max(min(y + height, self.height), max(y, 0)) {
            for column in max(x, 0)..<max(min(x + width, self.width), max(x, 0)) { self[column, row] = color }
        }
    }

    /// Fills the union of closed polygons; where polygons of opposite direction overlap there is a hole.
    ///
    /// - Parameter opacity: 0...1.
    public mutating func fill(_ polygons: [[Point]], _ color: Color, opacity: Double = 1) {
        let edges = Self.edges(of: polygons)
        guard let top = edges.map(\.top).min(), let bottom = edges.map(\.bottom).max() else { return }
        let firstRow = Int(min(max(top.rounded(.down), 0), Double(height)))
        let endRow = Int(min(max(bottom.rounded(.up), 0), Double(height)))
        var coverage = [Double](repeating: 0, count: width)
        var crossings: [(x: Double, direction: Int)] = []
        for row in firstRow..<max(endRow, firstRow) {
            var columns: Range<Int>?
            for subrow in 0..<Self.subrows {
                let y = Double(row) + (Double(subrow) + 0.5) / Double(Self.subrows)
                crossings.removeAll(keepingCapacity: true)
                for edge in edges where edge.top <= y && y < edge.bottom {
                    crossings.append((edge.x + (y - edge.top) * edge.slope, edge.direction))
                }
                crossings.sort { $0.x < $1.x }
                var winding = 0
                for (index, crossing) in crossings.enumerated() {
                    if winding != 0 {
                        let span = cover(&coverage, from: crossings[index - 1].x, to: crossing.x)
                        columns =
                            columns.map {
                                min($0.lowerBound, span.lowerBound)..<max($0.upperBound, span.upperBound)
                            } ?? span
                    }
                    winding += crossing.direction
                }
            }
            guard let columns else { continue }
            for column in columns {
                if coverage[column] > 0 { blend(column, row, color, min(coverage[column], 1) * opacity) }
                coverage[column] = 0
            }
        }
    }

    /// Adds one step's worth of coverage of `from ..< to`; the columns touched.
    private func cover(_ coverage: inout [Double], from: Double, to: Double) -> Range<Int> {
        let (from, to) = (min(max(from, 0), Double(width)), min(max(to, 0), Double(width)))
        let first = min(Int(from), width - 1)
        guard to > from else { return first..<first }
        let end = min(Int(to.rounded(.up)), width)
        for column in first..<end {
            let share = min(to, Double(column + 1)) - max(from, Double(column))
            coverage[column] += share / Double(Self.subrows)
        }
        return first..<end
    }

    private struct Edge {
        var top: Double
        var bottom: Double
        /// Where the edge begins, at `top`.
        var x: Double
        /// Change of x for each step of y.
        var slope: Double
        var direction: Int
    }

    private static func edges(of polygons: [[Point]]) -> [Edge] {
        var edges: [Edge] = []
        for polygon in polygons where polygon.count > 2 {
            guard polygon.allSatisfy({ $0.x.isFinite && $0.y.isFinite }) else { continue }
            for (index, start) in polygon.enumerated() {
                let end = polygon[(index + 1) % polygon.count]
                guard start.y != end.y else { continue }
                let (upper, lower) = start.y < end.y ? (start, end) : (end, start)
                edges.append(
                    Edge(
                        top: upper.y, bottom: lower.y, x: upper.x, slope: (lower.x - upper.x) / (lower.y - upper.y),
                        direction: start.y < end.y ? 1 : -1))
            }
        }
        return edges
    }

    /// Writes the canvas as a PNG picture.
    ///
    /// - Throws: `ImageError`.
    public func write(to path: String) throws {
        try PNGWriter.write(pixels, width: width, height: height, channels: 3, to: path)
    }
}

extension Canvas {
    /// The corners of a regular polygon; with many, a circle. Clockwise as seen.
    public static func regularPolygon(
        corners: Int, centre: Point, radius: Double, angle: Double = 0
    ) -> [Point] {
        (0..<corners).map { corner in
            let (sine, cosine) = sineAndCosine(angle + 2 * .pi * Double(corner) / Double(corners))
            return Point(centre.x + radius * cosine, centre.y + radius * sine)
        }
    }

    /// A circle as a polygon whose corners no eye can see.
    public static func circle(centre: Point, radius: Double) -> [Point] {
        let corners = min(max(Int(radius * 3), 12), 180)
        return regularPolygon(corners: corners, centre: centre, radius: radius)
    }

    /// Draws a line through `points` with round ends and joints.
    ///
    /// - Parameters:
    ///   - width: pixels.
    ///   - opacity: 0...1.
    public mutating func stroke(_ points: [Point], width: Double, _ color: Color, opacity: Double = 1) {
        guard !points.isEmpty, width > 0 else { return }
        var polygons: [[Point]] = []
        for point in points { polygons.append(Self.circle(centre: point, radius: width / 2)) }
        for (start, end) in zip(points, points.dropFirst()) {
            let (dx, dy) = (end.x - start.x, end.y - start.y)
            let length = (dx * dx + dy * dy).squareRoot()
            guard length > 0 else { continue }
            let (nx, ny) = (-dy / length * width / 2, dx / length * width / 2)
            // The direction of `circle`, so that overlaps add up instead of cancelling.
            polygons.append([
                Point(start.x - nx, start.y - ny), Point(end.x - nx, end.y - ny), Point(end.x + nx, end.y + ny),
                Point(start.x + nx, start.y + ny),
            ])
        }
        fill(polygons, color, opacity: opacity)
    }
}
