/// Curves over epochs as a picture: a panel for each quantity, side by side under one title.
///
/// What it does not do: know what it plots; values that are not finite leave a gap.

public struct CurvePlot: Sendable {
    /// One curve.
    public struct Series: Sendable {
        public var name: String
        public var points: [Canvas.Point]

        /// - Parameter points: x and y in the panel's units, x ascending.
        public init(name: String, points: [Canvas.Point]) {
            self.name = name
            self.points = points
        }

        /// Values at x = `start`, `start + 1`, ...
        public init(name: String, values: [Double], from start: Double = 1) {
            self.init(
                name: name, points: values.enumerated().map { Canvas.Point(start + Double($0), $1) })
        }
    }

    /// One quantity, with its own axes.
    public struct Panel: Sendable {
        public var title: String
        public var series: [Series]
        /// Written behind every number of the vertical axis: "%".
        public var unit: String
        /// Which end of the curve is good: its best point is marked and named.
        public var best: Best

        public enum Best: Sendable {
            case lowest
            case highest
        }

        public init(title: String, series: [Series], unit: String = "", best: Best) {
            self.title = title
            self.series = series
            self.unit = unit
            self.best = best
        }
    }

    public var title: String
    /// A line below the title: network, data, date, whatever tells this run from another.
    public var subtitle: String
    public var horizontalTitle: String
    public var panels: [Panel]

    public init(title: String, subtitle: String = "", horizontalTitle: String = "epoch", panels: [Panel]) {
        self.title = title
        self.subtitle = subtitle
        self.horizontalTitle = horizontalTitle
        self.panels = panels
    }

    /// The usual picture of a training: loss and accuracy, training and test.
    ///
    /// - Parameter accuracies: shares of 1; drawn in percent.
    public static func training(
        title: String, subtitle: String = "", trainingLoss: [Double], testLoss: [Double], trainingAccuracy: [Double],
        testAccuracy: [Double]
    ) -> CurvePlot {
        func series(_ training: [Double], _ test: [Double], _ factor: Double) -> [Series] {
            [("training", training), ("test", test)].filter { !$0.1.isEmpty }.map { name, values in
                Series(name: name, values: values.map { $0 * factor })
            }
        }
        return CurvePlot(
            title: title, subtitle: subtitle,
            panels: [
                Panel(title: "loss", series: series(trainingLoss, testLoss, 1), best: .lowest),
                Panel(
                    title: "accuracy", series: series(trainingAccuracy, testAccuracy, 100), unit: "%", best: .highest),
            ])
    }

    /// Okabe and Ito's colours, which the colour-blind tell apart too: blue, vermilion, green, purple, orange, sky.
    static let colors = [
        Canvas.Color(0, 114, 178), Canvas.Color(213, 94, 0), Canvas.Color(0, 158, 115), Canvas.Color(204, 121, 167),
        Canvas.Color(230, 159, 0), Canvas.Color(86, 180, 233),
    ]
    static let ink = Canvas.Color(38, 43, 51)
    static let paleInk = Canvas.Color(118, 126, 138)
    static let grid = Canvas.Color(228, 231, 236)
    static let paper = Canvas.Color(250, 250, 248)

    /// The picture.
    ///
    /// - Parameters:
    ///   - width: pixels; at least 320 for every panel looks well.
    ///   - height: pixels.
    public func draw(width: Int = 1280, height: Int = 560) -> Canvas {
        var canvas = Canvas(width: max(width, 160), height: max(height, 160), color: Self.paper)
        let margin = 28
        canvas.drawText(title, x: margin, y: 24, scale: 3, Self.ink)
        var top = 24 + 8 * 3 + 8
        if !subtitle.isEmpty {
            canvas.drawText(subtitle, x: margin, y: top, scale: 2, Self.paleInk)
            top += 16 + 8
        }
        let panelWidth = (canvas.width - margin * (panels.count + 1)) / max(panels.count, 1)
        for (index, panel) in panels.enumerated() {
            PanelDrawing(
                panel: panel, horizontalTitle: horizontalTitle, left: margin + index * (panelWidth + margin),
                top: top + 10,
                width: panelWidth, height: canvas.height - top - 10 - 16
            ).draw(on: &canvas)
        }
        return canvas
    }
}
