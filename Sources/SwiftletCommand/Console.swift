/// What goes to the terminal: answers on standard output, progress and errors on standard error.
///
/// What it does not do: buffer. What a command has said is out when the call returns, and a full disk behind standard output
/// is an error like any other.
import Foundation
import SwiftletFiles

enum Console {
    private static let isTerminal = isatty(STDERR_FILENO) == 1
    private static let clearLine = "\r\u{1B}[K"

    /// A line of the answer.
    ///
    /// - Throws: `CommandFailure` with the system's reason.
    static func print(_ text: String) throws {
        var written = 0
        guard write(text + "\n", to: STDOUT_FILENO, written: &written) else {
            throw CommandFailure("cannot write to standard output: \(String(cString: strerror(errno)))")
        }
    }

    static func print(json value: some Encodable) throws {
        try print(String(decoding: try jsonBytes(value), as: UTF8.self))
    }

    static func jsonBytes(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// A line about the work, for whoever watches.
    static func note(_ text: String) {
        // If nobody can be told, the work goes on.
        var written = 0
        _ = write(text + "\n", to: STDERR_FILENO, written: &written)
    }

    /// A line that replaces itself on a terminal. Elsewhere it is printed only when `isMilestone`.
    static func progress(_ text: String, isMilestone: Bool = false) {
        if isTerminal {
            var written = 0
            _ = write(clearLine + text + (isMilestone ? "\n" : ""), to: STDERR_FILENO, written: &written)
        } else if isMilestone {
            note(text)
        }
    }

    /// Progress over `count` pictures: a bar of thirty characters.
    static func bar(_ title: String, of count: Int) -> @Sendable (Int) -> Void {
        { done in
            let filled = 30 * done / max(count, 1)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
            progress("\(title) [\(bar)] \(done)/\(count)", isMilestone: done == count)
        }
    }

    /// One line that says what is wrong.
    static func complain(_ message: String) {
        let line = message.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        note((isTerminal ? clearLine : "") + "swiftlet: error: " + line.joined(separator: " "))
    }

    static let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// Threads that a single inference may have.
    static let threadNumbers = 1...64
    static let wrongThreads = "--threads is 1 to 64"

    private static func write(_ text: String, to descriptor: Int32, written: inout Int) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
            written += count
        }
        return true
    }
}

/// A failure that a command itself finds.
struct CommandFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// Says now, not after hours of work, that a file cannot be written where the user wants it.
///
/// - Throws: `CommandFailure`.
func requireWritable(_ path: String?) throws {
    guard let path else { return }
    var status = stat()
    if stat(path, &status) == 0 {
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw CommandFailure("cannot write \(path): it is a folder; name a file")
        }
        guard access(path, W_OK) == 0 else {
            throw CommandFailure("cannot write \(path): \(String(cString: strerror(errno)))")
        }
        return
    }
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw CommandFailure("cannot write \(path): there is no folder \(folder); make it first")
    }
    guard access(folder, W_OK) == 0 else {
        throw CommandFailure("cannot write \(path): folder \(folder): \(String(cString: strerror(errno)))")
    }
}
