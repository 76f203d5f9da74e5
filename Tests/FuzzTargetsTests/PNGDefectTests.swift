/// PNG files that are strange, and PNG files that are broken: what each of them becomes.
///
/// Pixels of every sound kind of file are compared with Pillow's in SwiftletImageIOTests.
import FuzzTargets
import SwiftletImageIO
import Testing

@Suite struct PNGDefectTests {
    private typealias Kind = PNGSeeds.Kind
    private let grey = Kind(colorType: 0, depth: 8)

    private func pixels(_ file: [UInt8]) throws -> [UInt8] {
        let reader = try PNGReader(bytes: file, name: "x")
        var all: [UInt8] = []
        try reader.forEachRow { _, row in all.append(contentsOf: row) }
        return all
    }

    /// The line with which a file is refused, "read" when it is not.
    private func refusal(_ file: [UInt8]) -> String {
        do {
            _ = try pixels(file)
            return "read"
        } catch {
            return "\(error)"
        }
    }

    @Test func everyKindIsReadInEverySize() throws {
        for kind in Kind.all {
            for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 2), (33, 5)] {
                for isInterlaced in [false, true] {
                    let file = PNGSeeds.picture(kind, width: width, height: height, isInterlaced: isInterlaced)
                    let expected = width * height * (kind.colorType == 0 || kind.colorType == 4 ? 1 : 3)
                    let found = try pixels(file).count
                    #expect(found == expected, "\(kind), \(width)x\(height), interlaced \(isInterlaced)")
                }
            }
        }
    }

    @Test func transparencyGammaAndColourProfilesChangeNoPixel() throws {
        for kind in Kind.all {
            let plain = try pixels(PNGSeeds.picture(kind, width: 7, height: 4))
            var chunks = PNGSeeds.chunk("gAMA", [0, 0, 0x27, 0x10]) + PNGSeeds.chunk("sRGB", [3])
            chunks += PNGSeeds.chunk("iCCP", [0x6E, 0, 0, 0x78, 0x9C, 1, 2, 3])
            chunks += PNGSeeds.chunk("cHRM", Array(repeating: 1, count: 32))
            let transparency: [UInt8: [UInt8]] = [0: [0, 1], 2: [0, 1, 0, 1, 0, 1], 3: [0, 7]]
            if let data = transparency[kind.colorType] { chunks += PNGSeeds.chunk("tRNS", data) }
            #expect(try pixels(PNGSeeds.picture(kind, width: 7, height: 4, between: chunks)) == plain, "\(kind)")
        }
    }

    @Test func ofSixteenBitsTheUpperEightAreKept() throws {
        let rows: [UInt8] = [0, 0x12, 0xFF, 0x80, 0x00, 0xFF, 0xFF]
        let file = PNGSeeds.file(Kind(colorType: 0, depth: 16), width: 3, height: 1, compressed: PNGSeeds.deflate(rows))
        #expect(try pixels(file) == [0x12, 0x80, 0xFF])
    }

    /// libpng fills a palette with black; a file with such pixels breaks the specification (section 11.2.2) and is common.
    @Test func entriesThatAPaletteLacksAreBlack() throws {
        let rows: [UInt8] = [0, 0, 1, 2, 255]
        let palette = PNGSeeds.chunk("PLTE", [10, 20, 30, 40, 50, 60])
        let file = PNGSeeds.file(
            Kind(colorType: 3, depth: 8), width: 4, height: 1, before: palette, compressed: PNGSeeds.deflate(rows))
        #expect(try pixels(file) == [10, 20, 30, 40, 50, 60, 0, 0, 0, 0, 0, 0])
        // A tRNS longer than the palette says nothing of any pixel.
        let long = PNGSeeds.chunk("tRNS", Array(repeating: 9, count: 5))
        let odd = PNGSeeds.file(
            Kind(colorType: 3, depth: 8), width: 4, height: 1, before: palette + long,
            compressed: PNGSeeds.deflate(rows))
        #expect(try pixels(odd) == pixels(file))
    }

    @Test func headersThatNoPictureHasAreRefused() {
        let fields: [(name: String, header: [UInt8])] = [
            ("depth 3", [3, 0, 0, 0, 0]), ("colour type 1", [8, 1, 0, 0, 0]), ("colour type 7", [8, 7, 0, 0, 0]),
            ("a palette of 16 bits", [16, 3, 0, 0, 0]), ("colours of 4 bits", [4, 2, 0, 0, 0]),
            ("compression 1", [8, 0, 1, 0, 0]), ("filter 64", [8, 0, 0, 64, 0]), ("interlace 2", [8, 0, 0, 0, 2]),
            ("too short", [8, 0]), ("too long", [8, 0, 0, 0, 0, 0]),
        ]
        let rest = PNGSeeds.chunk("IDAT", PNGSeeds.deflate([0, 0])) + PNGSeeds.chunk("IEND", [])
        for (name, header) in fields {
            let file = PNGSeeds.signature + PNGSeeds.chunk("IHDR", [0, 0, 0, 1, 0, 0, 0, 1] + header) + rest
            #expect(refusal(file).hasPrefix("x: damaged before its pixels: "), "\(name): \(refusal(file))")
        }
        for size in [[0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 0, 0, 0, 0], [0x80, 0, 0, 0, 0, 0, 0, 1]] as [[UInt8]] {
            let file = PNGSeeds.signature + PNGSeeds.chunk("IHDR", size + [8, 0, 0, 0, 0]) + rest
            #expect(refusal(file).hasPrefix("x: damaged before its pixels: "), "\(size): \(refusal(file))")
        }
    }

    @Test func brokenChunksAreRefused() {
        let header = PNGSeeds.header(grey, width: 2, height: 2)
        let pixels = PNGSeeds.chunk("IDAT", PNGSeeds.deflate([0, 1, 2, 0, 3, 4]))
        let end = PNGSeeds.chunk("IEND", [])
        let palette = PNGSeeds.header(Kind(colorType: 3, depth: 8), width: 2, height: 2)
        let large = [UInt8](repeating: 1, count: 771)
        func picture(_ rows: [UInt8]) -> [UInt8] {
            header + PNGSeeds.chunk("IDAT", PNGSeeds.deflate(rows)) + end
        }
        func coloured(_ entries: [UInt8]) -> [UInt8] { palette + PNGSeeds.chunk("PLTE", entries) + pixels + end }
        func begun(_ length: [UInt8]) -> [UInt8] { header + length + Array("IDAT".utf8) + [1, 2, 3] }
        let half = Array(PNGSeeds.deflate([0, 1, 2, 0, 3, 4]).prefix(6))
        let files: [(name: String, chunks: [UInt8])] = [
            ("no header", pixels + end), ("a header twice", header + header + pixels + end),
            ("no pixels", header + end), ("no end", header + pixels),
            ("nothing", []), ("no palette", palette + pixels + end),
            ("an empty palette", coloured([])), ("a palette of 4 bytes", coloured([1, 2, 3, 4])),
            ("a palette of 257 entries", coloured(large)),
            ("an unknown critical chunk", header + PNGSeeds.chunk("ABCD", [1]) + pixels + end),
            ("a chunk longer than the file", begun([0x7F, 0xFF, 0xFF, 0xFF])),
            ("a length beyond 31 bits", begun([0xFF, 0xFF, 0xFF, 0xFF])),
            ("a name of no letters", header + PNGSeeds.chunk("1234", []) + pixels + end),
            ("too few rows", picture([0, 1, 2])), ("a row cut off", picture([0, 1, 2, 0, 3])),
            ("a filter that is none", picture([5, 1, 2, 0, 3, 4])),
            ("bytes that are not deflated", header + PNGSeeds.chunk("IDAT", [1, 2, 3, 4, 5, 6]) + end),
            ("half of the deflated bytes", header + PNGSeeds.chunk("IDAT", half) + end),
        ]
        for (name, chunks) in files {
            let line = refusal(PNGSeeds.signature + chunks)
            #expect(line.hasPrefix("x: damaged "), "\(name): \(line)")
        }
    }

    @Test func chunksThatChangeNothingArePassedOver() {
        let header = PNGSeeds.header(grey, width: 2, height: 2)
        let stream = PNGSeeds.deflate([0, 1, 2, 0, 3, 4])
        let end = PNGSeeds.chunk("IEND", [])
        let split = stream.flatMap { PNGSeeds.chunk("IDAT", [$0]) + PNGSeeds.chunk("IDAT", []) }
        let files: [(name: String, chunks: [UInt8])] = [
            ("an empty IDAT between each byte", header + split + end),
            ("an unknown chunk", header + PNGSeeds.chunk("abCd", [1]) + PNGSeeds.chunk("IDAT", stream) + end),
            (
                "text after the pixels",
                header + PNGSeeds.chunk("IDAT", stream) + PNGSeeds.chunk("tEXt", [65, 0, 66]) + end
            ),
            ("bytes behind the end", header + PNGSeeds.chunk("IDAT", stream) + end + [1, 2, 3]),
            ("gamma 0", header + PNGSeeds.chunk("gAMA", [0, 0, 0, 0]) + PNGSeeds.chunk("IDAT", stream) + end),
        ]
        for (name, chunks) in files {
            #expect((try? pixels(PNGSeeds.signature + chunks)) == [1, 2, 3, 4], "\(name)")
        }
    }

    /// 30 MB of zeros in 30 KB, as text, as a profile, and as pixels of a picture that has only four.
    @Test func whatUnpacksToMoreThanThePictureIsNotUnpacked() throws {
        let zeros = PNGSeeds.deflate([UInt8](repeating: 0, count: 30_000_000), level: 9)
        #expect(zeros.count < 40_000)
        let header = PNGSeeds.header(grey, width: 2, height: 2)
        let stream = PNGSeeds.chunk("IDAT", PNGSeeds.deflate([0, 1, 2, 0, 3, 4]))
        let end = PNGSeeds.chunk("IEND", [])
        for kind in ["zTXt", "iCCP"] {
            let bomb = PNGSeeds.chunk(kind, Array("name\0\0".utf8) + zeros)
            #expect(try pixels(PNGSeeds.signature + header + bomb + stream + end) == [1, 2, 3, 4], "\(kind)")
        }
        let line = refusal(PNGSeeds.signature + header + PNGSeeds.chunk("IDAT", zeros) + end)
        #expect(line == "read" || line.hasPrefix("x: damaged at row 1 of 2"), "\(line)")
    }

    @Test func aSmallFileThatClaimsALargePictureIsRefusedAtItsFirstRowOrBefore() {
        for isInterlaced in [false, true] {
            let file = PNGSeeds.file(
                Kind(colorType: 6, depth: 16), width: 5000, height: 5000, isInterlaced: isInterlaced,
                compressed: PNGSeeds.deflate([0, 1, 2]))
            #expect(refusal(file).hasPrefix("x: damaged at row 0 of 5000: "), "\(refusal(file))")
        }
    }
}
