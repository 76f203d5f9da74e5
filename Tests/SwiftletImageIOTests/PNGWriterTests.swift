/// PNG out: what is written is read again, and only whole files appear.
import Foundation
import Testing

@testable import SwiftletImageIO

@Suite struct PNGWriterTests {
    @Test(arguments: [(1, 1, 1), (13, 9, 3), (200, 3, 1), (7, 40, 3)])
    func whatIsWrittenIsReadAgain(width: Int, height: Int, channels: Int) throws {
        let path = Fixture.temporaryPath("out.png")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let pixels = Fixture.noise(width * height * channels, seed: 4)
        try PNGWriter.write(pixels, width: width, height: height, channels: channels, to: path)
        let reader = try PNGReader(path: path)
        #expect(reader.channels == channels && !reader.isInterlaced)
        #expect(try reader.pixels() == pixels)
    }

    @Test func anUnfinishedPictureLeavesNothingAndAnOldOneStays() throws {
        let folder = Fixture.temporaryPath("folder")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/out.png"
        try PNGWriter.write([1, 2], width: 1, height: 2, channels: 1, to: path)
        var writer: PNGWriter? = try PNGWriter(path: path, width: 1, height: 3, channels: 1)
        try [UInt8(7)].withUnsafeBufferPointer { try writer!.write(row: $0) }
        #expect(line { try writer!.finish() } == "\(path): 1 rows written, but the picture has 3")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
        writer = nil
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["out.png"])
        #expect(try PNGReader(path: path).pixels() == [1, 2])
    }

    @Test func aPlaceThatCannotBeWrittenIsNamed() {
        #expect(
            line { _ = try PNGWriter(path: "/no/such/folder/a.png", width: 1, height: 1, channels: 3) }
                == "/no/such/folder/a.png: cannot be written: No such file or directory")
        #expect(
            line { _ = try PNGWriter(path: "a.png", width: 0, height: 1, channels: 3) }.contains(
                "0x1 pixels of 3 channels"))
    }
}
