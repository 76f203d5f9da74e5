/// Random changes that a training picture undergoes: shift (pad and crop), flip, small affine, cutout.
///
/// Sources: pad-and-crop and flip, He et al. 2015 section 4.2; cutout, DeVries and Taylor 2017 (arXiv:1708.04552);
/// shifts and small affine for digits, Simard et al. 2003.
/// What it does not do: change a picture's size, or touch test pictures; the loader calls it, in training only.
import Foundation
import SwiftletGraph

public struct Augmentation: Hashable, Sendable, Codable {
    /// What lies beyond the edge of a picture.
    public enum Border: Hashable, Sendable, Codable {
        /// The picture mirrored about its edge pixel: 2 1 | 0 1 2.
        case reflect
        /// One byte per channel, or one for all.
        case constant([UInt8])
    }

    /// Shift by up to this many pixels in each direction: pad by it, crop at random.
    public var shift: Int
    /// Rotation by up to this many degrees to either side.
    public var rotation: Float
    /// Zoom by a factor in `1 - zoom ... 1 + zoom`.
    public var zoom: Float
    /// Mirror left and right, every second picture.
    public var flips: Bool
    /// Side, in pixels, of a square blanked out at a random place; 0 for none.
    public var cutout: Int
    public var border: Border
    /// What the cutout square is filled with: one byte per channel, or one for all.
    public var cutoutFill: [UInt8]

    public init(
        shift: Int = 0, rotation: Float = 0, zoom: Float = 0, flips: Bool = false, cutout: Int = 0,
        border: Border = .reflect, cutoutFill: [UInt8] = [0]
    ) {
        self.shift = shift
        self.rotation = rotation
        self.zoom = zoom
        self.flips = flips
        self.cutout = cutout
        self.border = border
        self.cutoutFill = cutoutFill
    }

    /// Leaves pictures as they are.
    public static let none = Augmentation()

    /// What suits the data set: shift and flip for natural pictures, shift and small affine for digits.
    ///
    /// - Parameter shape: the size of the pictures as delivered; shifts are an eighth of a side or less.
    /// - Throws: `DataSetError` when the specification names no known kind.
    public static func `default`(for specification: String, shape: Shape) throws -> Augmentation {
        let side = min(shape.height, shape.width)
        switch try DataSets.parse(specification).0 {
        case .cifar10: return Augmentation(shift: side / 8, flips: true)
        case .folder: return Augmentation(shift: side / 14, rotation: 5, zoom: 0.1, flips: true)
        case .shapes: return Augmentation(shift: side / 16, flips: true)
        case .idx:
            return Augmentation(shift: side / 14, rotation: 10, zoom: 0.1, border: .constant([0]))
        }
    }

    /// Changes a picture in place.
    ///
    /// - Parameters:
    ///   - pixels: `shape.elementCount` bytes, rows of interleaved channels.
    ///   - generator: the same seed gives the same picture.
    public func apply(
        to pixels: UnsafeMutableBufferPointer<UInt8>, shape: Shape, generator: inout SeededGenerator
    ) {
        precondition(pixels.count == shape.elementCount, "\(pixels.count) bytes are no picture of \(shape)")
        guard !pixels.isEmpty else { return }
        var dx = 0
        var dy = 0
        if shift > 0 {
            dx = Int.random(in: -shift...shift, using: &generator)
            dy = Int.random(in: -shift...shift, using: &generator)
        }
        let flip = flips && generator.next() & 1 == 1
        if rotation != 0 || zoom != 0 {
            let degrees = rotation == 0 ? 0 : Float.random(in: -abs(rotation)...abs(rotation), using: &generator)
            let factor = zoom == 0 ? 1 : 1 + Float.random(in: -abs(zoom)...abs(zoom), using: &generator)
            withCopy(of: pixels) { source in
                warp(source, into: pixels, shape: shape, degrees: degrees, zoom: factor, dx: dx, dy: dy, flip: flip)
            }
        } else if dx != 0 || dy != 0 || flip {
            withCopy(of: pixels) { source in
                move(source, into: pixels, shape: shape, dx: dx, dy: dy, flip: flip)
            }
        }
        if cutout > 0 {
            blank(pixels, shape: shape, generator: &generator)
        }
    }

