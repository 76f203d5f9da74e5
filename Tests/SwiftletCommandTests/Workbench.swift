/// What the tests of the command line share: the program, and a small trained network with its int8 model.
///
/// Made once, by the program itself, in a folder that the tests then only read.
import Foundation
import Testing
import TestSupport

let swiftlet = Program(product: "swiftlet")
let snapshots = Snapshot(beside: #filePath)

enum Workbench {
    /// A folder with `float.ckpt` and `int8.bin` (LeNet-5 on 100 drawn shapes), `random.bin` (MobileNetV2) and `star.png`.
    static let folder = Result { try make() }

    private static let trained = TemporaryFolderHolder()

    private static func make() throws -> String {
        let path = try trained.make()
        let steps = [
            ["train", "lenet5", "--data", "shapes:100", "--epochs", "1", "--batch", "20"],
            ["convert", "float.ckpt", "int8.bin"],
            [
                "convert", "--architecture", "mobilenet-v2:width=0.35,resolution=32,classes=10", "--random-weights",
                "1", "random.bin",
            ],
            ["draw", "star", "star.png", "--size", "64"],
        ]
        for step in steps {
            let run = try swiftlet.run(step, in: path)
            guard run.status == 0 else { throw Failed(step: step, errors: run.errors) }
        }
        return path
    }

    struct Failed: Error {
        var step: [String]
        var errors: String
    }
}

/// Keeps the folder until the tests end.
private final class TemporaryFolderHolder: @unchecked Sendable {
    private var folder: TemporaryFolder?

    func make() throws -> String {
        let made = try TemporaryFolder()
        folder = made
        return made.path
    }
}

/// Runs `swiftlet` in the workbench's folder.
func run(_ arguments: String..., input: Data = Data(), environment: [String: String] = [:]) throws -> Program.Run {
    try swiftlet.run(arguments, in: Workbench.folder.get(), input: input, environment: environment)
}

/// Runs it and checks that it fails as it should: one line on standard error, nothing on standard output.
///
/// - Returns: the line, without "swiftlet: error: ".
func failure(
    _ arguments: [String], in folder: String? = nil, status: Int32 = 1, environment: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> String {
    let run = try swiftlet.run(arguments, in: folder ?? Workbench.folder.get(), environment: environment)
    #expect(!run.wasKilled, "killed by signal \(run.status)", sourceLocation: sourceLocation)
    #expect(run.status == status, "\(run.errors)", sourceLocation: sourceLocation)
    #expect(run.output == "", sourceLocation: sourceLocation)
    let lines = run.errors.split(separator: "\n").map(String.init)
    let prefix = "swiftlet: error: "
    let errors = lines.filter { $0.hasPrefix(prefix) }
    #expect(errors.count == 1 && lines.last == errors.first, "\(run.errors)", sourceLocation: sourceLocation)
    return String(errors.first?.dropFirst(prefix.count) ?? "")
}
