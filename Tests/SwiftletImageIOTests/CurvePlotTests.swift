/// The plot's axes, and that no values make it trap.
import Foundation
import SwiftletGraph
import Testing

@testable import SwiftletImageIO

@Suite struct CurvePlotTests {
    @Test func ticksAreRoundAndEncloseTheValues() {
        #expect(AxisTicks(low: 0, high: 2.3, count: 5).values == [0, 0.5, 1, 1.5, 2, 2.5])
        #expect(AxisTicks(low: 41, high: 92.4, count: 6).values == [40, 50, 60, 70, 80, 90, 100])
        #expect(AxisTicks(low: 1, high: 8, count: 20, whole: true).values == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(AxisTicks(low: 0.012, high: 0.013, count: 4).label(0.0125) == "0.0125")
        #expect(AxisTicks(low: 5, high: 5, count: 4).values.count >= 2)
        #expect(AxisTicks.text(-0.0004, digits: 2) == "0.00")
        #expect(AxisTicks.text(-12.345, digits: 1) == "-12.3")
    }

    @Test func aTrainingIsDrawnInTheColoursOfItsCurves() throws {
        let epochs = 60
        let ramp = (0..<epochs).map { 1 - 1 / (1 + Double($0) / 6) }
        let canvas = CurvePlot.training(
            title: "ResNet-20 on CIFAR-10", subtitle: "seed 7, 60 epochs, cosine schedule",
            trainingLoss: ramp.map { 2.3 - 2.1 * $0 }, testLoss: ramp.map { 2.2 - 1.8 * $0 * $0 },
            trainingAccuracy: ramp.map { 0.1 + 0.88 * $0 }, testAccuracy: ramp.map { 0.1 + 0.8 * $0 }
        ).draw()
        for color in CurvePlot.colors.prefix(2) {
            let count = stride(from: 0, to: canvas.pixels.count, by: 3).count {
                canvas.pixels[$0] == color.red && canvas.pixels[$0 + 1] == color.green
                    && canvas.pixels[$0 + 2] == color.blue
            }
            #expect(count > 500)
        }
        if let path = ProcessInfo.processInfo.environment["SWIFTLET_PLOT"] { try canvas.write(to: path) }
    }

    @Test func emptyConstantAndEndlessValuesAreDrawnWithoutTraps() {
        let cases: [[Double]] = [
            [], [1], [.nan, .infinity, -.infinity], [0, 0, 0], [1e300, -1e300], [1, .nan, 2], [-1e-9, 1e-9],
        ]
        for values in cases {
            for (width, height) in [(1280, 560), (1, 1), (200, 200)] {
                let panels = [
                    CurvePlot.Panel(title: "x", series: [.init(name: "a", values: values)], best: .lowest),
                    CurvePlot.Panel(title: "y", series: [], unit: "%", best: .highest),
                ]
                let canvas = CurvePlot(title: "t\u{1F600}", panels: panels).draw(width: width, height: height)
                #expect(canvas.width >= width)
            }
        }
        #expect(CurvePlot(title: "", panels: []).draw().width == 1280)
    }
}

@Suite struct CanvasTests {
    @Test func coverageOfAFilledPolygonIsItsArea() {
        var canvas = Canvas(width: 20, height: 20, color: .black)
        canvas.fill([[.init(2.5, 3.25), .init(12.75, 3.25), .init(12.75, 10.5), .init(2.5, 10.5)]], .white)
        let sum = canvas.pixels.reduce(0) { $0 + Int($1) }
        #expect(abs(Double(sum) / 765 - 10.25 * 7.25) < 0.2)
        #expect(canvas[5, 5] == .white && canvas[2, 5].red == 128 && canvas[13, 5] == .black)
    }

    @Test func overlapsOfAStrokeAreNotDrawnTwice() {
        var canvas = Canvas(width: 30, height: 30, color: .black)
        let points = [Canvas.Point(4, 4), Canvas.Point(25, 15), Canvas.Point(4, 26)]
        canvas.stroke(points, width: 6, .white, opacity: 0.5)
        #expect(canvas.pixels.max() == 128)
        #expect(canvas[25, 15].red == 128)
    }

    @Test func shapesBeyondTheEdgeAreClipped() {
        var canvas = Canvas(width: 8, height: 8, color: .black)
        canvas.fill([Canvas.circle(centre: .init(-20, 4), radius: 10)], .white)
        canvas.fill([Canvas.circle(centre: .init(4, 1e7), radius: 10)], .white)
        canvas.fill([[.init(.nan, 0), .init(1, 1), .init(0, 1)]], .white)
        canvas.fillRectangle(x: 100, y: -50, width: 5, height: 10, .white)
        canvas.drawText("beyond", x: 6, y: 6, scale: 3, .black)
        #expect(canvas.pixels.allSatisfy { $0 == 0 })
        canvas.fill([Canvas.circle(centre: .init(4, 4), radius: 100)], .white)
        #expect(canvas.pixels.allSatisfy { $0 == 255 })
    }

    @Test func everyPrintableCharacterHasItsOwnGlyph() {
        let glyphs = (0x20...0x7E).map { code -> [UInt8] in
            var canvas = Canvas(width: 6, height: 8, color: .black)
            canvas.drawText(String(UnicodeScalar(UInt8(code))), x: 0, y: 0, .white)
            return canvas.pixels
        }
        #expect(Set(glyphs).count == 95)
    }
}
