/// Augmentation moves bytes as it says, and survives sizes that make no sense.
import SwiftletGraph
import Testing

@testable import SwiftletTraining

@Suite struct AugmentationTests {
    private let shape = Shape(height: 5, width: 7, channels: 3)

    private func picture(_ shape: Shape) -> [UInt8] { (0..<shape.elementCount).map { UInt8(truncatingIfNeeded: $0) } }

    private func apply(_ augmentation: Augmentation, _ pixels: [UInt8], _ shape: Shape, seed: UInt64) -> [UInt8] {
        var pixels = pixels
        var generator = SeededGenerator(seed: seed)
        pixels.withUnsafeMutableBufferPointer { augmentation.apply(to: $0, shape: shape, generator: &generator) }
        return pixels
    }

    @Test func noAugmentationLeavesEveryByte() {
        #expect(apply(.none, picture(shape), shape, seed: 1) == picture(shape))
    }

    @Test func aFlipMirrorsWholePixelsInAboutHalfOfThePictures() {
        let original = picture(shape)
        var mirrored = original
        for y in 0..<5 {
            for x in 0..<7 {
                for channel in 0..<3 { mirrored[(y * 7 + x) * 3 + channel] = original[(y * 7 + 6 - x) * 3 + channel] }
            }
        }
        var flipped = 0
        for seed in 0..<200 {
            let result = apply(Augmentation(flips: true), original, shape, seed: UInt64(seed))
            #expect(result == original || result == mirrored)
            if result == mirrored { flipped += 1 }
        }
        #expect((70...130).contains(flipped))
    }

    @Test func aShiftWithAConstantBorderMovesTheRestUnchanged() {
        let original = picture(shape)
        var seen: Set<[UInt8]> = []
        for seed in 0..<100 {
            let result = apply(
                Augmentation(shift: 1, border: .constant([9, 8, 7])), original, shape, seed: UInt64(seed))
            let isShift = (-1...1).contains { dy in
                (-1...1).contains { dx in
                    (0..<35).allSatisfy { position in
                        let (y, x) = (position / 7 + dy, position % 7 + dx)
                        let pixel = Array(result[position * 3..<position * 3 + 3])
                        guard (0..<5).contains(y), (0..<7).contains(x) else { return pixel == [9, 8, 7] }
                        return pixel == Array(original[(y * 7 + x) * 3..<(y * 7 + x) * 3 + 3])
                    }
                }
            }
            #expect(isShift)
            seen.insert(result)
        }
        #expect(seen.count == 9)
    }

    @Test func aReflectedBorderRepeatsNoEdgePixel() {
        let shape = Shape(height: 1, width: 4, channels: 1)
        let results = Set((0..<60).map { apply(Augmentation(shift: 2), [0, 1, 2, 3], shape, seed: $0) })
        #expect(results == [[2, 1, 0, 1], [1, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 2], [2, 3, 2, 1]])
    }

    @Test func cutoutBlanksOneSquareAndNothingElse() {
        let shape = Shape(height: 12, width: 12, channels: 1)
        let original = [UInt8](repeating: 200, count: 144)
        for seed in UInt64(0)..<50 {
            let result = apply(Augmentation(cutout: 4, cutoutFill: [5]), original, shape, seed: seed)
            let blanked = result.count { $0 == 5 }
            #expect((4...16).contains(blanked))
            #expect(blanked + result.count { $0 == 200 } == 144)
        }
    }

    @Test func aWarpOfAnEvenPictureStaysEvenWithinOneStep() {
        let shape = Shape(height: 28, width: 28, channels: 1)
        let augmentation = Augmentation(shift: 2, rotation: 15, zoom: 0.2)
        for seed in UInt64(0)..<20 {
            let result = apply(augmentation, [UInt8](repeating: 77, count: 784), shape, seed: seed)
            #expect(result.allSatisfy { $0 == 77 })
        }
    }

    @Test func theSameSeedGivesTheSamePicture() {
        let augmentation = Augmentation(shift: 3, rotation: 20, zoom: 0.2, flips: true, cutout: 3)
        #expect(
            apply(augmentation, picture(shape), shape, seed: 7) == apply(augmentation, picture(shape), shape, seed: 7))
    }

    @Test func onePixelPicturesAndHugeShiftsAreSafe() {
        let one = Shape(height: 1, width: 1, channels: 1)
        let augmentation = Augmentation(shift: 1000, rotation: 90, zoom: 0.9, flips: true, cutout: 50)
        #expect(apply(augmentation, [3], one, seed: 2).count == 1)
        #expect(apply(Augmentation(shift: 1000), picture(shape), shape, seed: 2).count == shape.elementCount)
    }
}
