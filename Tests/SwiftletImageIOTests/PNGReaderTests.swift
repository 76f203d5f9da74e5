/// PNG in: every kind of file against Pillow's bytes, every defect against its line.
import Foundation
import SwiftletGraph
import Testing

@testable import SwiftletImageIO

@Suite struct PNGReaderTests {
    @Test func everyColourTypeDepthAndInterlacingDecodesAsInPillow() throws {
        let table = try Fixture.table("png.tsv")
        #expect(table.count == 41)
        for fields in table {
            let reader = try PNGReader(bytes: Fixture.bytes(hex: fields[4]))
            #expect("\(reader.width) \(reader.height) \(reader.channels)" == fields[1...3].joined(separator: " "))
            #expect(reader.isInterlaced == fields[0].hasSuffix("adam7"))
            #expect(try reader.pixels() == Fixture.bytes(hex: fields[5]), "\(fields[0])")
        }
    }

    @Test func aFileIsReadAsItsBytesAre() throws {
        let (file, pixels) = try Fixture.png("rgb8-13x9")
        let path = Fixture.temporaryPath("picture.png")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(file).write(to: URL(fileURLWithPath: path))
        #expect(try PNGReader(path: path).pixels() == pixels)
    }

    @Test func aPipeIsReadAsItComes() throws {
        let (file, pixels) = try Fixture.png("rgb8-13x9-adam7")
        let pipe = Pipe()
        pipe.fileHandleForWriting.write(Data(file))
        try pipe.fileHandleForWriting.close()
        #expect(try PNGReader(path: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)").pixels() == pixels)
    }

    @Test func aMissingFileAndAFolderSaySo() {
        #expect(
            line { _ = try PNGReader(path: "/no/such.png") }
                == "/no/such.png: cannot be read: No such file or directory")
        #expect(line { _ = try PNGReader(path: "/") }.hasPrefix("/: "))
    }

    @Test func otherFormatsAreNamed() {
        func refusal(_ bytes: [UInt8]) -> String { line { _ = try PNGReader(bytes: bytes, name: "x") } }
        #expect(refusal([]) == "x: not a PNG picture, it has no bytes; convert it to PNG first")
        #expect(refusal([0x89, 0x50]) == "x: not a PNG picture, it has only 2 bytes; convert it to PNG first")
        #expect(
            refusal([0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 74, 70])
                == "x: not a PNG picture, it begins with FF D8 FF E0 00 10 4A 46 (a JPEG); convert it to PNG first")
    }

    @Test func aCutFileNamesTheRowAtWhichItBreaks() throws {
        let (file, _) = try Fixture.png("rgb8-13x9")
        for end in 8..<file.count {
            let message = line { _ = try PNGReader(bytes: Array(file[..<end]), name: "x").pixels() }
            #expect(message.hasPrefix("x: damaged "), "cut at \(end): \(message)")
            #expect(message.contains("it ends after \(end) bytes"), "cut at \(end): \(message)")
        }
        #expect(
            line { _ = try PNGReader(bytes: Array(file[..<300]), name: "x").pixels() }
                == "x: damaged at row 4 of 9: it ends after 300 bytes; fetch or save it again")
    }

    @Test func aFlippedBitIsSeenByTheChecksum() throws {
        var (file, _) = try Fixture.png("rgb8-13x9")
        file[file.count - 14] ^= 4  // in the checksum of the last IDAT
        #expect(line { _ = try PNGReader(bytes: file).pixels() }.contains("IDAT: CRC error"))
    }

    @Test func bombsAreRefusedBeforeAPixelIsDecoded() {
        func refusal(_ width: Int, _ height: Int, interlaced: Bool = false) -> String {
            line {
                _ = try PNGReader(
                    bytes: Fixture.header(width: width, height: height, interlaced: interlaced), name: "x")
            }
        }
        #expect(
            refusal(65_536, 1)
                == "x: 65536x1 pixels are too many: at most 65535 on a side are read; scale the picture down first")
        #expect(refusal(2_147_483_647, 2_147_483_647).contains("at most 65535 on a side are read"))
        #expect(refusal(60_000, 60_000).contains("at most 268435456 are read; scale"))
        #expect(refusal(8000, 8000, interlaced: true).contains("at most 33554432 are read of an interlaced picture"))
        #expect(refusal(0, 5).contains("damaged before its pixels"))
        #expect(refusal(8000, 8000) == "no error")
    }

    @Test func moreBytesThanTheLimitAreRefused() throws {
        let (file, _) = try Fixture.png("rgb8-13x9")
        let message = line { _ = try PNGReader(bytes: file, limits: .init(bytes: 100)).pixels() }
        #expect(message.contains("more than 100 bytes, the most that is read"))
    }

    @Test func mutatedFilesAreReadOrRefusedButNeverTrap() throws {
        let files = try ["rgb8-13x9", "palette4-13x9-adam7", "grey16-13x9", "rgb-alpha8-13x9-adam7", "palette4-key"]
            .map { try Fixture.png($0).file }
        var generator = SeededGenerator(seed: 17)
        let limits = PNGReader.Limits(side: 4096, pixels: 1 << 20, interlacedPixels: 1 << 18)
        var read = 0
        for turn in 0..<2000 {
            var file = files[turn % files.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 8..<file.count, using: &generator)
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: file.removeSubrange(place..<min(place + 5, file.count))
                case 1: file.insert(contentsOf: file[place..<min(place + 12, file.count)], at: place)
                default: file[place] = UInt8(truncatingIfNeeded: generator.next())
                }
            }
            if turn % 2 == 0 { file = Self.withTrueChecksums(file) }
            guard let pixels = try? PNGReader(bytes: file, limits: limits).pixels() else { continue }
            #expect(!pixels.isEmpty)
            read += 1
        }
        #expect(read > 20, "with checksums put right some mutations must get as far as the pixels: \(read)")
    }

    /// The checksum of each chunk that is still whole put right, so that mutations get past it.
    private static func withTrueChecksums(_ file: [UInt8]) -> [UInt8] {
        var file = file
        var place = 8
        while place + 12 <= file.count {
            let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            guard place + 12 + length <= file.count else { break }
            let crc = Fixture.bigEndian(Int(Fixture.crc32(file[place + 4..<place + 8 + length])))
            file.replaceSubrange(place + 8 + length..<place + 12 + length, with: crc)
            place += 12 + length
        }
        return file
    }
}
