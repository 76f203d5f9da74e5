/// One panel of a `CurvePlot`: axes, grid, curves, legend and the best point.
///
/// What it does not do: choose colours or place panels; `CurvePlot` does.

/// Round numbers that divide an axis.
struct AxisTicks: Equatable {
    var values: [Double]
    /// Digits behind the point.
    var digits: Int

    /// The ends of the axis: the first and the last tick.
    var range: ClosedRange<Double> { values[0]...values[values.count - 1] }

    /// Ticks in steps of 1, 2 or 5 times a power of ten that enclose `low ... high`.
    ///
    /// - Parameters:
    ///   - count: how many steps, about.
    ///   - whole: no step below 1 (epochs).
    init(low: Double, high: Double, count: Int, whole: Bool = false) {
        let span = max(high - low, max(abs(high), 1) * 1e-6)
        let raw = span / Double(max(count, 1))
        var power = 1.0
        var digits = 0
        while power > raw {
            power /= 10
            digits += 1
        }
        while power * 10 <= raw { power *= 10 }
        var step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= raw * 0.999 } ?? power * 10
        if step >= power * 10 { digits -= 1 }
        if whole, step < 1 { step = 1 }
        self.digits = whole ? 0 : max(digits, 0)
        let first = (low / step + 1e-9).rounded(.down)
        let last = max((high / step - 1e-9).rounded(.up), first + 1)
        values = (0...Int(last - first)).map { (first + Double($0)) * step }
    }

    func label(_ value: Double) -> String { AxisTicks.text(value, digits: digits) }

    /// A number with a fixed count of digits behind the point, without Foundation's locales.
    static func text(_ value: Double, digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        var factor = 1.0
        for _ in 0..<digits { factor *= 10 }
        let scaled = (abs(value) * factor).rounded()
        guard scaled < 1e15 else { return "\(value)" }
        let units = Int(scaled)
        let sign = value < 0 && units > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(units)" }
        let fraction = String(units % Int(factor))
        return "\(sign)\(units / Int(factor)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }
}

struct PanelDrawing {
    let panel: CurvePlot.Panel
    let horizontalTitle: String
    let left: Int
    let top: Int
    let width: Int
    let height: Int

    private var finite: [[Canvas.Point]] {
        panel.series.map { $0.points.filter { $0.x.isFinite && $0.y.isFinite && abs($0.y) < 1e12 && abs($0.x) < 1e12 } }
    }

    func draw(on canvas: inout Canvas) {
        let all = finite.flatMap { $0 }
        canvas.drawText(panel.title, x: left, y: top, scale: 2, CurvePlot.ink)
        let firstX = all.map(\.x).min() ?? 0
        let lastX = max(all.map(\.x).max() ?? 1, firstX + 1)
        let lowest = all.map(\.y).min() ?? 0
        let highest = all.map(\.y).max() ?? 1
        let steps = max(height / 64, 2)
        var vertical = AxisTicks(low: lowest, high: highest, count: steps)
        if lowest >= 0, lowest < 0.35 * highest { vertical = AxisTicks(low: 0, high: highest, count: steps) }
        let labels = vertical.values.map { vertical.label($0) + panel.unit }
        let labelWidth = labels.map { Canvas.textWidth($0, scale: 2) }.max() ?? 0
        let area = Area(
            left: Double(left + labelWidth + 10), top: Double(top + 34), right: Double(left + width - 12),
            bottom: Double(top + height - 50), x: firstX...lastX, y: vertical.range)
        guard area.right - area.left > 20, area.bottom - area.top > 20 else { return }
        drawAxes(area, vertical: vertical, labels: labels, on: &canvas)
        let curves = finite
        for (index, points) in curves.enumerated() {
            drawCurve(points, area, CurvePlot.colors[index % CurvePlot.colors.count], on: &canvas)
        }
        drawLegend(on: &canvas)
        if let last = curves.indices.last(where: { !curves[$0].isEmpty }) {
            markBest(
                curves[last], area, CurvePlot.colors[last % CurvePlot.colors.count], digits: vertical.digits,
                on: &canvas)
        }
    }

    private struct Area {
        var left, top, right, bottom: Double
        var x: ClosedRange<Double>
        var y: ClosedRange<Double>

        func place(_ point: Canvas.Point) -> Canvas.Point {
            Canvas.Point(
                left + (point.x - x.lowerBound) / (x.upperBound - x.lowerBound) * (right - left),
                bottom - (point.y - y.lowerBound) / (y.upperBound - y.lowerBound) * (bottom - top))
        }
    }

