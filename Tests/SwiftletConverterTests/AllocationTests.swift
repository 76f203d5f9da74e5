import AllocationCounter
import Foundation
import Swiftlet
import SwiftletHost
import SwiftletZoo
import Testing

@testable import SwiftletConverter

@Suite struct AllocationTests {
    @Test(arguments: [
        "mobilenet-v2:width=0.35,resolution=32", "shufflenet-v2:width=0.5,resolution=32", "lenet5",
        "condensenet:stages=2-2-2,growth=8-8-8,resolution=32",
    ])
    func aPictureIsRunWithoutAllocating(_ spec: String) throws {
        let converted = try ConversionPipeline.convertRandom(Architecture(parsing: spec), seed: 1)
        let file = try ModelFile(contents: converted.bytes, path: spec)
        let arena = HostArena(byteCount: file.model.arenaBytes)
        let session = try Session(model: file.model, arena: arena.arena)
        let pixels = selfTestPixels(seed: 1, count: file.model.inputRowBytes * file.model.inputHeight)
        try pixels.withUnsafeBytes { bytes in
            for run in 0..<2 {
                session.reset()
                let before = allocation_count()
                for y in 0..<file.model.inputHeight {
                    let first = y * file.model.inputRowBytes
                    try session.push(
                        row: UnsafeRawBufferPointer(rebasing: bytes[first..<(first + file.model.inputRowBytes)]))
                }
                let score = try session.output()[0]
                let allocations = allocation_count() - before
                #expect(allocations == 0, "\(spec), run \(run): \(allocations) allocations, first score \(score)")
            }
        }
    }

    @Test(.enabled(if: allocation_count() >= 0, "this C library's allocations cannot be counted"))
    func theCounterCounts() {
        let before = allocation_count()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 1000, alignment: 64)
        memory.deallocate()
        #expect(allocation_count() > before)
    }
}
