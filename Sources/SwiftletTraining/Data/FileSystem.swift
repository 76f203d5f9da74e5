/// The few questions that data sets ask of the file system, each answered with a `DataSetError` that names the path.
///
/// What it does not do: read pixels; `ByteFile` and `SwiftletImageIO` do.
import Foundation

enum FileSystem {
    /// A list of names or labels above this many bytes is refused: 16 MiB.
    static let textLimit = 1 << 24

    static func join(_ folder: String, _ entry: String) -> String {
        folder.hasSuffix("/") ? folder + entry : folder + "/" + entry
    }

    /// Whether `path` is a folder; nil when nothing is there.
    static func isFolder(_ path: String) -> Bool? {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) ? isFolder.boolValue : nil
    }

    /// The names in a folder, sorted by bytes so that the order is the same on every machine; hidden ones left out.
    static func entries(of folder: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { !$0.hasPrefix(".") }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch {
            throw DataSetError.unreadable(path: folder, reason: "the folder cannot be listed; check its permissions")
        }
    }

    /// The lines of a text file without trailing blanks, empty lines left out.
    static func lines(of path: String) throws -> [String] {
        let bytes = try ByteFile(path: path).read(upTo: textLimit + 1)
        guard bytes.count <= textLimit else {
            throw DataSetError.wrongSize(path: path, bytes: bytes.count, expected: "at most \(textLimit) are read")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DataSetError.malformed(path: path, reason: "not UTF-8 text; expected one entry a line")
        }
        return text.split(whereSeparator: \.isNewline)
            .map { line in String(line.reversed().drop(while: \.isWhitespace).reversed()) }
            .filter { !$0.isEmpty }
    }
}
