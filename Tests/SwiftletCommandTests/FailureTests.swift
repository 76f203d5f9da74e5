/// Bad input: one clear line, exit code 1, no half-written file. The messages are recorded word for word.
import Foundation
import Testing
import TestSupport

@Suite struct FailureTests {
    /// A folder with every kind of bad file, and copies of the good ones.
    private func makeFolder() throws -> TemporaryFolder {
        let good = try Workbench.folder.get()
        let folder = try TemporaryFolder()
        let manager = FileManager.default
        for name in ["float.ckpt", "int8.bin", "star.png"] {
            try manager.copyItem(atPath: "\(good)/\(name)", toPath: folder.file(name))
        }
        let model = try Data(contentsOf: URL(fileURLWithPath: folder.file("int8.bin")))
        let picture = try Data(contentsOf: URL(fileURLWithPath: folder.file("star.png")))
        let checkpoint = try Data(contentsOf: URL(fileURLWithPath: folder.file("float.ckpt")))
        var flipped = model
        flipped[model.count / 2] ^= 1
        var version = model
        version[8] = 99
        var notANumber = checkpoint
        // The last tensor's last float.
        notANumber.replaceSubrange(notANumber.count - 4..<notANumber.count, with: [0, 0, 0xC0, 0x7F])
        let files: [String: Data] = [
            "empty.bin": Data(), "short.bin": model.prefix(50), "truncated.bin": model.dropLast(100),
            "flipped.bin": flipped, "version.bin": version,
            "text.bin": Data(String(repeating: "text ", count: 50).utf8),
            "nan.ckpt": notANumber, "truncated.ckpt": checkpoint.dropLast(1000), "empty.ckpt": Data(),
            "text.onnx": Data(String(repeating: "text ", count: 50).utf8),
            "broken.onnx": Data([0x08, 8, 0x3A, 0x30, 0x0A, 0x20]) + Data(repeating: 0x0A, count: 10),
            "text.png": Data("this is not a picture".utf8), "empty.png": Data(),
            "truncated.png": picture.prefix(picture.count / 2),
            "jpeg.png": Data([0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 0x4A, 0x46]),
        ]
        for (name, data) in files { try data.write(to: URL(fileURLWithPath: folder.file(name))) }
        for label in ["circle", "elephant"] {
            try manager.createDirectory(atPath: folder.file("zoo/\(label)"), withIntermediateDirectories: true)
            for index in 0..<5 { try picture.write(to: URL(fileURLWithPath: folder.file("zoo/\(label)/\(index).png"))) }
        }
        try Data("star.png\t3\nstar.png\t12\n".utf8).write(to: URL(fileURLWithPath: folder.file("labels.tsv")))
        try Data(repeating: 7, count: 5000).write(to: URL(fileURLWithPath: folder.file("batch.bin")))
        return folder
    }

    static let lines = [
        "infer --model int8 star.png", "infer --model none.bin star.png", "infer --model ./int9.bin star.png",
        "infer --model zoo star.png", "infer --model empty.bin star.png", "infer --model short.bin star.png",
        "infer --model truncated.bin star.png", "infer --model flipped.bin star.png",
        "infer --model version.bin star.png",
        "infer --model text.bin star.png", "infer --model float.ckpt star.png", "infer --model int8.bin none.png",
        "infer --model int8.bin zoo", "infer --model int8.bin text.png", "infer --model int8.bin empty.png",
        "infer --model int8.bin truncated.png", "infer --model int8.bin jpeg.png", "infer --model int8.bin -",
        "inspect flipped.bin", "profile --model truncated.bin", "plan mobilnet", "plan mobilenet-v2:widht=1",
        "plan mobilenet-v2:resolution=8,width=", "plan int8.bin --run --resident-input",
        "plan int8.bin --max-arena 9000", "plan lenet5 --max-arena 700",
        "convert --architecture mobilenet-v2:width=0.35,resolution=32 --random-weights 1 --max-arena 2000 out.bin",
        "eval --model int8.bin --data shaps",
        "eval --model int8.bin --data cifar10",
        "eval --model int8.bin --data cifar10:none", "eval --model int8.bin --data cifar10:batch.bin",
        "eval --model int8.bin --data idx:zoo", "eval --model int8.bin --data folder:zoo",
        "eval --model int8.bin --data folder:labels.tsv", "eval --model none.ckpt --data shapes",
        "eval --model nan.ckpt --data shapes:10", "eval --model truncated.ckpt --data shapes",
        "eval --model empty.ckpt --data shapes", "convert none.ckpt out.bin", "convert nan.ckpt out.bin",
        "convert truncated.ckpt out.bin", "convert int8.bin out.bin", "convert float.ckpt none/out.bin",
        "convert float.ckpt zoo", "convert float.ckpt out.bin --calibration cifar10:none",
        "convert float.ckpt out.bin --evaluation folder:zoo",
        "convert float.ckpt out.bin --report none/report.json",
        "convert text.onnx out.bin", "convert broken.onnx out.bin", "convert none.onnx out.bin",
        "convert broken.onnx out.bin --architecture lenet5", "convert float.ckpt out.bin --mean 1",
        "convert --architecture mobilnet-v2 --random-weights 1 out.bin",
        "convert --architecture lenet5:depth=3 --random-weights 1 out.bin",
        "train mobilenet-v9 --data shapes:10 -o out.ckpt", "train lenet5 --data shapes:0 -o out.ckpt",
        "train lenet5:classes=3 --data shapes:10 -o out.ckpt", "train lenet5 --data shapes:10 -o none/out.ckpt",
        "train lenet5 --data shapes:10 -o out.ckpt --curve none/curve.png",
        "train lenet5 --data shapes:10 -o out.ckpt --teacher none.bin",
        "train lenet5:resolution=28 --data shapes:10 -o out.ckpt --teacher int8.bin",
        "train lenet5 --data shapes:10 -o out.ckpt --resume", "train lenet5 --data shapes:100 -o float.ckpt --resume",
        "draw star none/star.png",
    ]

