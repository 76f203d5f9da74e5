/// What can be wrong with a picture: one line each, with the file, the place in it, the numbers and what to do.

public enum ImageError: Error, Equatable, CustomStringConvertible {
    /// The file is not there or may not be read; `reason` is the system's.
    case unreadable(name: String, reason: String)
    /// The first bytes are not PNG's.
    case notPNG(name: String, found: String)
    /// More pixels than the limits allow.
    case tooLarge(name: String, width: Int, height: Int, limit: String)
    /// The file breaks off or contradicts itself. `row` is the first row that could not be read; nil: the header.
    case damaged(name: String, row: Int?, height: Int, reason: String)
    /// The picture cannot be brought to the size asked for.
    case cannotFit(reason: String)
    case unwritable(path: String, reason: String)
    /// `finish` before the last row, or a row too many.
    case wrongRowCount(path: String, written: Int, height: Int)
    case noMemory(name: String)

    public var description: String {
        switch self {
        case .unreadable(let name, let reason): return "\(name): cannot be read: \(reason)"
        case .notPNG(let name, let found):
            return "\(name): not a PNG picture, \(found); convert it to PNG first"
        case .tooLarge(let name, let width, let height, let limit):
            return "\(name): \(width)x\(height) pixels are too many: \(limit); scale the picture down first"
        case .damaged(let name, nil, _, let reason):
            return "\(name): damaged before its pixels: \(reason); fetch or save it again"
        case .damaged(let name, let row?, let height, let reason):
            return "\(name): damaged at row \(row) of \(height): \(reason); fetch or save it again"
        case .cannotFit(let reason): return reason
        case .unwritable(let path, let reason): return "\(path): cannot be written: \(reason)"
        case .wrongRowCount(let path, let written, let height):
            return "\(path): \(written) rows written, but the picture has \(height)"
        case .noMemory(let name): return "\(name): no memory left to read or write it"
        }
    }
}
