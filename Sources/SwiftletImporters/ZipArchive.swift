/// The entries of a zip file whose contents are stored as they are, which is how PyTorch writes checkpoints.
///
/// Layout: PKWARE's APPNOTE.TXT 6.3.10: the end record (4.3.16) at the end tells where the central directory (4.3.12) is;
/// its entries tell where the local headers (4.3.7) are, behind each of which lie the bytes.
/// What it does not do: decompress, decrypt, or read archives of 4 GiB and more (zip64).

struct ZipArchive {
    /// Where the contents of each entry lie in the file.
    let entries: [String: Range<Int>]

    static func isZip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) }

    /// - Throws: `ImportError.badFile`.
    init(_ bytes: [UInt8], file: String) throws {
        do {
            entries = try Self.read(bytes, file: file)
        } catch let end as ByteCursor.EndOfBytes {
            throw ImportError.badFile(file: file, reason: "its zip directory runs past byte \(end.offset)")
        }
    }

    private static func read(_ bytes: [UInt8], file: String) throws -> [String: Range<Int>] {
        func refuse(_ reason: String) -> ImportError { .badFile(file: file, reason: reason) }
        let endRecordSize = 22
        // A comment of up to 65535 bytes may follow the end record.
        let candidates = stride(
            from: bytes.count - endRecordSize, through: max(0, bytes.count - endRecordSize - 65_535), by: -1)
        guard let endRecord = candidates.first(where: { bytes[$0...].starts(with: [0x50, 0x4B, 0x05, 0x06]) }) else {
            throw refuse("it begins as a zip file and has no end record; it was cut off, copy it again")
        }
        var cursor = ByteCursor(bytes, in: endRecord..<bytes.count)
        try cursor.skip(10)
        let count = Int(try cursor.integer(UInt16.self))
        try cursor.skip(4)
        let start = Int(try cursor.integer(UInt32.self))
        guard count < 0xFFFF, start <= endRecord else {
            throw refuse("its zip directory begins at byte \(start) with \(count) entries; zip64 is not read")
        }
        cursor = ByteCursor(bytes, in: start..<endRecord)
        var entries: [String: Range<Int>] = [:]
        for _ in 0..<count {
            guard try cursor.integer(UInt32.self) == 0x0201_4B50 else {
                throw refuse("its zip directory is damaged at byte \(cursor.offset - 4)")
            }
            try cursor.skip(4)
            let flags = try cursor.integer(UInt16.self)
            let method = try cursor.integer(UInt16.self)
            try cursor.skip(8)
            let storedSize = Int(try cursor.integer(UInt32.self))
            let size = Int(try cursor.integer(UInt32.self))
            let nameLength = Int(try cursor.integer(UInt16.self))
            let extraLength = Int(try cursor.integer(UInt16.self))
            let commentLength = Int(try cursor.integer(UInt16.self))
            try cursor.skip(8)
            let header = Int(try cursor.integer(UInt32.self))
            let name = try cursor.text(nameLength)
            try cursor.skip(extraLength + commentLength)
            guard method == 0, flags & 1 == 0, storedSize == size else {
                throw refuse("its entry \(name) is compressed or encrypted; PyTorch stores entries as they are")
            }
            guard header <= start else { throw refuse("its entry \(name) begins behind the directory") }
            var local = ByteCursor(bytes, in: header..<start)
            guard try local.integer(UInt32.self) == 0x0403_4B50 else {
                throw refuse("its entry \(name) has no header at byte \(header)")
            }
            try local.skip(22)
            let localNameLength = Int(try local.integer(UInt16.self))
            try local.skip(Int(try local.integer(UInt16.self)) + localNameLength)
            entries[name] = try local.range(size)
        }
        return entries
    }
}