    /// Checksums depend on trained weights, a PNG's length on the version of zlib.
    private static func masked(_ message: String) -> String {
        message
            .replacingOccurrences(of: "0x[0-9a-f]+", with: "0x...", options: .regularExpression)
            .replacingOccurrences(
                of: "ends after [0-9]+ bytes", with: "ends after ... bytes", options: .regularExpression)
    }

    @Test func badInputIsAnsweredAsRecorded() throws {
        let folder = try makeFolder()
        let before = folder.names
        var text = ""
        for line in Self.lines {
            let message = try failure(
                line.split(separator: " ").map(String.init), in: folder.path,
                environment: ["SWIFTLET_MODELS": "models"])  // Not those of this checkout.
            text += "$ swiftlet \(line)\n\(Self.masked(message))\n"
        }
        #expect(folder.names == before)
        try snapshots.check(text, named: "failures")
    }

    @Test func divergingTrainingStopsAndLeavesNoCheckpoint() throws {
        let folder = try TemporaryFolder()
        let message = try failure(
            ["train", "lenet5", "--data", "shapes:200", "--learning-rate", "1e30", "--warm-up", "0", "--batch", "20"],
            in: folder.path)
        #expect(message.hasPrefix("the loss is not finite in epoch 1, step "))
        #expect(message.hasSuffix("try a smaller --learning-rate or a longer --warm-up"))
        #expect(folder.names.isEmpty)
    }

    /// `/dev/full` fails as a full disk does.
    @Test func fullDiskIsAnError() throws {
        #expect(try failure(["draw", "star", "/dev/full"]).contains("No space left on device"))
        #expect(try failure(["convert", "float.ckpt", "/dev/full"]).contains("No space left on device"))
        let shell = Program(url: URL(fileURLWithPath: "/bin/sh"))
        let run = try shell.run(
            ["-c", "\"$0\" inspect int8.bin > /dev/full", swiftlet.url.path], in: Workbench.folder.get())
        #expect(run.status == 1)
        #expect(run.errors == "swiftlet: error: cannot write to standard output: No space left on device\n")
    }

    @Test func modelOnAFullDiskLeavesTheOldOne() throws {
        let folder = try TemporaryFolder()
        let good = try Workbench.folder.get()
        let model = folder.file("model.bin")
        try Data("old".utf8).write(to: URL(fileURLWithPath: model))
        // A limit on the size of files stands in for a full disk; 1 KiB is less than any model.
        let shell = Program(url: URL(fileURLWithPath: "/bin/bash"))
        let run = try shell.run(
            [
                "-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" convert \"$1\" model.bin 2> >(cat >&2)",
                swiftlet.url.path,
                "\(good)/float.ckpt",
            ], in: folder.path)
        #expect(run.status == 1)
        #expect(run.errors.contains("swiftlet: error: cannot write model.bin: File too large"))
        #expect(folder.names == ["model.bin"])
        #expect(try String(contentsOfFile: model, encoding: .utf8) == "old")
    }
}