    private func withCopy(
        of pixels: UnsafeMutableBufferPointer<UInt8>, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: pixels.count) { copy in
            _ = copy.initialize(from: pixels)
            body(copy)
        }
    }

    /// Where coordinate `index` is read in `0 ..< count`; nil for the constant border.
    @inline(__always)
    private func inside(_ index: Int, _ count: Int, reflects: Bool) -> Int? {
        if index >= 0 && index < count { return index }
        guard reflects else { return nil }
        guard count > 1 else { return 0 }
        let period = 2 * (count - 1)
        let phase = ((index % period) + period) % period
        return phase < count ? phase : period - phase
    }

    private var reflects: Bool { border == .reflect }

    private func borderByte(_ channel: Int) -> UInt8 {
        guard case .constant(let bytes) = border, !bytes.isEmpty else { return 0 }
        return bytes[min(channel, bytes.count - 1)]
    }

    /// Shift and flip: bytes are only moved.
    private func move(
        _ source: UnsafeMutableBufferPointer<UInt8>, into pixels: UnsafeMutableBufferPointer<UInt8>, shape: Shape,
        dx: Int, dy: Int, flip: Bool
    ) {
        let (height, width, channels) = (shape.height, shape.width, shape.channels)
        let reflects = self.reflects
        let blank = (borderByte(0), borderByte(1), borderByte(2))
        let from = source.baseAddress!
        let to = pixels.baseAddress!
        @inline(__always) func fill(_ target: UnsafeMutablePointer<UInt8>) {
            target[0] = blank.0
            if channels > 1 { target[1] = blank.1 }
            for channel in stride(from: 2, to: channels, by: 1) { target[channel] = blank.2 }
        }
        for y in 0..<height {
            let target = to + y * width * channels
            guard let sourceY = inside(y + dy, height, reflects: reflects) else {
                for x in 0..<width { fill(target + x * channels) }
                continue
            }
            let row = from + sourceY * width * channels
            for x in 0..<width {
                let out = target + x * channels
                guard let sourceX = inside((flip ? width - 1 - x : x) + dx, width, reflects: reflects) else {
                    fill(out)
                    continue
                }
                let pixel = row + sourceX * channels
                for channel in 0..<channels { out[channel] = pixel[channel] }
            }
        }
    }

    /// Rotation and zoom about the centre, then shift and flip: bilinear in 16.16 fixed point.
    private func warp(
        _ source: UnsafeMutableBufferPointer<UInt8>, into pixels: UnsafeMutableBufferPointer<UInt8>, shape: Shape,
        degrees: Float, zoom: Float, dx: Int, dy: Int, flip: Bool
    ) {
        let (height, width, channels) = (shape.height, shape.width, shape.channels)
        let reflects = self.reflects
        let angle = Double(degrees) * .pi / 180
        let scale = 1 / Double(max(zoom, 0.01))
        let (cosine, sine) = (cos(angle) * scale, sin(angle) * scale)
        let mirror = flip ? -1.0 : 1.0
        let one = 65536.0
        let (stepX, stepY) = (Int(cosine * mirror * one), Int(sine * mirror * one))
        let (centreX, centreY) = (Double(width - 1) / 2, Double(height - 1) / 2)
        for y in 0..<height {
            let (offsetX, offsetY) = (-centreX * mirror, Double(y) - centreY)
            var x16 = Int((cosine * offsetX - sine * offsetY + centreX + Double(dx)) * one)
            var y16 = Int((sine * offsetX + cosine * offsetY + centreY + Double(dy)) * one)
            for x in 0..<width {
                let (left, top) = (x16 >> 16, y16 >> 16)
                let (fractionX, fractionY) = ((x16 & 0xFFFF) >> 8, (y16 & 0xFFFF) >> 8)
                let leftColumn = inside(left, width, reflects: reflects)
                let rightColumn = inside(left + 1, width, reflects: reflects)
                let topRow = inside(top, height, reflects: reflects)
                let bottomRow = inside(top + 1, height, reflects: reflects)
                for channel in 0..<channels {
                    let outside = reflects ? 0 : Int(borderByte(channel))
                    @inline(__always) func sample(_ row: Int?, _ column: Int?) -> Int {
                        guard let row, let column else { return outside }
                        return Int(source[(row * width + column) * channels + channel])
                    }
                    let upper = sample(topRow, leftColumn) * (256 - fractionX) + sample(topRow, rightColumn) * fractionX
                    let lower =
                        sample(bottomRow, leftColumn) * (256 - fractionX) + sample(bottomRow, rightColumn) * fractionX
                    let value = (upper * (256 - fractionY) + lower * fractionY + 32768) >> 16
                    pixels[(y * width + x) * channels + channel] = UInt8(value)
                }
                x16 += stepX
                y16 += stepY
            }
        }
    }

    /// Blanks a square whose centre lies anywhere in the picture, so that it may be cut by the edge.
    private func blank(
        _ pixels: UnsafeMutableBufferPointer<UInt8>, shape: Shape, generator: inout SeededGenerator
    ) {
        let centreY = Int.random(in: 0..<shape.height, using: &generator)
        let centreX = Int.random(in: 0..<shape.width, using: &generator)
        let rows = max(centreY - cutout / 2, 0)..<min(centreY - cutout / 2 + cutout, shape.height)
        let columns = max(centreX - cutout / 2, 0)..<min(centreX - cutout / 2 + cutout, shape.width)
        for y in rows {
            for x in columns {
                for channel in 0..<shape.channels {
                    let fill = cutoutFill.isEmpty ? 0 : cutoutFill[min(channel, cutoutFill.count - 1)]
                    pixels[(y * shape.width + x) * shape.channels + channel] = fill
                }
            }
        }
    }
}
