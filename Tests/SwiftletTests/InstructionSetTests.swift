/// Whole networks give the same bytes with the kernels of every instruction set, operator by operator.
import Swiftlet
import SwiftletConverter
import SwiftletHost
import SwiftletKernels
import SwiftletZoo
import TestSupport
import Testing

/// Writes down every row that is made.
private struct Recorder: StepObserver {
    var channels: [Int]
    var rows: [[Int8]] = []

    mutating func willStep(operation: Int) {}

    mutating func didStep(operation: Int, row: Int?, output: OutputRow) {
        guard row != nil else { return }
        rows.append(
            (0..<output.width).flatMap { x in (0..<channels[operation]).map { output.load(x: x, channel: $0) } })
    }
}

@Suite struct InstructionSetTests {
    private func rows(_ file: ModelFile, _ kernels: VectorKernels?) throws -> [[Int8]] {
        let model = file.model
        let arena = HostArena(byteCount: model.arenaBytes)
        let session = try Session(model: model, arena: arena.arena, kernels: kernels)
        let picture = selfTestPixels(seed: 3, count: model.inputRowBytes * model.inputHeight)
        let reader = model.reader
        var recorder = Recorder(channels: (0..<reader.operatorCount).map { Int(reader.operation($0).outputChannels) })
        try picture.withUnsafeBytes { bytes in
            for y in 0..<model.inputHeight {
                let row = bytes[(y * model.inputRowBytes)..<((y + 1) * model.inputRowBytes)]
                _ = try session.push(row: UnsafeRawBufferPointer(rebasing: row), observer: &recorder)
            }
        }
        #expect(arena.guardsAreIntact)
        return recorder.rows
    }

    @Test(arguments: [
        "mobilenet-v1:width=0.25,resolution=32", "mobilenet-v2:width=0.35,resolution=32",
        "shufflenet-v2:width=0.5,resolution=32",
        "shufflenet-v1:width=0.5,groups=3,resolution=32", "shufflenet-v1:width=0.5,groups=8,resolution=32",
        "condensenet:stages=3-3-3,growth=8-16-32,resolution=32", "resnet-8", "resnet-18:resolution=64",
        "squeezenet:resolution=64", "lenet5",
    ])
    func everyRowIsTheSameToTheByte(_ specification: String) throws {
        let bytes = try ConversionPipeline.convertRandom(Architecture(parsing: specification), seed: 6).bytes
        let file = try ModelFile(contents: bytes, path: specification)
        let expected = try rows(file, nil)
        #expect(!expected.isEmpty)
        for name in VectorKernels.names {
            let found = try rows(file, VectorKernels.named(name))
            #expect(found == expected, "\(name), \(specification)")
        }
    }
}
