/// Reads a PNG picture row by row: 8-bit grey or red, green, blue.
///
/// Every colour type, depth and interlacing that PNG has. Palettes are looked up, grey below 8 bits is stretched to
/// 0...255, of 16 bits the upper 8 are kept. Alpha and transparent colours are dropped, the colour beneath them stays:
/// what Pillow's `convert("RGB")` does, with which networks are trained and the accuracy figures here were made. Gamma
/// and colour profiles are ignored for the same reason.
/// What it does not do: hold the picture (an interlaced one excepted), resize (see `PictureStream`), or read APNG's frames.
import CSwiftletPNG

public final class PNGReader {
    /// What is refused before a pixel is decoded, so that a small file cannot claim all memory and time.
    public struct Limits: Hashable, Sendable {
        /// The largest width and height, in pixels.
        public var side: Int
        /// The most pixels of a picture that is read row by row.
        public var pixels: Int
        /// The most pixels of an interlaced picture, which stands whole in memory (3 bytes each).
        public var interlacedPixels: Int
        /// The most compressed bytes.
        public var bytes: Int

        public init(
            side: Int = 65_535, pixels: Int = 1 << 28, interlacedPixels: Int = 1 << 25, bytes: Int = 1 << 30
        ) {
            self.side = side
            self.pixels = pixels
            self.interlacedPixels = interlacedPixels
            self.bytes = bytes
        }
    }

    /// How messages call the picture: its path, "standard input", or the name given with the bytes.
    public let name: String
    public let width: Int
    public let height: Int
    /// 1 (grey) or 3 (red, green, blue): what `readRow` delivers.
    public let channels: Int
    public let isInterlaced: Bool
    /// The next row that `readRow` delivers.
    public private(set) var row = 0

    private let reader: Handle

    /// Opens a file.
    ///
    /// - Throws: `ImageError`.
    public convenience init(path: String, limits: Limits = Limits()) throws {
        try self.init(name: path, source: .file(path), limits: limits)
    }

    /// Reads a picture that comes through standard input.
    ///
    /// - Throws: `ImageError`.
    public static func standardInput(limits: Limits = Limits()) throws -> PNGReader {
        try PNGReader(name: "standard input", source: .standardInput, limits: limits)
    }

    /// Reads a picture that is in memory; the bytes are copied.
    ///
    /// - Throws: `ImageError`.
    public convenience init(bytes: [UInt8], name: String = "picture", limits: Limits = Limits()) throws {
        try self.init(name: name, source: .bytes(bytes), limits: limits)
    }

    private init(name: String, source: Source, limits: Limits) throws {
        self.name = name
        reader = try Handle(name: name, source: source, byteLimit: limits.bytes)
        let header = try reader.readHeader()
        width = Int(header.width)
        height = Int(header.height)
        channels = Int(header.channels)
        isInterlaced = header.interlaced != 0
        let limit: String
        if width > limits.side || height > limits.side {
            limit = "at most \(limits.side) on a side are read"
        } else if width * height > limits.pixels {
            limit = "at most \(limits.pixels) are read"
        } else if isInterlaced && width * height > limits.interlacedPixels {
            limit = "at most \(limits.interlacedPixels) are read of an interlaced picture"
        } else {
            return
        }
        throw ImageError.tooLarge(name: name, width: width, height: height, limit: limit)
    }

    /// The bytes of one row.
    public var rowBytes: Int { width * channels }

    /// Reads the next row, from the top down. After the last the rest of the file is checked too.
    ///
    /// - Parameter pixels: `rowBytes` bytes.
    /// - Throws: `ImageError.damaged` with the row at which the file breaks.
    public func readRow(into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        precondition(pixels.count == rowBytes, "\(pixels.count) bytes for a row of \(rowBytes)")
        precondition(row < height, "all \(height) rows of \(name) are read")
        var succeeded = swiftlet_png_reader_read_row(reader.pointer, pixels.baseAddress) == 1
        if succeeded && row == height - 1 {
            succeeded = swiftlet_png_reader_finish(reader.pointer) == 1
        }
        guard succeeded else {
            throw ImageError.damaged(name: name, row: row, height: height, reason: reader.message)
        }
        row += 1
    }

    /// Reads all rows that are left, each handed to `body` with its number.
    ///
    /// - Throws: `ImageError.damaged`, or what `body` throws.
    public func forEachRow(_ body: (Int, UnsafeBufferPointer<UInt8>) throws -> Void) throws {
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: rowBytes)
        defer { buffer.deallocate() }
        buffer.initialize(repeating: 0)
        while row < height {
            let number = row
            try readRow(into: buffer)
            try body(number, UnsafeBufferPointer(buffer))
        }
    }
}

extension PNGReader {
    fileprivate enum Source {
        case file(String)
        case standardInput
        case bytes([UInt8])
    }

    /// The C reader and the bytes that it reads from; goes away even when opening fails half-way.
    fileprivate final class Handle {
        let name: String
        let pointer: OpaquePointer
        private let bytes: UnsafeMutableBufferPointer<UInt8>

        init(name: String, source: Source, byteLimit: Int) throws {
            self.name = name
            guard let pointer = swiftlet_png_reader_create(max(byteLimit, 8)) else {
                throw ImageError.noMemory(name: name)
            }
            self.pointer = pointer
            var opened: Int32 = 1
            switch source {
            case .file(let path):
                bytes = .init(start: nil, count: 0)
                opened = swiftlet_png_reader_open(pointer, path)
            case .standardInput:
                bytes = .init(start: nil, count: 0)
                opened = swiftlet_png_reader_open(pointer, nil)
            case .bytes(let array):
                bytes = .allocate(capacity: array.count)
                _ = bytes.initialize(from: array)
                swiftlet_png_reader_set_bytes(pointer, bytes.baseAddress, array.count)
            }
            guard opened == 1 else { throw ImageError.unreadable(name: name, reason: message) }
        }

        deinit {
            swiftlet_png_reader_destroy(pointer)
            bytes.deallocate()
        }

        var message: String { String(cString: swiftlet_png_reader_message(pointer)) }

        func readHeader() throws -> swiftlet_png_header {
            var header = swiftlet_png_header()
            guard swiftlet_png_reader_read_header(pointer, &header) == 1 else {
                if let found = foreignFormat { throw ImageError.notPNG(name: name, found: found) }
                throw ImageError.damaged(name: name, row: nil, height: 0, reason: message)
            }
            return header
        }

        /// What the first bytes say when they are not PNG's; nil when they are.
        private var foreignFormat: String? {
            var signature = [UInt8](repeating: 0, count: 8)
            let count = swiftlet_png_reader_signature(pointer, &signature)
            let start = Array(signature.prefix(count))
            let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            guard start != png else { return nil }
            guard count > 0 else { return "it has no bytes" }
            guard count == 8 else { return "it has only \(count) bytes" }
            let known: [(prefix: [UInt8], format: String)] = [
                ([0xFF, 0xD8, 0xFF], "a JPEG"), (Array("GIF8".utf8), "a GIF"), (Array("BM".utf8), "a BMP"),
                (Array("RIFF".utf8), "perhaps a WebP"), (Array("P5".utf8), "a PGM"), (Array("P6".utf8), "a PPM"),
            ]
            let guess = known.first { start.starts(with: $0.prefix) }.map { " (\($0.format))" } ?? ""
            let digits = Array("0123456789ABCDEF")
            let bytes = start.map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }
            return "it begins with \(bytes.joined(separator: " "))\(guess)"
        }
    }
}
