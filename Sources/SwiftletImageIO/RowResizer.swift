/// Resizes and crops a picture as its rows pass: rows in, rows out, in the memory of one kernel's height of rows.
///
/// The bytes are Pillow's: `Image.resize(…, BILINEAR)`, horizontally first, rounded to 8 bits, then vertically; sizes and
/// offsets are torchvision's `Resize(shorterSide)` and `CenterCrop`. Pillow since 13 turns the order round where the height
/// shrinks much more than the width (its pull request 9549); here it stays as it was when today's networks were trained.
/// What it does not do: change colours (see `PictureStream`), or sharpen: no other filter than the triangle.
import SwiftletGraph

/// The sizes and weights of one resize: worked out once for pictures of the same size.
public struct ResizePlan: Sendable {
    public let sourceWidth: Int
    public let sourceHeight: Int
    public let width: Int
    public let height: Int
    let columns: ResampleKernel
    let rows: ResampleKernel
    let copiesRows: Bool

    /// - Parameters:
    ///   - sourceWidth: pixels, as all sizes here.
    ///   - rule: how the picture is brought to `width` x `height`.
    /// - Throws: `ImageError.cannotFit` when the crop is larger than the resized picture.
    public init(
        sourceWidth: Int, sourceHeight: Int, width: Int, height: Int, rule: Preprocessing.Resize
    ) throws {
        precondition(sourceWidth > 0 && sourceHeight > 0 && width > 0 && height > 0)
        self.sourceWidth = sourceWidth
        self.sourceHeight = sourceHeight
        self.width = width
        self.height = height
        let whole: (width: Int, height: Int)
        switch rule {
        case .stretch: whole = (width, height)
        case .centreCrop(let shorterSide):
            whole = try Self.sizeBeforeCrop(
                width: sourceWidth, height: sourceHeight, shorterSide: shorterSide, crop: (width, height))
        }
        let left = Self.cropOffset(whole.width, width)
        let top = Self.cropOffset(whole.height, height)
        columns = ResampleKernel(input: sourceWidth, output: whole.width, kept: left..<left + width)
        rows = ResampleKernel(input: sourceHeight, output: whole.height, kept: top..<top + height)
        copiesRows = whole.width == sourceWidth && width == sourceWidth
    }

    /// Whether every pixel is delivered unchanged.
    public var isIdentity: Bool { copiesRows && height == sourceHeight && rows.isIdentity }

    /// torchvision's `Resize(shorterSide)`: the longer side is truncated to a whole number.
    private static func sizeBeforeCrop(
        width: Int, height: Int, shorterSide: Int, crop: (width: Int, height: Int)
    ) throws -> (width: Int, height: Int) {
        guard shorterSide > 0, shorterSide <= 1 << 16 else {
            throw ImageError.cannotFit(reason: "a shorter side of \(shorterSide) pixels; give 1 to \(1 << 16)")
        }
        let longer = shorterSide * max(width, height) / min(width, height)
        let whole = width < height ? (width: shorterSide, height: longer) : (width: longer, height: shorterSide)
        guard whole.width >= crop.width, whole.height >= crop.height else {
            throw ImageError.cannotFit(
                reason: "a picture of \(width)x\(height), resized to \(whole.width)x\(whole.height) (shorter side "
                    + "\(shorterSide)), is smaller than the \(crop.width)x\(crop.height) cut out of it; "
                    + "raise the shorter side")
        }
        return whole
    }

    /// torchvision's `CenterCrop`: half of what is left over, a half rounded to the even neighbour.
    private static func cropOffset(_ whole: Int, _ crop: Int) -> Int {
        let surplus = whole - crop
        return surplus / 2 + (surplus % 4 == 3 ? 1 : 0)
    }
}

public final class RowResizer {
    public let plan: ResizePlan
    /// Bytes a pixel, 1 to 4.
    public let channels: Int
    /// Source rows pushed so far.
    public private(set) var pushedRows = 0
    /// Output rows delivered so far.
    public private(set) var deliveredRows = 0

    /// Rows resized horizontally; row `y` of the source in slot `y % ringHeight`.
    private let ring: UnsafeMutableBufferPointer<UInt8>
    private let ringHeight: Int
    private let output: UnsafeMutableBufferPointer<UInt8>

