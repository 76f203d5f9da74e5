/// How often the heap is asked for memory, against `tools/allocation-limits.csv`.
///
///     inference   a picture through a session that is there already, row by row, to the score
///     load        what a device does: a model out of bytes in place, a session in a static arena
///     host_load   what a host does: a copy of the file, an arena with guards, a session
import AllocationCounter
import Foundation
import Swiftlet
import SwiftletHost
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite struct AllocationTests {
    private struct Counts: CustomStringConvertible {
        var inference = 0
        var load = 0
        var hostLoad = 0
        var description: String { "\(inference) an inference, \(load) a load, \(hostLoad) a load on a host" }
    }

    @Test(
        .enabled(if: allocation_count() >= 0, "this C library's allocations cannot be counted"),
        arguments: try LimitTable("allocation-limits.csv").networks)
    func noMoreIsAllocatedThanTheLimitsAllow(_ spec: String) throws {
        let limits = try LimitTable("allocation-limits.csv")
        let counts = try measure(spec)
        #expect(counts.inference <= Int(try limits.limit("inference", of: spec)), "\(spec): \(counts)")
        #expect(counts.load <= Int(try limits.limit("load", of: spec)), "\(spec): \(counts)")
        #expect(counts.hostLoad <= Int(try limits.limit("host_load", of: spec)), "\(spec): \(counts)")
    }

    /// The most of two times each: the first one may set up what the process keeps.
    private func measure(_ spec: String) throws -> Counts {
        let converted = try ConversionPipeline.convertRandom(Architecture(parsing: spec), seed: 1)
        let kept = try ModelFile(contents: converted.bytes, path: spec)
        let arena = HostArena(byteCount: kept.model.arenaBytes)
        let pixels = selfTestPixels(seed: 1, count: kept.model.inputRowBytes * kept.model.inputHeight)
        let file = UnsafeMutableRawBufferPointer.allocate(
            byteCount: converted.bytes.count, alignment: Model.alignment)
        defer { file.deallocate() }
        file.copyBytes(from: converted.bytes)

        var counts = Counts()
        for _ in 0..<2 {
            var before = allocation_count()
            let runner = try Runner(ModelFile(contents: converted.bytes, path: spec))
            counts.hostLoad = max(counts.hostLoad, Int(allocation_count() - before))
            withExtendedLifetime(runner) {}

            before = allocation_count()
            let session = try Session(model: Model(UnsafeRawBufferPointer(file)), arena: arena.arena)
            counts.load = max(counts.load, Int(allocation_count() - before))

            before = allocation_count()
            try pixels.withUnsafeBytes { bytes in
                for y in 0..<kept.model.inputHeight {
                    let first = y * kept.model.inputRowBytes
                    try session.push(
                        row: UnsafeRawBufferPointer(rebasing: bytes[first..<(first + kept.model.inputRowBytes)]))
                }
            }
            let score = try session.output()[0]
            counts.inference = max(counts.inference, Int(allocation_count() - before))
            withExtendedLifetime(score) {}
        }
        return counts
    }

    @Test(.enabled(if: allocation_count() >= 0, "this C library's allocations cannot be counted"))
    func theCounterCounts() {
        let before = allocation_count()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 1000, alignment: 64)
        memory.deallocate()
        #expect(allocation_count() > before)
    }
}
