/// Compares text with a file that is kept in the repository, so that a change of wording is seen and meant.
///
/// `SWIFTLET_RECORD_SNAPSHOTS=1` writes the files anew; look at the difference before committing it.
import Foundation

public struct Snapshot: Sendable {
    public struct Difference: Error, CustomStringConvertible {
        public var description: String
    }

    private let folder: URL

    /// - Parameter testFile: `#filePath` of the test; the folder `Snapshots` beside it holds the files.
    public init(beside testFile: String) {
        folder = URL(fileURLWithPath: testFile).deletingLastPathComponent().appendingPathComponent("Snapshots")
    }

    /// - Throws: `Difference` with both texts when they differ or nothing was recorded.
    public func check(_ text: String, named name: String) throws {
        let file = folder.appendingPathComponent(name + ".txt")
        if ProcessInfo.processInfo.environment["SWIFTLET_RECORD_SNAPSHOTS"] == "1" {
            return try Data(text.utf8).write(to: file)
        }
        guard let data = try? Data(contentsOf: file) else {
            throw Difference(description: "nothing recorded as \(file.lastPathComponent); the text is:\n\(text)")
        }
        let recorded = String(decoding: data, as: UTF8.self)
        guard recorded == text else {
            throw Difference(
                description: "differs from \(file.lastPathComponent).\nrecorded:\n\(recorded)\nnow:\n\(text)")
        }
    }
}
