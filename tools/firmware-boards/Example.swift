/// A camera's rows go in, the class comes out: where a firmware of your own begins.
///
/// The camera here is the generator of int8.bin's self-test, so the answer is known and the example checks itself.
import CBoard
import Swiftlet
import SwiftletFormat

/// Delivers a picture row by row into the one row of memory that it is given, as a UART or a camera's DMA would.
struct Camera {
    var state: UInt32

    mutating func readRow(into row: UnsafeMutableBufferPointer<UInt8>) {
        for index in row.indices {
            state = state &* 1_664_525 &+ 1_013_904_223
            row[index] = UInt8(state >> 24)
        }
    }
}

func stop(_ message: StaticString) -> Never {
    finish(UnsafeRawPointer(message.utf8Start).assumingMemoryBound(to: CChar.self), 1)
}

@main
struct Example {
    static func main() {
        // The file is checked once, where it lies in flash. From here on nothing can be out of bounds.
        guard let model = try? Model(UnsafeRawBufferPointer(start: model_start(), count: Int(model_bytes))) else {
            stop("the model is broken, or its format is another version")
        }
        let arena = Arena(UnsafeMutableRawBufferPointer(start: arena_start(), count: Int(arena_bytes)))
        guard let session = try? Session(model: model, arena: arena) else { stop("the arena does not fit the model") }

        let row = UnsafeMutableBufferPointer(start: line_start(), count: model.inputRowBytes)
        // More than one pass wants the same picture again: then the camera must have held it.
        for _ in 0..<model.passes {
            var camera = Camera(state: model.reader.header.selfTestSeed)
            for _ in 0..<model.inputHeight {
                camera.readRow(into: row)
                // All work is done here, row by row; when push returns, the row's memory is free again.
                guard (try? session.push(row: UnsafeRawBufferPointer(row))) != nil else { stop("a row was refused") }
            }
        }

        guard let scores = try? session.output() else { stop("the answer is not ready") }
        var best = 0
        var checksum = Checksum()
        for index in 0..<scores.scoreCount where scores.score(index) > scores.score(best) { best = index }
        for index in 0..<scores.channelCount { checksum.update(UInt8(bitPattern: scores[index])) }
        report("class", Int64(best))
        report("bytes of stack", Int64(stack_used()))
        guard checksum.value == model.reader.header.selfTestChecksum else { stop("the output is not the host's") }
        finish("the output is the host's", 0)
    }
}
