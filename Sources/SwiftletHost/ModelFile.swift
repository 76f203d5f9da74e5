/// A model in a host's memory: mapped from a file, or held as bytes.
///
/// What it does not do: exist on a device, where the model lies in flash.
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Swiftlet
import SwiftletFormat

/// Why a model file cannot be used: the path, and what is wrong.
public struct ModelFileError: Error, Equatable, CustomStringConvertible {
    public var path: String
    public var reason: String

    public var description: String { "\(path): \(reason)" }
}

/// Keeps a model's bytes alive and unmapped in the end.
public final class ModelFile: @unchecked Sendable {
    public let path: String
    public let model: Model
    public let byteCount: Int
    private let bytes: UnsafeMutableRawBufferPointer
    private let isMapped: Bool

    /// Maps the file read-only; nothing is copied.
    ///
    /// - Throws: `ModelFileError`.
    public init(path: String) throws {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw ModelFileError(path: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, (status.st_mode & S_IFMT) == S_IFREG else {
            throw ModelFileError(path: path, reason: "not a regular file")
        }
        let size = Int(status.st_size)
        guard size > 0 else { throw ModelFileError(path: path, reason: "the file is empty") }
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw ModelFileError(path: path, reason: "cannot be mapped: \(String(cString: strerror(errno)))")
        }
        bytes = UnsafeMutableRawBufferPointer(start: address, count: size)
        isMapped = true
        byteCount = size
        self.path = path
        do {
            model = try Model(UnsafeRawBufferPointer(bytes))
        } catch {
            munmap(address, size)
            throw ModelFileError(path: path, reason: "\(error)")
        }
    }

    /// A copy of `contents`, aligned as a model must be.
    ///
    /// - Throws: `ModelFileError` under the name `path`.
    public init(contents: [UInt8], path: String) throws {
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(contents.count, 1), alignment: Model.alignment)
        bytes.copyBytes(from: contents)
        isMapped = false
        byteCount = contents.count
        self.path = path
        do {
            model = try Model(UnsafeRawBufferPointer(rebasing: bytes[0..<contents.count]))
        } catch {
            bytes.deallocate()
            throw ModelFileError(path: path, reason: "\(error)")
        }
    }

    deinit {
        if isMapped { munmap(bytes.baseAddress!, bytes.count) } else { bytes.deallocate() }
    }

    // MARK: Texts

    public var architecture: String {
        String(decoding: model.reader.string(model.reader.header.architecture), as: UTF8.self)
    }

    /// The name of class `index`; its number when the model names fewer classes.
    public func className(_ index: Int) -> String {
        index < model.classCount ? String(decoding: model.reader.className(index), as: UTF8.self) : "class \(index)"
    }

    /// Values of the output: scores of a classifier.
    public var outputCount: Int {
        let output = model.reader.output(0)
        return Int(output.height) * Int(output.width) * Int(output.channels) / (output.isWide == 1 ? 2 : 1)
    }

    public func operationName(_ index: Int) -> String {
        String(decoding: model.reader.string(model.reader.operation(index).name), as: UTF8.self)
    }

    /// Whether the scores are probabilities already: the operator that makes them is a softmax.
    public var endsInSoftmax: Bool {
        let reader = model.reader
        let output = reader.output(0).operand.buffer
        return (0..<reader.operatorCount).contains { index in
            let record = reader.operation(index)
            return record.kind == OperatorKind.softmax.rawValue && record.output.buffer == output
        }
    }
}
