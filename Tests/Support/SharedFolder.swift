/// Finds the folder of real data, weights and golden vectors that tests read but the repository does not hold.
///
/// What it does not do: hide its absence. A test that needs it says loudly that it skips.
import Foundation

public enum SharedFolder {
    /// `SWIFTLET_SHARED`, or the folder `shared` beside the checkout.
    public static let url: URL = {
        if let path = ProcessInfo.processInfo.environment["SWIFTLET_SHARED"] { return URL(fileURLWithPath: path) }
        return URL(fileURLWithPath: #filePath)  // …/Tests/Support/SharedFolder.swift
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("shared")
    }()

    /// Whether `path` lies in the shared folder. Use as `.enabled(if: SharedFolder.has("data/mnist"))`; when it does not, a
    /// line on stderr says what was looked for and where.
    public static func has(_ path: String) -> Bool {
        let file = url.appendingPathComponent(path)
        if FileManager.default.fileExists(atPath: file.path) { return true }
        FileHandle.standardError.write(
            Data("SKIPPED: \(file.path) is missing; set SWIFTLET_SHARED to the folder that holds \(path)\n".utf8))
        return false
    }

    /// The folder of conformance cases: `SWIFTLET_CONFORMANCE`, or `conformance` in the shared folder.
    public static let conformance: URL = {
        ProcessInfo.processInfo.environment["SWIFTLET_CONFORMANCE"].map { URL(fileURLWithPath: $0) }
            ?? file("conformance")
    }()

    /// Whether there are conformance cases; when there are none, a line on stderr says where they were looked for.
    public static var hasConformance: Bool {
        let index = conformance.appendingPathComponent("index.json")
        if FileManager.default.fileExists(atPath: index.path) { return true }
        FileHandle.standardError.write(
            Data("SKIPPED: \(index.path) is missing; set SWIFTLET_CONFORMANCE to the folder of cases\n".utf8))
        return false
    }

    public static func file(_ path: String) -> URL { url.appendingPathComponent(path) }
}
