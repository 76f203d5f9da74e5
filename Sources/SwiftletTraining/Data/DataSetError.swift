/// What can be wrong with a data set: one line each, with the file, the place in it, the numbers and what to do.

public enum DataSetError: Error, Equatable, CustomStringConvertible {
    /// The specification is not `KIND:PATH` of a known kind.
    case unknownKind(specification: String)
    /// The specification's kind is known, what follows it is not usable.
    case badSpecification(specification: String, reason: String)
    /// A file or folder that must be there is not; `expected` says what was looked for.
    case missing(path: String, expected: String)
    case unreadable(path: String, reason: String)
    /// The file holds fewer or more bytes than its format says.
    case wrongSize(path: String, bytes: Int, expected: String)
    /// The file is not what its name promises.
    case malformed(path: String, reason: String)
    /// Record (or line) `record`, counted from 0, names a class that does not exist.
    case labelOutOfRange(path: String, record: Int, label: Int, classes: Int)
    case countsDiffer(images: String, imageCount: Int, labels: String, labelCount: Int)
    /// Nothing to read: no pictures, no class folders.
    case empty(path: String, expected: String)
    /// More classes than the network's `known` ones, or, where names decide, a `stranger` among them.
    case classesDiffer(name: String, count: Int, stranger: String?, known: [String])
    /// The size or the colours asked for make no sense.
    case badFormat(reason: String)
    /// A picture of the set could not be decoded; `reason` is the decoder's own line.
    case picture(path: String, reason: String)

    public var description: String {
        switch self {
        case .unknownKind(let specification):
            return "data set '\(specification)': unknown kind; write one of \(DataSets.usage)"
        case .badSpecification(let specification, let reason):
            return "data set '\(specification)': \(reason)"
        case .missing(let path, let expected):
            return "\(path): not found; expected \(expected)"
        case .unreadable(let path, let reason):
            return "\(path): cannot be read: \(reason)"
        case .wrongSize(let path, let bytes, let expected):
            return "\(path): \(bytes) bytes, but \(expected)"
        case .malformed(let path, let reason):
            return "\(path): \(reason)"
        case .labelOutOfRange(let path, let record, let label, let classes):
            return
                "\(path): record \(record) has label \(label), but there are \(classes) classes (0 to \(classes - 1))"
        case .countsDiffer(let images, let imageCount, let labels, let labelCount):
            return "\(images) has \(imageCount) images, but \(labels) has \(labelCount) labels; they must agree"
        case .empty(let path, let expected):
            return "\(path): empty; expected \(expected)"
        case .classesDiffer(let name, let count, let stranger, let known):
            let list = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", ..." : "")
            return
                "\(name) has \(count) classes" + (stranger.map { ", among them '\($0)'" } ?? "")
                + ", the network knows \(known.count): \(list); use the data that it was trained for"
        case .badFormat(let reason):
            return "input format: \(reason)"
        case .picture(let path, let reason):
            return reason.contains(path) ? reason : "\(path): \(reason)"
        }
    }
}
