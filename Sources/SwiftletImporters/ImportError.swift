/// Why a network of another program cannot be taken over.
///
/// What it does not do: cover files that cannot be read at all; those are `FileError`s.
import SwiftletFiles

public enum ImportError: Error, Equatable, CustomStringConvertible {
    /// The file is damaged, or not what its first bytes say.
    case badFile(file: String, reason: String)
    /// The pickle asks for something that is no tensor.
    case unsafePickle(file: String, what: String)
    /// The tensors do not fit the architecture: everything that is wrong, at once.
    case mismatch(file: String, architecture: String, problems: [String])
    /// The network holds what the graph has no form for: everything, at once.
    case unsupported(file: String, problems: [String])
    case badPreprocessing(String)

    /// One line, whatever names a file holds.
    public var description: String {
        switch self {
        case .badFile(let file, let reason):
            return "\(file) cannot be imported: \(oneLine(reason))"
        case .unsafePickle(let file, let what):
            return
                "\(file) is refused: its pickle uses \(oneLine(what, limit: 200)), and only tensors are read; save the state dict alone"
        case .mismatch(let file, let architecture, let problems):
            return "\(file) does not fit \(oneLine(architecture)): \(Self.list(problems))"
        case .unsupported(let file, let problems):
            return "\(file) cannot be imported: \(Self.list(problems))"
        case .badPreprocessing(let reason):
            return oneLine(reason)
        }
    }

    /// The first twelve.
    private static func list(_ problems: [String]) -> String {
        let rest = problems.count > 12 ? "; and \(problems.count - 12) more" : ""
        return oneLine(problems.prefix(12).joined(separator: "; "), limit: 1500) + rest
    }
}
