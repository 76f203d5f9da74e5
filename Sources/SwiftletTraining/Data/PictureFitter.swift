/// Brings pictures of one fixed size, held in memory, into a data set's format.
///
/// What it does not do: decode; the readers of each kind do.
import SwiftletGraph
import SwiftletImageIO

struct PictureFitter: Sendable {
    let source: Shape
    let format: InputFormat
    private let plan: PicturePlan
    /// Whether a picture is delivered just as it is.
    let isIdentity: Bool

    /// - Throws: `DataSetError.badFormat` when pictures of `source`'s size cannot be brought into `format`.
    init(source: Shape, format: InputFormat) throws {
        do {
            plan = try PicturePlan(
                width: source.width, height: source.height, channels: source.channels, format: format)
        } catch {
            throw DataSetError.badFormat(reason: "\(error)")
        }
        self.source = source
        self.format = format
        isIdentity = plan.isIdentity
    }

    /// - Parameters:
    ///   - picture: `source.elementCount` bytes, interleaved.
    ///   - pixels: `format.shape.elementCount` bytes.
    func fit(_ picture: UnsafeBufferPointer<UInt8>, into pixels: UnsafeMutableBufferPointer<UInt8>) {
        precondition(picture.count == source.elementCount && pixels.count == format.shape.elementCount)
        if isIdentity {
            _ = pixels.update(from: picture)
            return
        }
        let stream = PictureStream(plan: plan)
        let rowBytes = source.width * source.channels
        var offset = 0
        for y in 0..<source.height {
            stream.push(row: UnsafeBufferPointer(rebasing: picture[y * rowBytes..<(y + 1) * rowBytes])) { row in
                _ = UnsafeMutableBufferPointer(rebasing: pixels[offset..<offset + row.count]).update(from: row)
                offset += row.count
            }
        }
    }
}
