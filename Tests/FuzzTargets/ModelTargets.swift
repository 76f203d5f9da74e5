/// `int8.bin`: read, and run whenever the reader accepts it.
///
/// Length and checksum are entered anew, so that it is the validation that has to hold. What it does not do: run models
/// that would take minutes; a model may ask for any number of multiplications, and that is no defect.
import Foundation
import Swiftlet
import SwiftletFormat
import SwiftletHost
import SwiftletKernels

extension FuzzTarget {
    static let modelReader = FuzzTarget("model-reader", byteLimit: 1 << 14, seeds: ModelSeeds.all) { bytes in
        let file = try ModelFile(contents: resealed(bytes), path: "int8.bin")
        _ = file.architecture
        for index in 0..<file.model.classCount { _ = file.className(index) }
        for index in 0..<file.model.reader.operatorCount { _ = file.operationName(index) }
    }

    static let modelRunner = FuzzTarget("model-runner", byteLimit: 1 << 14, seeds: ModelSeeds.all) { bytes in
        let file = try ModelFile(contents: resealed(bytes), path: "int8.bin")
        guard file.model.arenaBytes < 1 << 20, work(file) < 1 << 18 else { return }
        // One set of kernels an input, or millions of inputs would take days.
        let kernels = [nil] + VectorKernels.names.map { VectorKernels.named($0) }
        try run(file, kernels: kernels[Int(file.model.reader.header.checksum) % kernels.count])
    }

    /// Pushes rows into every input in turn until all are in, then reads every output.
    private static func run(_ file: ModelFile, kernels: VectorKernels?) throws {
        let arena = HostArena(byteCount: file.model.arenaBytes)
        try arena.watched {
            let session = try Session(model: file.model, arena: arena.arena, kernels: kernels)
            let reader = file.model.reader
            let inputs = (0..<reader.pushedInputCount).map { reader.input($0) }
            for _ in 0..<reader.passes {
                for y in 0..<(inputs.map { Int($0.height) }.max() ?? 0) {
                    for (index, input) in inputs.enumerated() where y < Int(input.height) {
                        let row = [UInt8](
                            repeating: UInt8(truncatingIfNeeded: y &* 37),
                            count: reader.pushedWidth(index) * Int(input.channels))
                        _ = try row.withUnsafeBytes { try session.push(row: $0, input: index) }
                    }
                }
            }
            for index in 0..<reader.outputCount {
                let output = try session.output(index)
                _ = output.value(y: output.height - 1, x: output.rows.width - 1, channel: output.channelCount - 1)
            }
        }
        guard arena.guardsAreIntact else { throw Violation(what: "a write beside the arena") }
    }

    /// About how many taps a run computes.
    private static func work(_ file: ModelFile) -> Int {
        let reader = file.model.reader
        let pushed = (0..<reader.inputCount).reduce(0) {
            let input = reader.input($1)
            return $0 + Int(input.height) * max(Int(input.width), reader.pushedWidth(0)) * Int(input.channels)
        }
        return (0..<reader.operatorCount).reduce(pushed) { sum, index in
            let record = reader.operation(index)
            let taps = Int(record.kernelHeight) * Int(record.kernelWidth) * Int(record.inputChannels)
            let outputs = max(Int(record.inputHeight), Int(record.outputHeight)) * Int(record.outputWidth)
            return sum + outputs * Int(record.outputChannels) * taps
        }
    }

    /// The bytes with the length and the checksum that they should have, where there is a header to hold them.
    private static func resealed(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= MemoryLayout<HeaderRecord>.size else { return bytes }
        var bytes = bytes
        bytes.withUnsafeMutableBytes { buffer in
            buffer.storeBytes(of: UInt32(buffer.count), toByteOffset: 12, as: UInt32.self)
            let checked = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[HeaderRecord.checkedFrom...])
            buffer.storeBytes(of: Checksum.of(checked), toByteOffset: 16, as: UInt32.self)
        }
        return bytes
    }
}

extension HostArena {
    /// Runs `body` with the guards out of bounds for AddressSanitizer, where that is linked: it then names the instruction
    /// that reads or writes beside the arena.
    fileprivate func watched(_ body: () throws -> Void) rethrows {
        guard let start = arena.bytes.baseAddress else { return try body() }
        let guards = [start - Self.guardBytes, start + arena.bytes.count]
        defer { for place in guards { AddressSanitizer.unpoison?(place, Self.guardBytes) } }
        for place in guards { AddressSanitizer.poison?(place, Self.guardBytes) }
        try body()
    }
}

/// AddressSanitizer's own functions (sanitizer/asan_interface.h); nil where it is not linked.
private enum AddressSanitizer {
    typealias Mark = @convention(c) (UnsafeRawPointer?, Int) -> Void
    static let poison = find("__asan_poison_memory_region")
    static let unpoison = find("__asan_unpoison_memory_region")

    private static func find(_ name: String) -> Mark? {
        dlsym(dlopen(nil, RTLD_NOW), name).map { unsafeBitCast($0, to: Mark.self) }
    }
}
