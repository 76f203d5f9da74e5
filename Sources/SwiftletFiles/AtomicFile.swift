/// Writes a file whole or not at all: beside its place first, then onto the disk, then under its name.
///
///     try AtomicFile.write(to: "float.ckpt") { file in try file.write(header); try file.write(values) }
///
/// Whatever stops it (a full disk, an error in the closure, a crash, a power cut), a file that was there before is as it
/// was. What it does not do: lock; of two writers at once, the last to finish wins, whole.
import Foundation

public enum AtomicFile {
    /// - Parameters:
    ///   - path: a new or an existing file; the target of a symbolic link is replaced, not the link. Devices and pipes
    ///     are written as they are.
    ///   - body: writes the contents in order.
    /// - Throws: `FileError.cannotCreate` or `.cannotWrite` with the system's reason, or what `body` throws.
    public static func write(to path: String, _ body: (inout FileWriter) throws -> Void) throws {
        let target = resolved(path)
        var old = stat()
        let exists = stat(target, &old) == 0
        if exists, old.st_mode & S_IFMT != S_IFREG {
            guard old.st_mode & S_IFMT != S_IFDIR else {
                throw FileError.cannotCreate(path: path, reason: systemReason(EISDIR))
            }
            let descriptor = open(target, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw FileError.cannotCreate(path: path, reason: systemReason()) }
            var writer = FileWriter(descriptor: descriptor, path: path)
            try body(&writer)
            return try writer.finish(synchronize: false)
        }

        let beside = "\(target).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FileError.cannotCreate(path: path, reason: systemReason()) }
        do {
            var writer = FileWriter(descriptor: descriptor, path: path)
            if exists { fchmod(descriptor, old.st_mode & 0o7777) }
            try body(&writer)
            let written = writer.written
            try writer.finish(synchronize: true)
            guard rename(beside, target) == 0 else {
                throw FileError.cannotWrite(path: path, written: written, reason: systemReason())
            }
        } catch {
            unlink(beside)
            throw error
        }
        synchronizeFolder(of: target)
    }

    /// Writes `bytes` as the whole of the file.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { try $0.write(bytes) }
    }

    /// Where a chain of symbolic links ends; `path` itself when nothing is there yet.
    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// Brings the new name onto the disk. Some file systems cannot; the contents are safe all the same.
    private static func synchronizeFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}

/// A file that is being written, front to back.
public struct FileWriter: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private var isOpen = true
    /// Bytes so far.
    public private(set) var written = 0

    fileprivate init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        if isOpen { close(descriptor) }
    }

    /// - Throws: `FileError.cannotWrite` with the system's reason, as on a full disk.
    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            rest = rest.dropFirst(count)
            written += count
        }
    }

    public mutating func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// A full disk may show itself only here.
    fileprivate mutating func finish(synchronize: Bool) throws {
        guard !synchronize || fsync(descriptor) == 0 else { throw failure() }
        isOpen = false
        guard close(descriptor) == 0 else { throw failure() }
    }

    private func failure() -> FileError {
        .cannotWrite(path: path, written: written, reason: systemReason())
    }
}

/// `write(2)`, out of the reach of `FileWriter.write`'s name.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
