/// Runs the model on the picture once and reports what came out and what it took.
///
/// Rows are pushed one at a time, from where they lie or, with SERIAL, as they come in byte by byte over the board's UART.
/// What it does not do: allocate.
import CBoard
import Swiftlet
import SwiftletFormat
import SwiftletKernels

func stop(_ message: StaticString) -> Never { finish(message.text, 1) }

func tell(_ name: StaticString, _ value: some FixedWidthInteger) { report(name.text, Int64(truncatingIfNeeded: value)) }

extension StaticString {
    fileprivate var text: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

#if PER_OPERATOR
    /// Adds up the instructions of each operator in a table of its own.
    struct OperatorCounter: StepObserver {
        var start: UInt64 = 0

        mutating func willStep(operation: Int) { start = instructions() }

        mutating func didStep(operation: Int, row: Int?, output: OutputRow) {
            operator_instructions(Int32(truncatingIfNeeded: operation)).pointee += instructions() - start
        }
    }
#else
    typealias OperatorCounter = NoObserver
#endif

/// Row `y` of the picture.
func pictureRow(_ y: Int, _ rowBytes: Int) -> UnsafeRawBufferPointer {
    #if SERIAL
        // The one row of memory there is for it: it is free again when the row has been pushed.
        let line = UnsafeMutableBufferPointer(start: line_start(), count: rowBytes)
        for index in line.indices { line[index] = read_byte() }
        return UnsafeRawBufferPointer(line)
    #else
        return UnsafeRawBufferPointer(start: picture_start() + y * rowBytes, count: rowBytes)
    #endif
}

@main
struct Measure {
    static func main() {
        let bytes = UnsafeRawBufferPointer(start: model_start(), count: Int(model_bytes))
        let begin = instructions()
        guard let model = try? Model(bytes) else { stop("the model is broken, or its format is another version") }
        let arena = Arena(UnsafeMutableRawBufferPointer(start: arena_start(), count: Int(arena_bytes)))
        guard let session = try? Session(model: model, arena: arena) else { stop("the arena does not fit the model") }
        let loaded = instructions()

        var observer = OperatorCounter()
        let rowBytes = model.inputRowBytes
        for _ in 0..<model.passes {
            for y in 0..<model.inputHeight {
                let row = pictureRow(y, rowBytes)
                guard (try? session.push(row: row, observer: &observer)) != nil else { stop("a row was refused") }
                _ = instructions()
            }
        }
        let done = instructions()

        guard let output = try? session.output() else { stop("the answer is not ready") }
        tell("stack", stack_used())
        tell("load", loaded - begin)
        tell("instructions", done - loaded)
        var checksum = Checksum()
        for y in 0..<output.height {
            for x in 0..<output.rows.width {
                for channel in 0..<output.channelCount {
                    let value = output.value(y: y, x: x, channel: channel)
                    checksum.update(UInt8(bitPattern: value))
                    tell("output", value)
                }
            }
        }
        tell("crc", checksum.value)
        #if PER_OPERATOR
            for operation in 0..<model.reader.operatorCount {
                tell("operator", operator_instructions(Int32(truncatingIfNeeded: operation)).pointee)
            }
        #endif
        finish("done", 0)
    }
}
