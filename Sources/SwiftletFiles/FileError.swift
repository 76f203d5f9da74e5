/// Why a file could not be read or written: which, what the system said, and what to do.
///
/// What it does not do: judge what is in a file; each format has its own errors.

public enum FileError: Error, Equatable, CustomStringConvertible {
    case cannotRead(path: String, reason: String)
    case tooLarge(path: String, limit: Int)
    case cannotCreate(path: String, reason: String)
    case cannotWrite(path: String, written: Int, reason: String)

    public var description: String {
        switch self {
        case .cannotRead(let path, let reason):
            "cannot read \(path): \(reason)"
        case .tooLarge(let path, let limit):
            "cannot read \(path): it is larger than \(limit) bytes, the most that such a file may have"
        case .cannotCreate(let path, let reason):
            "cannot create \(path): \(reason); check that its folder exists and can be written"
        case .cannotWrite(let path, let written, let reason):
            "cannot write \(path): \(reason) after \(written) bytes; nothing that was there has changed"
        }
    }
}
