import Foundation
import SwiftletFiles
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    private struct Stopped: Error {}

    @Test func whatIsWrittenIsReadBack() throws {
        let folder = try TemporaryFolder()
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try AtomicFile.write(bytes, to: "\(folder.path)/a")
        #expect(try readFile("\(folder.path)/a") == bytes)
        try AtomicFile.write(to: "\(folder.path)/a") { _ in }
        #expect(try readFile("\(folder.path)/a").isEmpty)
        #expect(folder.names == ["a"])
    }

    @Test func anInterruptedWriteLeavesTheOldFileWhole() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write([1, 2, 3], to: "\(folder.path)/a")
        #expect(throws: Stopped.self) {
            try AtomicFile.write(to: "\(folder.path)/a") { file in
                try file.write([9, 9])
                throw Stopped()
            }
        }
        #expect(try readFile("\(folder.path)/a") == [1, 2, 3])
        #expect(folder.names == ["a"])
    }

    @Test func aFullDiskIsNamed() throws {
        guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
        let error = #expect(throws: FileError.self) { try AtomicFile.write([1, 2, 3], to: "/dev/full") }
        #expect(
            error?.description
                == "cannot write /dev/full: No space left on device after 0 bytes; nothing that was there has changed")
    }

    @Test func aMissingFolderIsNamed() {
        let error = #expect(throws: FileError.self) { try AtomicFile.write([1], to: "/nowhere/at/all") }
        #expect(
            error?.description
                == "cannot create /nowhere/at/all: No such file or directory; "
                + "check that its folder exists and can be written")
    }

    @Test func linksAndPermissionsStay() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write([1], to: "\(folder.path)/a")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: "\(folder.path)/a")
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder.path)/link", withDestinationPath: "\(folder.path)/a")
        try AtomicFile.write([2], to: "\(folder.path)/link")
        #expect(try readFile("\(folder.path)/a") == [2])
        let link = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/link")
        #expect(link[.type] as? FileAttributeType == .typeSymbolicLink)
        let file = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/a")
        #expect((file[.posixPermissions] as? NSNumber)?.intValue == 0o640)
    }

    @Test func readingHasALimitAndReasons() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write([1, 2, 3, 4], to: "\(folder.path)/a")
        #expect(throws: FileError.tooLarge(path: "\(folder.path)/a", limit: 3)) {
            try readFile("\(folder.path)/a", limit: 3)
        }
        #expect(throws: FileError.tooLarge(path: "/dev/zero", limit: 100_000)) {
            try readFile("/dev/zero", limit: 100_000)
        }
        #expect(throws: FileError.cannotRead(path: folder.path, reason: "Is a directory")) {
            try readFile(folder.path)
        }
        #expect(throws: FileError.cannotRead(path: "/nowhere", reason: "No such file or directory")) {
            try readFile("/nowhere")
        }
    }
}
