import Foundation
import Testing

@testable import SwiftletFormat

/// The tables of the article on the format against the records themselves.
@Suite struct FormatArticleTests {
    private static let article: String = {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appendingPathComponent("Sources/SwiftletFormat/SwiftletFormat.docc/TheInt8BinFormat.md")
        return (try? String(contentsOf: url, encoding: .utf8)) ?? ""
    }()

    /// Field name to offset, of the table under `heading`.
    private func table(_ heading: String) -> [String: Int] {
        guard let section = Self.article.components(separatedBy: "## \(heading)").dropFirst().first else { return [:] }
        var fields: [String: Int] = [:]
        for line in section.components(separatedBy: "\n## ")[0].split(separator: "\n") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            if cells.count > 4, let offset = Int(cells[1]) { fields[cells[3]] = offset }
        }
        return fields
    }

    @Test func theHeadersTableIsRight() {
        let fields = table("Header\n")
        #expect(fields["arenaBytes"] == MemoryLayout<HeaderRecord>.offset(of: \.arenaBytes))
        #expect(fields["operators"] == MemoryLayout<HeaderRecord>.offset(of: \.operators))
        #expect(fields["segments"] == MemoryLayout<HeaderRecord>.offset(of: \.segments))
        #expect(fields["links"] == MemoryLayout<HeaderRecord>.offset(of: \.links))
        #expect(fields["shorterSide"] == MemoryLayout<HeaderRecord>.offset(of: \.preprocessing))
        #expect(fields["architecture"] == MemoryLayout<HeaderRecord>.offset(of: \.architecture))
        #expect(fields["selfTestSeed"] == MemoryLayout<HeaderRecord>.offset(of: \.selfTestSeed))
        #expect(fields["weightBytes"] == MemoryLayout<HeaderRecord>.offset(of: \.weightBytes))
        #expect(fields["multiplyAccumulates"] == MemoryLayout<HeaderRecord>.offset(of: \.multiplyAccumulates))
    }

    @Test func theOperatorsTableIsRight() {
        let fields = table("Operator record")
        #expect(fields["scratchBuffer"] == MemoryLayout<OperatorRecord>.offset(of: \.scratchBuffer))
        #expect(fields["firstConsumer"] == MemoryLayout<OperatorRecord>.offset(of: \.firstConsumer))
        #expect(fields["paddingLeft"] == MemoryLayout<OperatorRecord>.offset(of: \.paddingLeft))
        #expect(fields["second"] == MemoryLayout<OperatorRecord>.offset(of: \.second))
        #expect(fields["output"] == MemoryLayout<OperatorRecord>.offset(of: \.output))
        #expect(fields["groups"] == MemoryLayout<OperatorRecord>.offset(of: \.groups))
        #expect(fields["outputChannels"] == MemoryLayout<OperatorRecord>.offset(of: \.outputChannels))
        #expect(fields["parameterBytes"] == MemoryLayout<OperatorRecord>.offset(of: \.parameterBytes))
        #expect(fields["outputScale"] == MemoryLayout<OperatorRecord>.offset(of: \.outputScale))
    }

    @Test func theSmallerTablesAreRight() {
        #expect(table("Buffer record")["pixelBytes"] == MemoryLayout<BufferRecord>.offset(of: \.pixelBytes))
        #expect(table("Operand")["channelTable"] == MemoryLayout<OperandRecord>.offset(of: \.channelTable))
        #expect(table("Input record")["firstConsumer"] == MemoryLayout<InputRecord>.offset(of: \.firstConsumer))
        #expect(table("Output record")["scale"] == MemoryLayout<OutputRecord>.offset(of: \.scale))
    }
}
