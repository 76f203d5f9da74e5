/// Runs the scripts of `tools/reference` where their packages are installed.
///
/// What it does not do: install them. `SWIFTLET_PYTHON` names the interpreter, `python3` is the default.
import Foundation

public enum Python {
    public static let interpreter = ProcessInfo.processInfo.environment["SWIFTLET_PYTHON"] ?? "python3"

    /// Whether `modules` can be imported. Use as `.enabled(if: Python.has("safetensors"))`; when they cannot, a line on
    /// stderr says so.
    public static func has(_ modules: String...) -> Bool {
        let list = modules.joined(separator: ", ")
        if (try? run(["-c", "import \(list)"]))?.status == 0 { return true }
        FileHandle.standardError.write(
            Data("SKIPPED: \(interpreter) cannot import \(list); pip install them or set SWIFTLET_PYTHON\n".utf8))
        return false
    }

    /// Runs `tools/reference/<script>`.
    ///
    /// - Returns: exit status, standard output and standard error together.
    public static func runReference(_ script: String, _ arguments: String...) throws -> (status: Int32, output: String)
    {
        try runReference(script, arguments)
    }

    public static func runReference(_ script: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let root = URL(fileURLWithPath: #filePath)  // …/Tests/Support/Python.swift
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try run([root.appendingPathComponent("tools/reference/\(script)").path] + arguments)
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [interpreter] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
