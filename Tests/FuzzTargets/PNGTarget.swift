/// PNG pictures through libpng, row by row, into the resizer.
///
/// The checksums of chunks are put right unless the file ends with an odd byte, so that mutations get past them.
/// What it does not do: judge pixels; the tests of SwiftletImageIO compare them with Pillow's.
import SwiftletGraph
import SwiftletImageIO

extension FuzzTarget {
    static let png = FuzzTarget(
        "png", byteLimit: 4096,
        words: ["IHDR", "PLTE", "tRNS", "gAMA", "IDAT", "IEND", "iCCP", "zTXt", "acTL", "sBIT", "bKGD", "CgBI"],
        seeds: PNGSeeds.all
    ) { bytes in
        let keepsChecksums = bytes.last.map { $0 & 1 == 1 } ?? true
        let file = keepsChecksums ? bytes : PNGSeeds.withTrueChecksums(bytes)
        let limits = PNGReader.Limits(side: 4096, pixels: 1 << 18, interlacedPixels: 1 << 16, bytes: 1 << 16)
        let reader = try PNGReader(bytes: file, name: "picture.png", limits: limits)
        let format = formats[bytes.count % formats.count]
        var rows = 0
        try PictureStream.read(reader, format: format) { row in
            guard row.count == format.shape.width * format.shape.channels else {
                throw Violation(what: "a row of \(row.count) bytes for \(format.shape)")
            }
            rows += 1
        }
        guard rows == format.shape.height else { throw Violation(what: "\(rows) rows for \(format.shape)") }
    }

    /// Colour and grey, stretched and cropped, larger and smaller than the pictures.
    private static let formats = [
        format(8, 8, .rgb, .stretch), format(5, 9, .grey, .centreCrop(shorterSide: 12)),
        format(33, 3, .bgr, .stretch), format(16, 16, .rgb, .centreCrop(shorterSide: 16)),
    ]

    private static func format(
        _ height: Int, _ width: Int, _ order: Preprocessing.ColorOrder, _ resize: Preprocessing.Resize
    ) -> InputFormat {
        let channels = order == .grey ? 1 : 3
        let ones = [Float](repeating: 1, count: channels)
        return InputFormat(
            shape: Shape(height: height, width: width, channels: channels),
            preprocessing: Preprocessing(resize: resize, colorOrder: order, mean: ones, deviation: ones))
    }
}
