/// A file read from front to back, gunzipped on the way when it is gzipped: zlib tells by the first two bytes.
///
/// Memory is bounded by what the caller asks for, so a small file that claims, or unpacks to, gigabytes is refused
/// rather than followed.
/// What it does not do: seek, write, or know a format.
import CZlib
import Foundation

final class ByteFile {
    let path: String
    private let handle: gzFile
    /// Bytes delivered so far, after gunzipping.
    private(set) var position = 0

    init(path: String) throws {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw DataSetError.missing(path: path, expected: "a file")
        }
        guard !isFolder.boolValue else { throw DataSetError.unreadable(path: path, reason: "it is a folder") }
        guard let handle = gzopen(path, "rb") else {
            throw DataSetError.unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        gzbuffer(handle, 1 << 17)
        self.handle = handle
    }

    deinit { gzclose(handle) }

    /// The next `count` bytes, or fewer at the end of the file.
    ///
    /// - Throws: `DataSetError.unreadable` when the file cannot be read or its gzip stream is damaged.
    func read(upTo count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            // What is allocated follows what is there, not what a header claims.
            let wanted = min(count - bytes.count, min(max(bytes.count, 1 << 16), 1 << 24))
            var delivered = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
                delivered = Int(gzread(handle, buffer.baseAddress!, UInt32(wanted)))
                initialized = max(delivered, 0)
            }
            bytes.append(contentsOf: chunk)
            var failure: Int32 = 0
            let message = gzerror(handle, &failure)
            guard delivered >= 0, failure == Z_OK || failure == Z_STREAM_END else {
                let reason = message.map { String(cString: $0) } ?? "error \(failure)"
                throw DataSetError.unreadable(
                    path: path,
                    reason: "\(reason) after \(position + bytes.count) bytes; the file is damaged, fetch it again")
            }
            if delivered < wanted { break }
        }
        position += bytes.count
        return bytes
    }
}
