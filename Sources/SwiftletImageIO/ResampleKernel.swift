/// The weights with which one axis of a picture is resized: a triangle filter, widened when shrinking (antialiased).
///
/// Source of the arithmetic: Pillow, src/libImaging/Resample.c (MIT-CMU): weights in double precision, normalised to sum
/// 1, then rounded to 22 fractional bits; sums are rounded to nearest and clipped to 0...255. The same bytes come out.
/// What it does not do: touch pixels.

struct ResampleKernel: Sendable {
    /// 32 bits less 8 of a pixel, less 2 of headroom.
    static let fractionBits = 22

    struct Window: Sendable {
        /// The first input position that has weight.
        var first: Int
        var count: Int
        /// Where the window's weights begin in `weights`.
        var offset: Int

        var end: Int { first + count }
    }

    /// One for each output position that is kept.
    let windows: [Window]
    let weights: [Int32]

    /// - Parameters:
    ///   - input: positions along the axis in the source.
    ///   - output: positions along the axis after resizing, before cropping.
    ///   - kept: those of the output positions that are wanted.
    init(input: Int, output: Int, kept: Range<Int>) {
        let scale = Double(input) / Double(output)
        let filterScale = max(scale, 1)
        let inverse = 1 / filterScale
        var windows: [Window] = []
        var weights: [Int32] = []
        windows.reserveCapacity(kept.count)
        for position in kept {
            let centre = (Double(position) + 0.5) * scale
            let first = max(Int(centre - filterScale + 0.5), 0)
            let end = min(Int(centre + filterScale + 0.5), input)
            let real = (first..<end).map { max(1 - abs((Double($0) - centre + 0.5) * inverse), 0) }
            // Summed one after another: the order is part of the result.
            let sum = real.reduce(0, +)
            let one = Double(1 << Self.fractionBits)
            let fixed = real.map { Int32(0.5 + (sum == 0 ? $0 : $0 / sum) * one) }
            // Zero weights change nothing but would make the stream wait for a row that it does not need.
            let leading = fixed.prefix { $0 == 0 }.count
            let kept = leading == fixed.count ? fixed[..<1] : fixed[leading...(fixed.lastIndex { $0 != 0 }!)]
            windows.append(Window(first: first + kept.startIndex, count: kept.count, offset: weights.count))
            weights.append(contentsOf: kept)
        }
        self.windows = windows
        self.weights = weights
    }

    /// The most positions that one output reads.
    var largestCount: Int { windows.reduce(1) { max($0, $1.count) } }

    /// Whether every output is its input unchanged.
    var isIdentity: Bool {
        windows.enumerated().allSatisfy {
            $1.first == $0 && $1.count == 1 && weights[$1.offset] == 1 << Self.fractionBits
        }
    }

    /// A weighted sum with the rounding of half a unit already added, as a byte.
    @inline(__always)
    static func byte(_ sum: Int32) -> UInt8 {
        UInt8(truncatingIfNeeded: min(max(sum >> Int32(fractionBits), 0), 255))
    }

    /// What a sum starts from so that `byte` rounds to nearest.
    static let half = Int32(1) << Int32(fractionBits - 1)
}
