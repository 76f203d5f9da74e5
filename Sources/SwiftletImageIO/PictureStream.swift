/// From a decoder's rows to a network's rows: colours, resize and crop, in one pass. Data sets and inference share it, so
/// a network sees in the field what it saw in training.
///
/// What it does not do: normalise (mean and deviation are folded into the network), or hold the picture.
import SwiftletGraph

/// How pictures of one size become a network's input: worked out once, used by any number of streams.
public struct PicturePlan: Sendable {
    /// Of the source: 1 (grey) or 3 (red, green, blue).
    public let sourceChannels: Int
    public let format: InputFormat
    let resize: ResizePlan

    /// - Parameters:
    ///   - width: of the source, pixels.
    ///   - channels: of the source, 1 (grey) or 3 (red, green, blue).
    /// - Throws: `ImageError.cannotFit` when the format is not one of pictures or the crop is larger than the picture.
    public init(width: Int, height: Int, channels: Int, format: InputFormat) throws {
        if let defect = format.defect { throw ImageError.cannotFit(reason: defect) }
        precondition(channels == 1 || channels == 3, "\(channels) channels")
        self.format = format
        sourceChannels = channels
        resize = try ResizePlan(
            sourceWidth: width, sourceHeight: height, width: format.shape.width, height: format.shape.height,
            rule: format.preprocessing.resize)
    }

    /// Whether every byte is delivered unchanged.
    public var isIdentity: Bool {
        resize.isIdentity && sourceChannels == format.shape.channels && format.preprocessing.colorOrder != .bgr
    }

    /// In grey if either end is: luma before resizing (as Pillow's `convert("L")` first), colour after.
    var workedChannels: Int { min(sourceChannels, format.shape.channels) }
}

public final class PictureStream {
    public let plan: PicturePlan
    private let resizer: RowResizer
    /// One source row in grey, one output row in its final colours; empty when not needed.
    private let greyRow: UnsafeMutableBufferPointer<UInt8>
    private let colourRow: UnsafeMutableBufferPointer<UInt8>

    public init(plan: PicturePlan) {
        self.plan = plan
        let format = plan.format
        resizer = RowResizer(plan: plan.resize, channels: plan.workedChannels)
        greyRow = .allocate(capacity: plan.workedChannels < plan.sourceChannels ? plan.resize.sourceWidth : 0)
        greyRow.initialize(repeating: 0)
        let recolours = plan.workedChannels < format.shape.channels || format.preprocessing.colorOrder == .bgr
        colourRow = .allocate(capacity: recolours ? format.shape.width * format.shape.channels : 0)
        colourRow.initialize(repeating: 0)
    }

    /// - Throws: as `PicturePlan` does.
    public convenience init(width: Int, height: Int, channels: Int, format: InputFormat) throws {
        self.init(plan: try PicturePlan(width: width, height: height, channels: channels, format: format))
    }

    deinit {
        greyRow.deallocate()
        colourRow.deallocate()
    }

    /// The bytes that the object holds for rows.
    public var rowMemory: Int { resizer.rowMemory + greyRow.count + colourRow.count }

    /// Whether all rows of the network's input are delivered.
    public var isComplete: Bool { resizer.deliveredRows == plan.format.shape.height }

    /// Takes the next row of the picture and hands out the rows of the input that it completes: none or several, together
    /// exactly `plan.format.shape.height`.
    ///
    /// - Parameters:
    ///   - row: source width x source channels bytes.
    ///   - deliver: gets the input's width x channels bytes, valid until it returns.
    public func push(
        row: UnsafeBufferPointer<UInt8>, deliver: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) rethrows {
        var row = row
        if !greyRow.isEmpty {
            Luma.convert(row, into: greyRow)
            row = UnsafeBufferPointer(greyRow)
        }
        try resizer.push(row: row) { resized in
            guard !colourRow.isEmpty else { return try deliver(resized) }
            if resizer.channels == 1 {
                for position in 0..<resized.count {
                    let value = resized[position]
                    colourRow[3 * position] = value
                    colourRow[3 * position + 1] = value
                    colourRow[3 * position + 2] = value
                }
            } else {
                for position in stride(from: 0, to: resized.count, by: 3) {
                    colourRow[position] = resized[position + 2]
                    colourRow[position + 1] = resized[position + 1]
                    colourRow[position + 2] = resized[position]
                }
            }
            try deliver(UnsafeBufferPointer(colourRow))
        }
    }

    /// Reads a whole picture through a stream of `format`, row by row.
    ///
    /// - Throws: `ImageError`, or what `deliver` throws.
    public static func read(
        _ reader: PNGReader, format: InputFormat, deliver: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws {
        let stream: PictureStream
        do {
            stream = try PictureStream(
                width: reader.width, height: reader.height, channels: reader.channels, format: format)
        } catch ImageError.cannotFit(let reason) {
            throw ImageError.cannotFit(reason: "\(reader.name): \(reason)")
        }
        try reader.forEachRow { _, row in try stream.push(row: row, deliver: deliver) }
    }

    /// Reads a whole picture into `format.shape.elementCount` bytes.
    ///
    /// - Throws: `ImageError`.
    public static func read(
        _ reader: PNGReader, format: InputFormat, into pixels: UnsafeMutableBufferPointer<UInt8>
    ) throws {
        precondition(pixels.count == format.shape.elementCount)
        var offset = 0
        try read(reader, format: format) { row in
            _ = UnsafeMutableBufferPointer(rebasing: pixels[offset..<offset + row.count]).update(from: row)
            offset += row.count
        }
    }
}

/// Grey of a colour: Rec. 601 luma, 0.299 red + 0.587 green + 0.114 blue in 16 bits, rounded, as Pillow's `convert("L")`.
public enum Luma {
    @inline(__always)
    public static func of(red: UInt8, green: UInt8, blue: UInt8) -> UInt8 {
        UInt8((Int32(red) * 19595 + Int32(green) * 38470 + Int32(blue) * 7471 + 0x8000) >> 16)
    }

    /// - Parameters:
    ///   - colours: red, green, blue, 3 bytes a pixel.
    ///   - grey: 1 byte a pixel.
    public static func convert(_ colours: UnsafeBufferPointer<UInt8>, into grey: UnsafeMutableBufferPointer<UInt8>) {
        precondition(colours.count == 3 * grey.count)
        for position in 0..<grey.count {
            grey[position] = of(
                red: colours[3 * position], green: colours[3 * position + 1], blue: colours[3 * position + 2])
        }
    }
}
