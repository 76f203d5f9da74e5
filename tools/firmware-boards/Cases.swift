/// Runs the conformance cases that the tests have written: models in flash, outputs that other runtimes computed.
///
/// The arena is the program's scratch memory; its layout and that of the cases is in
/// Tests/SwiftletConformanceTests/CaseFile.swift. What it does not do: go on after an output that differs.
import CBoard
import Swiftlet
import SwiftletFormat
import SwiftletKernels

func stop(_ message: StaticString) -> Never { finish(message.text, 1) }

func tell(_ name: StaticString, _ value: Int) { report(name.text, Int64(value)) }

extension StaticString {
    fileprivate var text: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

/// One case, where it lies in flash.
struct Case {
    static let headerBytes = 128
    static let alignment = 64

    let start: UnsafeRawPointer

    private func word(_ index: Int) -> Int { Int(start.load(fromByteOffset: index * 4, as: UInt32.self)) }

    var modelBytes: Int { word(0) }
    var inputBytes: Int { word(1) }
    var outputBytes: Int { word(2) }
    var name: UnsafePointer<CChar> { (start + 16).assumingMemoryBound(to: CChar.self) }
    var model: UnsafeRawPointer { start + Self.headerBytes }
    var input: UnsafeRawPointer { model + roundUp(modelBytes, to: Self.alignment) }
    var output: UnsafeRawPointer { input + roundUp(inputBytes, to: Self.alignment) }
    var next: Case { Case(start: output + roundUp(outputBytes, to: Self.alignment)) }

    func fail(_ message: StaticString) -> Never {
        report(name, 1)
        stop(message)
    }

    func run() {
        let bytes = UnsafeRawBufferPointer(start: model, count: modelBytes)
        guard let model = try? Model(bytes) else { fail("the model is refused") }
        let arena = Arena(UnsafeMutableRawBufferPointer(start: scratch_start(), count: model.arenaBytes))
        guard let session = try? Session(model: model, arena: arena) else { fail("the arena does not fit the model") }
        push(to: session)
        var expected = output.assumingMemoryBound(to: Int8.self)
        for index in 0..<model.reader.outputCount {
            guard let made = try? session.output(index) else { fail("the answer is not ready") }
            for y in 0..<made.height {
                for x in 0..<made.rows.width {
                    for channel in 0..<made.channelCount {
                        let value = made.value(y: y, x: x, channel: channel)
                        if value != expected.pointee {
                            tell("expected", Int(expected.pointee))
                            tell("made", Int(value))
                            fail("the output is not what other runtimes computed")
                        }
                        expected += 1
                    }
                }
            }
        }
    }

    /// Inputs take turns, a row each.
    private func push(to session: Session) {
        let reader = session.model.reader
        var height = 0
        for index in 0..<reader.inputCount { height = max(height, Int(reader.input(index).height)) }
        for y in 0..<height {
            var start = input
            for index in 0..<reader.inputCount {
                let source = reader.input(index)
                let rowBytes = Int(source.width) * Int(source.channels)
                if y < Int(source.height) {
                    let row = UnsafeRawBufferPointer(start: start + y * rowBytes, count: rowBytes)
                    guard (try? session.push(row: row, input: index)) != nil else { fail("a row was refused") }
                }
                start += Int(source.height) * rowBytes
            }
        }
    }
}

@main
struct Cases {
    static func main() {
        var example = Case(start: cases_start())
        var (count, bytes) = (0, 0)
        while example.modelBytes > 0 {
            example.run()
            count += 1
            bytes += example.outputBytes
            example = example.next
        }
        tell("cases", count)
        tell("bytes", bytes)
        finish("done", 0)
    }
}
