/// An ONNX file becomes an int8 model on the command line, and the model needs nothing of the file.
import Foundation
import Testing
import TestSupport

@Suite struct ONNXTests {
    private let network = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("SwiftletImportersTests/Fixtures/onnx/random0.onnx").path

    @Test func anONNXNetworkIsConvertedAndAnswers() throws {
        let folder = try TemporaryFolder()
        try Data("circle\nring\nsquare\n".utf8).write(to: URL(fileURLWithPath: folder.file("names")))
        let converted = try swiftlet.run(
            [
                "convert", network, "int8.bin", "--mean", "127.5,127.5,127.5", "--std", "64,64,64", "--calibration",
                "shapes:64", "--class-names", "names",
            ], in: folder.path)
        #expect(converted.status == 0, "\(converted.errors)")
        #expect(converted.output.hasSuffix("wrote int8.bin\n"))
        let inspected = try swiftlet.run(["inspect", "int8.bin"], in: folder.path)
        #expect(inspected.status == 0 && inspected.output.contains("random0.onnx"), "\(inspected.output)")
        _ = try swiftlet.run(["draw", "star", "star.png", "--size", "32"], in: folder.path)
        let answered = try swiftlet.run(["infer", "--model", "./int8.bin", "star.png"], in: folder.path)
        #expect(answered.status == 0 && answered.output.contains("square"), "\(answered.output)\(answered.errors)")
    }

    @Test func whatIsMissingIsAskedFor() throws {
        let folder = try TemporaryFolder()
        #expect(
            try failure(["convert", network, "int8.bin", "--calibration", "shapes:64"], in: folder.path)
                .contains("does not say how its pictures were normalized; give --mean and --std"))
        let numbers = ["--mean", "127.5,127.5,127.5", "--std", "64,64,64"]
        #expect(
            try failure(["convert", network, "int8.bin"] + numbers, in: folder.path)
                .hasSuffix("does not say what it was trained on; give --calibration KIND:PATH"))
        #expect(folder.names.isEmpty)
    }
}
