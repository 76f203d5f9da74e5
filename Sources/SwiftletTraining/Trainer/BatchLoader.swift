/// Brings pictures of a data set into an engine's input: order, augmentation, normalization.
///
/// Which pictures a step sees, and how they are changed, depends on the seed, the epoch and the position alone.
/// What it does not do: read ahead; a picture takes microseconds, and each thread loads its own share.
import Foundation
import SwiftletGraph

final class BatchLoader: @unchecked Sendable {
    let dataSet: any DataSet
    private let shape: Shape
    private let scale: [Float]
    private let offset: [Float]
    private let lock = NSLock()
    private var firstError: (any Error)?

    init(_ dataSet: any DataSet) {
        self.dataSet = dataSet
        shape = dataSet.format.shape
        let preprocessing = dataSet.format.preprocessing
        scale = preprocessing.deviation.map { 1 / $0 }
        offset = zip(preprocessing.mean, preprocessing.deviation).map { -$0 / $1 }
    }

    /// The pictures of `epoch` in a random order (Fisher and Yates).
    static func order(count: Int, seed: UInt64, epoch: Int) -> [Int] {
        var generator = SeededGenerator(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(epoch))
        return (0..<count).shuffled(using: &generator)
    }

    /// Loads pictures `indices[image]` for the images of `range` into `input`.
    ///
    /// An error is kept for `check`: this runs on the crew's threads.
    ///
    /// - Parameter watch: is shown each image's pixels as they go in.
    func load(
        _ indices: ArraySlice<Int>, images range: Range<Int>, into input: Map, augmentation: Augmentation?,
        seed: UInt64, watch: (Int, UnsafeRawBufferPointer) throws -> Void = { _, _ in }
    ) {
        let count = shape.elementCount
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { pixels in
            for image in range {
                let index = indices[indices.startIndex + image]
                do {
                    try dataSet.readPixels(at: index, into: pixels)
                    if let augmentation {
                        var generator = SeededGenerator(seed: seed ^ UInt64(index) &* 0xD1B5_4A32_D192_ED03)
                        augmentation.apply(to: pixels, shape: shape, generator: &generator)
                    }
                    try watch(image, UnsafeRawBufferPointer(pixels))
                } catch {
                    lock.withLock { firstError = firstError ?? error }
                    return
                }
                normalize(pixels, into: input.values(from: image))
            }
        }
    }

    /// - Throws: the first error that a load has met.
    func check() throws {
        if let error = lock.withLock({ firstError }) { throw error }
    }

    private func normalize(_ pixels: UnsafeMutableBufferPointer<UInt8>, into target: UnsafeMutablePointer<Float>) {
        let channels = shape.channels
        for channel in 0..<channels {
            let (a, b) = (scale[channel], offset[channel])
            var index = channel
            while index < pixels.count {
                target[index] = Float(pixels[index]) * a + b
                index += channels
            }
        }
    }
}
