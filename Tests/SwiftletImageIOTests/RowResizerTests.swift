/// Streaming resize against Pillow's bytes, and the memory that it takes.
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletImageIO

@Suite struct RowResizerTests {
    private func resize(_ source: [UInt8], _ resizer: RowResizer) -> [UInt8] {
        var result: [UInt8] = []
        let rowBytes = resizer.plan.sourceWidth * resizer.channels
        source.withUnsafeBufferPointer { source in
            for y in 0..<resizer.plan.sourceHeight {
                resizer.push(row: UnsafeBufferPointer(rebasing: source[y * rowBytes..<(y + 1) * rowBytes])) {
                    result.append(contentsOf: $0)
                }
            }
        }
        return result
    }

    @Test func everySizeComesOutAsInPillowBitForBit() throws {
        let table = try Fixture.table("resize.tsv")
        #expect(table.count == 27)
        for fields in table {
            let numbers = fields[..<7].map { Int($0)! }
            let (width, height, channels, shorter) = (numbers[1], numbers[2], numbers[3], numbers[6])
            let resizer = try RowResizer(
                plan: ResizePlan(
                    sourceWidth: width, sourceHeight: height, width: numbers[4], height: numbers[5],
                    rule: shorter == 0 ? .stretch : .centreCrop(shorterSide: shorter)), channels: channels)
            let result = resize(Fixture.noise(width * height * channels, seed: UInt64(numbers[0])), resizer)
            #expect(result == Fixture.bytes(hex: fields[7]), "\(numbers)")
        }
    }

    @Test func memoryGrowsWithTheKernelAndNotWithThePicture() throws {
        func memory(_ side: Int) throws -> Int {
            try RowResizer(
                plan: ResizePlan(
                    sourceWidth: side, sourceHeight: side, width: 224, height: 224, rule: .centreCrop(shorterSide: 256)),
                channels: 3
            ).rowMemory
        }
        #expect(try memory(512) == (4 + 1) * 224 * 3)
        #expect(try memory(8192) <= (65 + 1) * 224 * 3)
    }

    @Test func aPictureOfTheRightSizePassesWithOneRowOfDelay() throws {
        let resizer = try RowResizer(
            plan: ResizePlan(sourceWidth: 32, sourceHeight: 32, width: 32, height: 32, rule: .stretch), channels: 3)
        #expect(resizer.rowMemory == 2 * 32 * 3)
    }

    @Test func aCropLargerThanThePictureIsRefusedWithTheNumbers() {
        let message = line {
            _ = try RowResizer(
                plan: ResizePlan(
                    sourceWidth: 100, sourceHeight: 50, width: 224, height: 224, rule: .centreCrop(shorterSide: 200)),
                channels: 3)
        }
        #expect(
            message
                == "a picture of 100x50, resized to 400x200 (shorter side 200), is smaller than the 224x224 cut out of it;"
                + " raise the shorter side")
    }

    @Test func extremePicturesKeepToTheirBounds() throws {
        for (width, height) in [(1, 3000), (3000, 1), (2, 65_535)] {
            let resizer = try RowResizer(
                plan: ResizePlan(
                    sourceWidth: width, sourceHeight: height, width: 8, height: 8, rule: .centreCrop(shorterSide: 10)),
                channels: 1)
            #expect(resize([UInt8](repeating: 9, count: width * height), resizer) == [UInt8](repeating: 9, count: 64))
        }
    }
}

@Suite struct PictureStreamTests {
    private func format(_ width: Int, _ height: Int, _ order: Preprocessing.ColorOrder) -> InputFormat {
        let channels = order == .grey ? 1 : 3
        return InputFormat(
            shape: Shape(height: height, width: width, channels: channels),
            preprocessing: Preprocessing(
                resize: .stretch, colorOrder: order, mean: [Float](repeating: 0, count: channels),
                deviation: [Float](repeating: 1, count: channels)))
    }

    private func read(_ name: String, as format: InputFormat) throws -> [UInt8] {
        var pixels = [UInt8](repeating: 0, count: format.shape.elementCount)
        let reader = try PNGReader(bytes: Fixture.png(name).file)
        try pixels.withUnsafeMutableBufferPointer { try PictureStream.read(reader, format: format, into: $0) }
        return pixels
    }

    @Test func coloursAreKeptSwappedOrTurnedGrey() throws {
        let pixels = try Fixture.png("rgb8-13x9").pixels
        #expect(try read("rgb8-13x9", as: format(13, 9, .rgb)) == pixels)
        let swapped: [UInt8] = pixels.indices.map { (index: Int) -> UInt8 in pixels[index / 3 * 3 + 2 - index % 3] }
        #expect(try read("rgb8-13x9", as: format(13, 9, .bgr)) == swapped)
        let grey = stride(from: 0, to: pixels.count, by: 3).map { place -> UInt8 in
            let colour = pixels[place..<place + 3].map(Double.init)
            let luma: Double = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
            return UInt8(luma.rounded())
        }
        #expect(try read("rgb8-13x9", as: format(13, 9, .grey)) == grey)
    }

    @Test func greyPicturesFillAllColours() throws {
        let pixels = try Fixture.png("grey8-13x9").pixels
        #expect(try read("grey8-13x9", as: format(13, 9, .rgb)) == pixels.flatMap { [$0, $0, $0] })
        #expect(try read("grey8-13x9", as: format(13, 9, .bgr)) == pixels.flatMap { [$0, $0, $0] })
        #expect(try read("grey8-13x9", as: format(13, 9, .grey)) == pixels)
    }

    @Test func rowsComeOneByOneAndExactlyAsManyAsAsked() throws {
        let stream = try PictureStream(width: 40, height: 30, channels: 3, format: format(7, 5, .rgb))
        var rows = 0
        for y in 0..<30 {
            #expect(!stream.isComplete)
            Fixture.noise(120, seed: UInt64(y)).withUnsafeBufferPointer { row in
                stream.push(row: row) {
                    #expect($0.count == 21)
                    rows += 1
                }
            }
        }
        #expect(rows == 5 && stream.isComplete)
    }

    @Test func aFormatThatIsNoPictureIsRefused() {
        var wrong = format(7, 5, .rgb)
        wrong.shape.channels = 4
        #expect(
            line { _ = try PictureStream(width: 4, height: 4, channels: 3, format: wrong) }
                == "the input 5x7x4 has 4 channels; pictures have 1 (grey) or 3")
        wrong.shape.channels = 1
        #expect(
            line { _ = try PictureStream(width: 4, height: 4, channels: 3, format: wrong) }
                == "the colour order rgb does not go with 1 channels")
    }

    @Test(.enabled(if: SharedFolder.has("data/photos"))) func photosComeOutAsInPillowBitForBit() throws {
        let imageNet = InputFormat(
            shape: Shape(height: 224, width: 224, channels: 3),
            preprocessing: Preprocessing(
                resize: .centreCrop(shorterSide: 256), colorOrder: .rgb, mean: [0, 0, 0], deviation: [1, 1, 1]))
        for fields in try Fixture.table("photos.tsv") {
            let reader = try PNGReader(path: SharedFolder.file("data/photos/\(fields[0])").path)
            var pixels = [UInt8](repeating: 0, count: 224 * 224 * 3)
            try pixels.withUnsafeMutableBufferPointer { try PictureStream.read(reader, format: imageNet, into: $0) }
            #expect(String(Fixture.crc32(pixels)) == fields[1], "\(fields[0])")
        }
    }
}
