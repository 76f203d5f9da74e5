/// Writes a PNG picture row by row. The file appears under its name only when it is whole.
///
/// What it does not do: hold the picture, or write alpha, palettes or 16 bits.
import CSwiftletPNG
import Foundation

public final class PNGWriter {
    public let path: String
    public let width: Int
    public let height: Int
    /// 1 (grey) or 3 (red, green, blue), 8 bits each.
    public let channels: Int
    /// How many rows are written.
    public private(set) var row = 0

    private let writer: OpaquePointer
    private let partPath: String
    /// Whether `path` is a device or a pipe, which is written as it is: putting a file in its place would destroy it.
    private let isDevice: Bool
    private var isFinished = false

    /// Starts a picture, in a file beside `path` until `finish`. A writer that goes away unfinished leaves nothing.
    ///
    /// - Throws: `ImageError.unwritable`.
    public init(path: String, width: Int, height: Int, channels: Int) throws {
        let sides = 1...Int(Int32.max)
        guard sides.contains(width), sides.contains(height), channels == 1 || channels == 3 else {
            throw ImageError.unwritable(
                path: path, reason: "\(width)x\(height) pixels of \(channels) channels; PNG here takes 1 or 3 channels")
        }
        self.path = path
        self.width = width
        self.height = height
        self.channels = channels
        var status = stat()
        let exists = stat(path, &status) == 0
        guard !exists || status.st_mode & S_IFMT != S_IFDIR else {
            throw ImageError.unwritable(path: path, reason: String(cString: strerror(EISDIR)))
        }
        isDevice = exists && status.st_mode & S_IFMT != S_IFREG
        partPath = isDevice ? path : "\(path).\(UInt32.random(in: 0 ... .max)).part"
        guard let writer = swiftlet_png_writer_create() else { throw ImageError.noMemory(name: path) }
        self.writer = writer
        guard
            swiftlet_png_writer_open(writer, partPath, UInt32(width), UInt32(height), UInt32(channels)) == 1
        else { throw failure }
    }

    deinit {
        swiftlet_png_writer_destroy(writer)
        if !isFinished, !isDevice { unlink(partPath) }
    }

    private var failure: ImageError {
        .unwritable(path: path, reason: String(cString: swiftlet_png_writer_message(writer)))
    }

    /// Writes the next row, from the top down.
    ///
    /// - Parameter pixels: `width * channels` bytes.
    /// - Throws: `ImageError`.
    public func write(row pixels: UnsafeBufferPointer<UInt8>) throws {
        precondition(pixels.count == width * channels, "\(pixels.count) bytes for a row of \(width * channels)")
        guard row < height else { throw ImageError.wrongRowCount(path: path, written: row + 1, height: height) }
        guard swiftlet_png_writer_write_row(writer, pixels.baseAddress) == 1 else { throw failure }
        row += 1
    }

    /// Closes the file and puts it in its place, over one that is there already.
    ///
    /// - Throws: `ImageError`.
    public func finish() throws {
        guard row == height else { throw ImageError.wrongRowCount(path: path, written: row, height: height) }
        guard swiftlet_png_writer_finish(writer) == 1 else { throw failure }
        guard isDevice || rename(partPath, path) == 0 else {
            throw ImageError.unwritable(path: path, reason: String(cString: strerror(errno)))
        }
        isFinished = true
    }

    /// Writes a whole picture, `height * width * channels` bytes.
    ///
    /// - Throws: `ImageError`.
    public static func write(_ pixels: [UInt8], width: Int, height: Int, channels: Int, to path: String) throws {
        let writer = try PNGWriter(path: path, width: width, height: height, channels: channels)
        precondition(pixels.count == height * width * channels)
        try pixels.withUnsafeBufferPointer { all in
            for row in 0..<height {
                try writer.write(
                    row: UnsafeBufferPointer(rebasing: all[row * width * channels..<(row + 1) * width * channels]))
            }
        }
        try writer.finish()
    }
}