    public init(plan: ResizePlan, channels: Int) {
        precondition((1...4).contains(channels), "\(channels) channels")
        self.plan = plan
        self.channels = channels
        ringHeight = plan.rows.largestCount
        ring = .allocate(capacity: ringHeight * plan.width * channels)
        ring.initialize(repeating: 0)
        output = .allocate(capacity: plan.width * channels)
        output.initialize(repeating: 0)
    }

    deinit {
        ring.deallocate()
        output.deallocate()
    }

    /// The bytes that the object holds for rows: what streaming costs.
    public var rowMemory: Int { ring.count + output.count }

    /// Takes the next source row, from the top down, and hands out every output row that it completes: none or several.
    ///
    /// - Parameters:
    ///   - row: `plan.sourceWidth * channels` bytes.
    ///   - deliver: gets `plan.width * channels` bytes, valid until it returns.
    public func push(
        row: UnsafeBufferPointer<UInt8>, deliver: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) rethrows {
        precondition(
            row.count == plan.sourceWidth * channels, "\(row.count) bytes for a row of \(plan.sourceWidth * channels)")
        precondition(pushedRows < plan.sourceHeight, "all \(plan.sourceHeight) rows are pushed")
        let y = pushedRows
        pushedRows += 1
        guard deliveredRows < plan.height, y >= plan.rows.windows[deliveredRows].first else { return }
        let rowBytes = plan.width * channels
        let slot = UnsafeMutableBufferPointer(
            rebasing: ring[(y % ringHeight) * rowBytes..<(y % ringHeight + 1) * rowBytes])
        if plan.copiesRows {
            _ = slot.update(from: row)
        } else {
            resizeColumns(row, into: slot)
        }
        while deliveredRows < plan.height, plan.rows.windows[deliveredRows].end <= y + 1 {
            resizeRows(plan.rows.windows[deliveredRows])
            deliveredRows += 1
            try deliver(UnsafeBufferPointer(output))
        }
    }

    private func resizeColumns(_ row: UnsafeBufferPointer<UInt8>, into slot: UnsafeMutableBufferPointer<UInt8>) {
        let pixels = row.baseAddress!
        var out = slot.baseAddress!
        plan.columns.weights.withUnsafeBufferPointer { weights in
            for window in plan.columns.windows {
                let weight = weights.baseAddress! + window.offset
                var pixel = pixels + window.first * channels
                if channels == 3 {
                    var (red, green, blue) = (ResampleKernel.half, ResampleKernel.half, ResampleKernel.half)
                    for index in 0..<window.count {
                        red &+= Int32(pixel[0]) &* weight[index]
                        green &+= Int32(pixel[1]) &* weight[index]
                        blue &+= Int32(pixel[2]) &* weight[index]
                        pixel += 3
                    }
                    out[0] = ResampleKernel.byte(red)
                    out[1] = ResampleKernel.byte(green)
                    out[2] = ResampleKernel.byte(blue)
                } else {
                    for channel in 0..<channels {
                        var sum = ResampleKernel.half
                        for index in 0..<window.count {
                            sum &+= Int32(pixel[index * channels + channel]) &* weight[index]
                        }
                        out[channel] = ResampleKernel.byte(sum)
                    }
                }
                out += channels
            }
        }
    }

    private func resizeRows(_ window: ResampleKernel.Window) {
        let rowBytes = plan.width * channels
        if window.count == 1, plan.rows.weights[window.offset] == 1 << ResampleKernel.fractionBits {
            _ = output.update(
                from: ring[(window.first % ringHeight) * rowBytes..<(window.first % ringHeight + 1) * rowBytes])
            return
        }
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: rowBytes) { sums in
            sums.initialize(repeating: ResampleKernel.half)
            let sum = sums.baseAddress!
            for index in 0..<window.count {
                let weight = plan.rows.weights[window.offset + index]
                let line = ring.baseAddress! + ((window.first + index) % ringHeight) * rowBytes
                for position in 0..<rowBytes { sum[position] &+= Int32(line[position]) &* weight }
            }
            let out = output.baseAddress!
            for position in 0..<rowBytes { out[position] = ResampleKernel.byte(sum[position]) }
        }
    }
}
