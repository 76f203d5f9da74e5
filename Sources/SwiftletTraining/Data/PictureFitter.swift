/// Brings pictures of one fixed size, held in memory, into a data set's format.
///
/// What it does not do: decode; the readers of each kind do.
import SwiftletGraph

struct PictureFitter: Sendable {
    let source: Shape
    let format: InputFormat

    /// - Throws: `DataSetError.badFormat` when pictures of `source`'s size cannot be brought into `format`.
    init(source: Shape, format: InputFormat) throws {
        if let defect = format.defect { throw DataSetError.badFormat(reason: defect) }
        self.source = source
        self.format = format
        guard source == format.shape, format.preprocessing.colorOrder != .bgr else {
            throw DataSetError.badFormat(reason: "pictures of \(source) cannot become \(format.shape)")
        }
    }

    /// Whether a picture is delivered just as it is.
    var isIdentity: Bool { source == format.shape && format.preprocessing.colorOrder != .bgr }

    /// - Parameters:
    ///   - picture: `source.elementCount` bytes, interleaved.
    ///   - pixels: `format.shape.elementCount` bytes.
    func fit(_ picture: UnsafeBufferPointer<UInt8>, into pixels: UnsafeMutableBufferPointer<UInt8>) {
        precondition(picture.count == source.elementCount && pixels.count == format.shape.elementCount)
        _ = pixels.update(from: picture)
    }
}
