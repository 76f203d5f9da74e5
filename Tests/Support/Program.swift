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

        fileprivate init(_ process: Process, output: URL, errors: URL) throws {
            status = process.terminationStatus
            self.output = String(decoding: try Data(contentsOf: output), as: UTF8.self)
            self.errors = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
            wasKilled = process.terminationReason == .uncaughtSignal
        }

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
        let process = process(arguments, in: folder)
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
        return try Run(process, output: files[1], errors: files[2])
    }

    /// Runs the program and kills it (SIGKILL) as soon as `isMoment` says so, asked many times a second.
    ///
    /// - Returns: whether it was killed; false when it ended before.
    public func runAndKill(_ arguments: [String], in folder: String, when isMoment: () -> Bool) throws -> Bool {
        let process = process(arguments, in: folder)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        while process.isRunning, !isMoment() { usleep(100) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal
    }

    private func process(_ arguments: [String], in folder: String) -> Process {
        let process = Process()
        process.executableURL = url
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        return process
    }
}
