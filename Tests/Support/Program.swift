/// Runs a program as a user would, and keeps what it says.
///
/// What it does not do: build it. `swift test` has built every executable of the package beside the tests.
import Foundation

public struct Program: Sendable {
    /// What a run has left.
    public struct Run: Sendable {
        public var status: Int32
        public var output: String
        public var errors: String
        /// Whether a signal (a trap, for instance) ended it.
        public var wasKilled: Bool

        /// Standard output as JSON.
        public func json() throws -> [String: Any] {
            let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
            guard let object = value as? [String: Any] else { throw NotJSON(text: output) }
            return object
        }

        public func jsonArray() throws -> [[String: Any]] {
            let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
            guard let array = value as? [[String: Any]] else { throw NotJSON(text: output) }
            return array
        }
    }

    public struct NotJSON: Error {
        public var text: String
    }

    public let url: URL

    public init(url: URL) { self.url = url }

    /// - Parameter name: of an executable product of this package.
    public init(product name: String) {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        url = tests.deletingLastPathComponent().appendingPathComponent(name)
    }

    /// - Parameters:
    ///   - folder: the working directory.
    ///   - input: standard input, whole.
    ///   - environment: added to the test's own.
    public func run(
        _ arguments: [String], in folder: String, input: Data = Data(), environment: [String: String] = [:]
    ) throws -> Run {
        let own = try TemporaryFolder()
        let files = ["input", "output", "errors"].map { URL(fileURLWithPath: own.file($0)) }
        try input.write(to: files[0])
        for file in files.dropFirst() { try Data().write(to: file) }
        let process = Process()
        process.executableURL = url
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        // Help texts are wrapped at this width.
        process.environment = ProcessInfo.processInfo.environment
            .filter { $0.key != "SWIFTLET_MODELS" }
            .merging(["COLUMNS": "80"]) { $1 }
            .merging(environment) { $1 }
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        process.waitUntilExit()
        func text(_ file: URL) throws -> String { String(decoding: try Data(contentsOf: file), as: UTF8.self) }
        return Run(
            status: process.terminationStatus, output: try text(files[1]), errors: try text(files[2]),
            wasKilled: process.terminationReason == .uncaughtSignal)
    }
}
