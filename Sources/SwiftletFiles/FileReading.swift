/// Reads a whole file into memory, up to a limit.
///
/// What it does not do: map files; the int8 model, which is used in place, has its own loader.
import Foundation

/// The bytes of the file at `path`. Pipes and devices work too.
///
/// - Parameter limit: the most bytes to hold in memory.
/// - Throws: `FileError.cannotRead` with the system's reason, `.tooLarge` beyond the limit.
public func readFile(_ path: String, limit: Int = 1 << 34) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.cannotRead(path: path, reason: systemReason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError.cannotRead(path: path, reason: systemReason()) }
    guard status.st_size <= limit else { throw FileError.tooLarge(path: path, limit: limit) }

    var bytes: [UInt8] = []
    // One byte more than the file has, so that its end is seen without growing.
    var room = max(Int(status.st_size) + 1, 1 << 16)
    while true {
        var count = 0
        let chunk = try [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
            repeat { count = read(descriptor, buffer.baseAddress, room) } while count < 0 && errno == EINTR
            guard count >= 0 else { throw FileError.cannotRead(path: path, reason: systemReason()) }
            initialized = count
        }
        if count == 0 { return bytes }
        if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
        guard bytes.count <= limit else { throw FileError.tooLarge(path: path, limit: limit) }
        room = max(Int(status.st_size) + 1 - bytes.count, 1 << 16)
    }
}

/// What the system says about the last call that failed: "No space left on device".
func systemReason(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
