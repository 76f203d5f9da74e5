/// A profile as one page: the arena over time, the operators, the roofline. Opened from a file, it needs nothing else.
///
/// The page's data lie in it as JSON; its script draws them. Texts from the model are data and never markup. What it does not
/// do: measure, or ask a network for anything.
import Foundation
import SwiftletHost

public struct ProfilePage {
    private struct Contents: Encodable {
        var profile: Profile
        var timeline: MemoryTimeline
        /// The ring that each operator writes.
        var outputs: [Int]
        /// The operator that makes a row at each moment after the first; nil for a row that is pushed.
        var order: [Int?]
        /// Microseconds at which each moment begins, and at last the run's end.
        var times: [Double]
    }

    private let contents: Contents

    /// - Parameter timeline: of the model that was measured.
    public init(_ file: ModelFile, _ measurement: Profile.Measurement, _ timeline: MemoryTimeline) {
        let run = measurement.fastestRun
        let reader = file.model.reader
        contents = Contents(
            profile: measurement.profile, timeline: timeline,
            outputs: (0..<reader.operatorCount).map { Int(reader.operation($0).output.buffer) },
            order: run.map(\.operation),
            times: [0] + run.map { Double($0.start) / 1e3 } + [Double(run.last?.end ?? 0) / 1e3])
    }

    /// The whole file.
    public func html() throws -> [UInt8] {
        let encoder = JSONEncoder()
        // Slashes are escaped, so that no text can end the element that holds the data.
        encoder.outputFormatting = .sortedKeys
        let data = String(decoding: try encoder.encode(contents), as: UTF8.self)
        return Array(
            (Self.head + Self.style + Self.body + data + "</script>\n<script>\n\"use strict\";\n" + Self.basics
                + Self.map + Self.operators + Self.roofline + "</script>\n</html>\n").utf8)
    }

    private static let head = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Swiftlet profile</title>

        """

    private static let body = """
        <header>
        <h1 id="title"></h1>
        <p id="subtitle"></p>
        </header>
        <section id="figures"></section>
        <section class="card">
        <div class="bar">
        <h2>The arena over the run</h2>
        <div class="switch" role="group" aria-label="Horizontal axis">
        <button id="byRow" aria-pressed="true">rows</button><button id="byTime" aria-pressed="false">time</button>
        </div>
        </div>
        <p class="note">Every band is a tensor at its place in the arena. Where it is solid, its rows hold something; where
        it is pale, their place is free for others. Point at one: its operator lights up in the table and the roofline.</p>
        <div id="map"></div>
        </section>
        <section class="card">
        <h2>Operators</h2>
        <p class="note">Medians of the watched runs. Click on a column's head to sort by it.</p>
        <div class="scroll"><table id="operators"></table></div>
        </section>
        <section class="card">
        <h2>Roofline</h2>
        <p class="note" id="rooflineNote"></p>
        <div id="roofline"></div>
        </section>
        <footer id="footer"></footer>
        <div id="tip" role="tooltip" hidden></div>
        <script type="application/json" id="data">
        """
}
