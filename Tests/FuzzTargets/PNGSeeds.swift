/// PNG files chunk by chunk (W3C Recommendation "Portable Network Graphics", third edition): valid ones of every kind, and
/// the parts to make broken ones.
///
/// What it does not do: filter rows or compress well; filter type 0 and stored blocks keep pixels where mutations find
/// them.
import CZlib

public enum PNGSeeds {
    /// Colour type and bit depth.
    public struct Kind: Hashable, Sendable {
        public var colorType: UInt8
        public var depth: Int

        public init(colorType: UInt8, depth: Int) {
            self.colorType = colorType
            self.depth = depth
        }

        /// Bits of a pixel.
        public var bits: Int { depth * [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colorType]! }

        /// All that the specification allows (table 12).
        public static let all: [Kind] = [
            (0, [1, 2, 4, 8, 16]), (2, [8, 16]), (3, [1, 2, 4, 8]), (4, [8, 16]), (6, [8, 16]),
        ].flatMap { type, depths in depths.map { Kind(colorType: type, depth: $0) } }
    }

    public static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    @Sendable
    static func all() throws -> [[UInt8]] {
        let plain = Kind.all.flatMap { kind in
            [false, true].map { picture(kind, width: 5, height: 6, isInterlaced: $0) }
        }
        let ancillary = [
            chunk("gAMA", DataSetSeeds.bigEndian(45_455)), chunk("tRNS", [0, 1]),
            chunk("tEXt", Array("Title\0seed".utf8)), chunk("bKGD", [0, 1]), chunk("sBIT", [5]),
        ].flatMap { $0 }
        return plain + [
            picture(Kind(colorType: 0, depth: 8), width: 9, height: 3, between: ancillary),
            picture(Kind(colorType: 2, depth: 16), width: 3, height: 3, between: chunk("tRNS", [0, 1, 0, 2, 0, 3])),
            picture(Kind(colorType: 3, depth: 4), width: 7, height: 2, between: chunk("tRNS", [0, 128, 255])),
            picture(Kind(colorType: 2, depth: 8), width: 40, height: 30, level: 6),
        ]
    }

    /// A whole file.
    ///
    /// - Parameters:
    ///   - palette: entries of a palette; nil for as many as the depth can name, up to 16.
    ///   - between: chunks between the palette and the pixels.
    ///   - level: zlib's.
    public static func picture(
        _ kind: Kind, width: Int, height: Int, isInterlaced: Bool = false, palette: Int? = nil, between: [UInt8] = [],
        level: Int32 = 0
    ) -> [UInt8] {
        let colors = kind.colorType == 3 ? palette ?? min(1 << kind.depth, 16) : 0
        let pixels = rows(kind, width: width, height: height, isInterlaced: isInterlaced)
        return file(
            kind, width: width, height: height, isInterlaced: isInterlaced,
            before: (kind.colorType == 3 ? chunk("PLTE", DataSetSeeds.noise(3 * colors)) : []) + between,
            compressed: deflate(pixels, level: level))
    }

    /// A file of given chunks before the pixels and given bytes for them.
    public static func file(
        _ kind: Kind, width: Int, height: Int, isInterlaced: Bool = false, before: [UInt8] = [], compressed: [UInt8]
    ) -> [UInt8] {
        signature + header(kind, width: width, height: height, isInterlaced: isInterlaced) + before
            + chunk("IDAT", compressed) + chunk("IEND", [])
    }

    /// - Parameter level: zlib's; 0 stores the bytes as they are.
    public static func deflate(_ bytes: [UInt8], level: Int32 = 0) -> [UInt8] { Deflate.zlib(bytes, level: level) }

    public static func header(_ kind: Kind, width: Int, height: Int, isInterlaced: Bool = false) -> [UInt8] {
        let size = DataSetSeeds.bigEndian(width, height)
        return chunk("IHDR", size + [UInt8(kind.depth), kind.colorType, 0, 0, isInterlaced ? 1 : 0])
    }

    /// Filter bytes and pixels as they are compressed: of the picture, or of Adam7's seven.
    static func rows(_ kind: Kind, width: Int, height: Int, isInterlaced: Bool) -> [UInt8] {
        // First column and row, and the steps between them, of each pass (section 8.1).
        let passes =
            isInterlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)]
        var bytes: [UInt8] = []
        for (left, top, stepX, stepY) in passes {
            let columns = max(width - left + stepX - 1, 0) / stepX
            let lines = max(height - top + stepY - 1, 0) / stepY
            guard columns > 0 else { continue }
            let rowBytes = (columns * kind.bits + 7) / 8
            for line in 0..<lines {
                bytes += [0] + (0..<rowBytes).map { UInt8(truncatingIfNeeded: $0 * 53 + line * 17) }
            }
        }
        // Of a palette of at most 16 entries, none that is missing.
        return kind == Kind(colorType: 3, depth: 8) ? bytes.map { $0 & 15 } : bytes
    }

    public static func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(kind.utf8) + data
        return DataSetSeeds.bigEndian(data.count) + body + checksum(body)
    }

    static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        DataSetSeeds.bigEndian(Int(crc32(0, bytes, UInt32(bytes.count))))
    }

    /// The checksum of each chunk that is still whole put right.
    static func withTrueChecksums(_ file: [UInt8]) -> [UInt8] {
        var file = file
        var place = signature.count
        while place + 12 <= file.count {
            let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            guard place + 12 + length <= file.count else { break }
            let end = place + 8 + length
            file.replaceSubrange(end..<end + 4, with: checksum(Array(file[place + 4..<end])))
            place = end + 4
        }
        return file
    }
}
