/// `infer`, as a user would call it.
import Foundation
import SwiftletFormat
import SwiftletImageIO
import Testing
import TestSupport

@testable import SwiftletCommand

@Suite struct InferTests {
    @Test func printsTheTopFiveWithProbabilities() throws {
        let result = try run("infer", "--model", "int8.bin", "star.png")
        #expect(result.status == 0 && result.errors == "")
        let lines = result.output.split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines[0].hasPrefix("star.png  ") && lines[0].contains(" ms with decoding, arena "))
        #expect(lines.dropFirst().allSatisfy { $0.contains(" %  ") })
    }

    @Test func jsonHasProbabilitiesThatSumToOne() throws {
        let answers = try run("infer", "--model", "int8.bin", "--json", "--top", "10", "star.png", "star.png")
            .jsonArray()
        #expect(answers.count == 2)
        for answer in answers {
            #expect(answer["image"] as? String == "star.png")
            #expect((answer["milliseconds"] as? Double).map { $0 > 0 } == true)
            let classes = try #require(answer["answers"] as? [[String: Any]])
            let probabilities = classes.compactMap { $0["probability"] as? Double }
            #expect(probabilities.count == 10)
            #expect(abs(probabilities.reduce(0, +) - 1) < 1e-12)
            #expect(probabilities == probabilities.sorted(by: >))
            #expect(Set(classes.compactMap { $0["label"] as? String }).contains("star"))
        }
    }

    /// What another machine needs to compare itself: the pixels that go in, the int8 values that come out and their checksum.
    @Test func rowsAndOutputAreThereToCompareWith() throws {
        let folder = try TemporaryFolder()
        let rows = folder.file("rows.raw")
        let answer = try run("infer", "--model", "int8.bin", "--rows", rows, "--json", "star.png").jsonArray()[0]
        #expect(try Data(contentsOf: URL(fileURLWithPath: rows)).count == 32 * 32 * 3)
        let output = try #require(answer["output"] as? [Int])
        #expect(output.count == 10)
        let bytes = output.map { UInt8(bitPattern: Int8($0)) }
        let checksum = bytes.withUnsafeBytes { Checksum.of($0) }
        #expect(answer["outputChecksum"] as? String == String(format: "%08x", checksum))
    }

    @Test func standardInputIsAPictureToo() throws {
        let picture = try Data(contentsOf: URL(fileURLWithPath: Workbench.folder.get() + "/star.png"))
        let fromFile = try run("infer", "--model", "int8.bin", "--json", "star.png").jsonArray()[0]
        let fromPipe = try run("infer", "--model", "int8.bin", "--json", "-", input: picture).jsonArray()[0]
        #expect(fromPipe["image"] as? String == "-")
        #expect(
            NSArray(array: fromFile["answers"] as? [Any] ?? []) == NSArray(array: fromPipe["answers"] as? [Any] ?? []))
    }

    @Test func aBrokenPictureDoesNotStopTheOthers() throws {
        let result = try run("infer", "--model", "int8.bin", "star.png", "none.png", "star.png", "--json")
        #expect(result.status == 1)
        #expect(result.errors == "swiftlet: error: none.png: cannot be read: No such file or directory\n")
        #expect(try result.jsonArray().count == 2)
    }

    /// As many bytes as the model says work, one less is refused with the numbers, for several networks.
    @Test(arguments: ["int8.bin", "random.bin"])
    func theArenaIsExact(model: String) throws {
        let needed = try #require(try run("inspect", model, "--json").json()["arenaBytes"] as? Int)
        let exact = try run("infer", "--model", model, "--arena", "\(needed)", "--json", "star.png")
        #expect(exact.status == 0)
        #expect(try exact.jsonArray()[0]["arenaBytes"] as? Int == needed)
        let message = try failure(["infer", "--model", model, "--arena", "\(needed - 1)", "star.png"])
        #expect(
            message == "\(model): arena too small: needs \(needed) B, given \(needed - 1) B (short 1 B); give at least "
                + "--arena \(needed)")
        #expect(try run("infer", "--model", model, "--arena", "\(needed + 12345)", "star.png").status == 0)
    }

    static let photos = ["bird", "cat", "dog", "hot_dog", "owl", "parrot", "person", "sunflower"]

    @Test(.enabled(if: SharedFolder.has("data/photos/cat.png")))
    func photosOfAnySizeWork() throws {
        let files = Self.photos.map { SharedFolder.file("data/photos/\($0).png").path }
        let result = try swiftlet.run(["infer", "--model", "random.bin", "--json"] + files, in: Workbench.folder.get())
        #expect(result.status == 0, "\(result.errors)")
        #expect(try result.jsonArray().compactMap { $0["image"] as? String } == files)
    }

    @Test func softmaxIsStableForLargeScores() {
        let probabilities = softmax([1000, 1000, -1000])
        #expect(probabilities == [0.5, 0.5, 0])
    }
}

@Suite struct ModelLookupTests {
    /// A folder whose `models` holds two models.
    private func makeFolder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder.file("models"), withIntermediateDirectories: true)
        for name in ["mobilenet", "lenet5"] {
            try manager.copyItem(
                atPath: Workbench.folder.get() + "/int8.bin", toPath: folder.file("models/\(name).bin"))
        }
        return folder
    }

    @Test(arguments: ["mobilenet", "mobilenet.bin", "models/mobilenet.bin"])
    func aNameFindsItsModel(name: String) throws {
        let folder = try makeFolder()
        let result = try swiftlet.run(["inspect", name, "--json"], in: folder.path)
        #expect(result.status == 0)
        #expect(try result.json()["path"] as? String == "models/mobilenet.bin")
    }

    @Test func theEnvironmentNamesAFolder() throws {
        let folder = try makeFolder()
        let elsewhere = try TemporaryFolder()
        let environment = ["SWIFTLET_MODELS": folder.file("models")]
        let result = try swiftlet.run(["inspect", "lenet5"], in: elsewhere.path, environment: environment)
        #expect(result.status == 0)
        #expect(result.output.hasPrefix(folder.file("models/lenet5.bin")))
    }

    @Test func unknownNamesSuggestNearOnes() throws {
        let folder = try makeFolder()
        let environment = ["SWIFTLET_MODELS": folder.file("models")]
        let near = try failure(["inspect", "mobilnet"], in: folder.path, environment: environment)
        #expect(near.hasPrefix("there is no model mobilnet; did you mean mobilenet? known are "))
        let far = try failure(["inspect", "transformer"], in: folder.path, environment: environment)
        #expect(far.hasPrefix("there is no model transformer; known are "))
        #expect(far.contains("lenet5") && far.contains("mobilenet"))
        let path = try failure(["inspect", "models/lenet.bin"], in: folder.path)
        #expect(
            path
                == "there is no model file models/lenet.bin; did you mean lenet5.bin? known are lenet5.bin, mobilenet.bin"
        )
    }
}
