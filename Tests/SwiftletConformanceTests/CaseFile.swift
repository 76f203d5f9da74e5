/// Conformance cases in one file for tools/firmware --cases: each a model, its input and the bytes that must come out.
///
/// A record, all of its parts padded to 64 bytes: four words of 32 bits, little-endian (bytes of the model, of the input and of
/// the output, and one left over), and the name in the rest of 128 bytes; the model; the input, all inputs one after the
/// other; the output. A record of zeros ends the file. What it does not do: hold 16-bit or float outputs, or models that
/// need more than `mostArenaBytes`.
import Foundation
import Testing

struct CaseFile {
    static let alignment = 64
    static let nameBytes = 112
    /// What a program without a model has for its arena: `scratch` in tools/firmware-boards.
    static let mostArenaBytes = 1 << 18

    private(set) var bytes: [UInt8] = []

    /// Where the file goes: the environment's SWIFTLET_CASES, or nowhere.
    static let path = ProcessInfo.processInfo.environment["SWIFTLET_CASES"]

    /// Adds the pictures of a batch, a record each.
    mutating func append(_ name: String, _ model: CaseModel, inputs: [[Int]], outputs: [[Int]], batch: Int) {
        let reader = model.file.model.reader
        let isWide = (0..<reader.outputCount).contains { reader.output($0).isWide == 1 }
        guard !isWide, model.file.model.arenaBytes <= Self.mostArenaBytes else { return }
        for picture in 0..<batch {
            let input = zip(model.graph.inputs, inputs).flatMap { value, values in
                let count = model.graph.values[value].shape.elementCount
                let start = values.count == count ? 0 : picture * count
                return values[start..<(start + count)].map { UInt8(bitPattern: Int8($0)) }
            }
            let output = zip(model.graph.outputs, outputs).flatMap { value, values in
                let count = model.graph.values[value].shape.elementCount
                return values[(picture * count)..<((picture + 1) * count)].map { UInt8(bitPattern: Int8($0)) }
            }
            appendHeader([model.bytes.count, input.count, output.count, 0], name: "\(name) picture \(picture)")
            for part in [model.bytes, input, output] { appendPadded(part) }
        }
    }

    func write() throws {
        guard let path = Self.path else { return }
        var finished = self
        finished.appendHeader([0, 0, 0, 0], name: "")
        try Data(finished.bytes).write(to: URL(fileURLWithPath: path))
    }

    private mutating func appendHeader(_ words: [Int], name: String) {
        for word in words { withUnsafeBytes(of: UInt32(word).littleEndian) { bytes += $0 } }
        let text = Array(name.utf8.prefix(Self.nameBytes - 1))
        bytes += text + [UInt8](repeating: 0, count: Self.nameBytes - text.count)
    }

    private mutating func appendPadded(_ part: [UInt8]) {
        bytes += part
        bytes += [UInt8](repeating: 0, count: -part.count & (Self.alignment - 1))
    }
}