    private func drawAxes(_ area: Area, vertical: AxisTicks, labels: [String], on canvas: inout Canvas) {
        let right = Int(area.right)
        for (value, label) in zip(vertical.values, labels) {
            let y = Int(area.place(Canvas.Point(area.x.lowerBound, value)).y)
            let isBase = value == area.y.lowerBound
            canvas.fillRectangle(
                x: Int(area.left), y: y, width: right - Int(area.left), height: isBase ? 2 : 1,
                isBase ? CurvePlot.paleInk : CurvePlot.grid)
            let textWidth = Canvas.textWidth(label, scale: 2)
            canvas.drawText(label, x: Int(area.left) - 10 - textWidth, y: y - 7, scale: 2, CurvePlot.paleInk)
        }
        let horizontal = AxisTicks(
            low: area.x.lowerBound, high: area.x.upperBound, count: max(width / 90, 2), whole: true)
        let inside = horizontal.values.filter { area.x.contains($0) }
        // The first epoch is named even where round numbers begin later.
        let step = horizontal.values[1] - horizontal.values[0]
        let near = inside.first.map { $0 - area.x.lowerBound < step * 0.6 } ?? false
        for value in near ? inside : [area.x.lowerBound] + inside {
            let x = Int(area.place(Canvas.Point(value, area.y.lowerBound)).x)
            canvas.fillRectangle(x: x, y: Int(area.bottom), width: 2, height: 7, CurvePlot.paleInk)
            let label = horizontal.label(value)
            let textWidth = Canvas.textWidth(label, scale: 2)
            canvas.drawText(label, x: x + 1 - textWidth / 2, y: Int(area.bottom) + 12, scale: 2, CurvePlot.paleInk)
        }
        let titleWidth = Canvas.textWidth(horizontalTitle, scale: 2)
        canvas.drawText(
            horizontalTitle, x: Int(area.left + area.right) / 2 - titleWidth / 2, y: Int(area.bottom) + 34, scale: 2,
            CurvePlot.paleInk)
    }

    private func drawCurve(_ points: [Canvas.Point], _ area: Area, _ color: Canvas.Color, on canvas: inout Canvas) {
        let placed = points.map(area.place)
        canvas.stroke(placed, width: 3, color)
        // Few epochs: each is shown as a dot, else one would not see where the values are.
        if placed.count <= 30 {
            for point in placed { canvas.fill([Canvas.circle(centre: point, radius: 4)], color) }
        }
    }

    /// In the panel's title line, at the right: names in the colours of their curves.
    private func drawLegend(on canvas: inout Canvas) {
        var right = left + width - 12
        for (index, series) in panel.series.enumerated().reversed() {
            let color = CurvePlot.colors[index % CurvePlot.colors.count]
            right -= Canvas.textWidth(series.name, scale: 2)
            canvas.drawText(series.name, x: right, y: top, scale: 2, CurvePlot.ink)
            right -= 36
            let y = Double(top) + 7
            canvas.stroke([Canvas.Point(Double(right), y), Canvas.Point(Double(right) + 24, y)], width: 4, color)
            right -= 24
        }
    }

    private func markBest(
        _ points: [Canvas.Point], _ area: Area, _ color: Canvas.Color, digits: Int, on canvas: inout Canvas
    ) {
        let best = panel.best == .lowest ? points.min { $0.y < $1.y } : points.max { $0.y < $1.y }
        guard let best else { return }
        let place = area.place(best)
        canvas.fill([Canvas.circle(centre: place, radius: 8)], CurvePlot.paper)
        canvas.fill([Canvas.circle(centre: place, radius: 6)], color)
        canvas.fill([Canvas.circle(centre: place, radius: 3)], CurvePlot.paper)
        let digits = max(digits + 1, panel.unit.isEmpty ? 3 : 2)
        let label = "best \(AxisTicks.text(best.y, digits: digits))\(panel.unit)"
        let textWidth = Canvas.textWidth(label, scale: 2)
        let x = min(max(Int(place.x) - textWidth / 2, Int(area.left) + 4), Int(area.right) - textWidth)
        // Away from the curve: below a highest point, above a lowest, unless there is no room.
        let below = panel.best == .highest ? place.y + 16 < area.bottom - 20 : place.y - 34 < area.top
        let y = Int(place.y) + (below ? 16 : -30)
        canvas.fillRectangle(x: x - 4, y: y - 3, width: textWidth + 8, height: 20, CurvePlot.paper)
        canvas.drawText(label, x: x, y: y, scale: 2, color)
    }
}
