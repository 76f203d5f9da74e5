/// What goes to the terminal: progress on standard error, errors, JSON.
import Foundation

enum Console {
    private static let isTerminal = isatty(STDERR_FILENO) == 1

    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    /// A line that replaces itself on a terminal. Elsewhere it is printed only when `isMilestone`.
    static func progress(_ text: String, isMilestone: Bool = false) {
        if isTerminal {
            FileHandle.standardError.write(Data("\r\u{1B}[K\(text)\(isMilestone ? "\n" : "")".utf8))
        } else if isMilestone {
            note(text)
        }
    }

    /// One line on standard error, exit code 1.
    static func fail(_ message: String) -> Never {
        if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
        note("swiftlet: error: \(message.replacingOccurrences(of: "\n", with: " "))")
        exit(1)
    }

    static func print(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    static let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)
}

/// A failure that a command itself finds.
struct CommandFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
