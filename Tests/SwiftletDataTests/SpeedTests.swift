/// How long pictures take, in optimized builds only: what the loader budgets for.
import SwiftletGraph
import Testing

@testable import SwiftletTraining

private let isOptimized: Bool = {
    #if DEBUG
        return false
    #else
        return true
    #endif
}()

@Suite(.enabled(if: isOptimized), .serialized) struct SpeedTests {
    /// Microseconds of one call, the best of five rounds.
    private func microseconds(_ calls: Int, _ body: (Int) throws -> Void) rethrows -> Double {
        var best = Double.infinity
        for _ in 0..<5 {
            let duration = try ContinuousClock().measure { for call in 0..<calls { try body(call) } }
            best = min(best, Double(duration.components.attoseconds) / 1e12 / Double(calls))
        }
        return best
    }

    @Test(arguments: ["cifar10:x", "idx:x", "folder:x", "shapes"])
    func augmentingA32x32PictureTakesUnder20Microseconds(specification: String) throws {
        let channels = specification == "idx:x" ? 1 : 3
        let shape = Shape(height: 32, width: 32, channels: channels)
        let augmentation = try Augmentation.default(for: specification, shape: shape)
        var pixels = Fixture.bytes(shape.elementCount, seed: 1)
        var generator = SeededGenerator(seed: 2)
        let time = pixels.withUnsafeMutableBufferPointer { pixels in
            microseconds(2000) { _ in augmentation.apply(to: pixels, shape: shape, generator: &generator) }
        }
        print("\(specification): \(time) us to augment")
        // Folders hold large pictures: their warp is not what a 32x32 set waits for.
        #expect(time < (specification == "folder:x" ? 60 : 20))
    }

    @Test func readingTakesAsLongAsItMay() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Fixture.cifar([1, 2, 3]), as: "x.bin")
        let resized = try DataSets.defaultFormat(
            for: "cifar10:\(path)", shape: Shape(height: 28, width: 28, channels: 1))
        for (set, limit) in [
            (try DataSets.open("cifar10:\(path)", split: .test), 10.0),
            (try DataSets.open("cifar10:\(path)", split: .test, format: resized), 60),
            (try DataSets.open("shapes", split: .test), 400),
        ] {
            var pixels = [UInt8](repeating: 0, count: set.format.shape.elementCount)
            let time = try pixels.withUnsafeMutableBufferPointer { pixels in
                try microseconds(300) { try set.readPixels(at: $0 % set.count, into: pixels) }
            }
            print("\(set.name.prefix(8)) \(set.format.shape): \(time) us to read")
            #expect(time < limit)
        }
    }
}
