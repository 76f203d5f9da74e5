/// What importers refuse: pickles that do more than hold tensors, damaged containers, tensors that do not fit.
import Foundation
import SwiftletGraph
import SwiftletImporters
import SwiftletTraining
import TestSupport
import Testing

/// Pickles written by hand, opcode by opcode.
private struct Pickle {
    var bytes: [UInt8] = [0x80, 2]

    static func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8) }
    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

    /// A legacy file of PyTorch: magic number, version, system, `object`, keys of storages, then raw bytes.
    static func legacyFile(object: [UInt8], keys: [UInt8] = [0x80, 2, 0x5D, 0x2E], contents: [UInt8] = []) -> [UInt8] {
        let magic: [UInt8] = [
            0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
        ]
        let version: [UInt8] = [0x80, 2, 0x4D, 0xE9, 0x03, 0x2E]
        let system: [UInt8] = [0x80, 2, 0x7D, 0x2E]
        return magic + version + system + [0x80, 2] + object + keys + contents
    }

    /// `{"w": tensor}` over storage "0" of `count` floats with a shape and strides of one number each.
    static func tensorFile(count: UInt8, size: UInt8, stride: UInt8, offset: UInt8 = 0, stored: Int) -> [UInt8] {
        let storage =
            [0x28] + text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu") + [
                0x4B, count, 0x74, 0x51,
            ]
        let tensor =
            global("torch._utils", "_rebuild_tensor_v2") + [0x28] + storage + [0x4B, offset]
            + [0x4B, size, 0x85, 0x4B, stride, 0x85, 0x89] + [0x74, 0x52]
        let object = [0x7D] + text("w") + tensor + [0x73, 0x2E]
        let keys = [0x80, 2, 0x5D] + text("0") + [0x61, 0x2E]
        return legacyFile(
            object: object, keys: keys,
            contents: [UInt8(stored), 0, 0, 0, 0, 0, 0, 0] + Array(repeating: 0, count: 4 * stored))
    }
}

private func message(_ bytes: [UInt8]) -> String {
    do {
        _ = try WeightFile(parsing: bytes, file: "m.pth")
        return "accepted"
    } catch {
        return "\(error)"
    }
}

@Test func aPickleThatCallsAFunctionIsRefusedByItsName() {
    let call = Pickle.global("os", "system") + Pickle.text("true") + [0x85, 0x52, 0x2E]
    #expect(
        message(Pickle.legacyFile(object: call))
            == "m.pth is refused: its pickle uses os.system, and only tensors are read; save the state dict alone")
    let builtin = Pickle.text("builtins") + Pickle.text("eval") + [0x93, 0x2E]
    #expect(message(Pickle.legacyFile(object: builtin)).contains("builtins.eval"))
}

@Test func anOpcodeThatMakesObjectsIsRefusedByItsName() {
    let expected: [(UInt8, String)] = [(0x81, "NEWOBJ"), (0x69, "INST"), (0x6F, "OBJ"), (0x82, "EXT1"), (0xFE, "254")]
    for (opcode, name) in expected {
        let text = message(Pickle.legacyFile(object: [0x7D, opcode, 0x2E]))
        #expect(text.contains("\(name) at byte") || text.contains("opcode \(name)"), "\(name): \(text)")
    }
}

@Test func aTensorBeyondItsStorageIsRefusedWithTheNumbers() {
    #expect(message(Pickle.tensorFile(count: 4, size: 4, stride: 1, stored: 4)) == "accepted")
    #expect(message(Pickle.tensorFile(count: 4, size: 5, stride: 1, stored: 4)).contains("within its 4 numbers"))
    #expect(message(Pickle.tensorFile(count: 4, size: 4, stride: 1, offset: 1, stored: 4)).contains("offset 1"))
    #expect(message(Pickle.tensorFile(count: 4, size: 9, stride: 0, stored: 4)).contains("strides [0]"))
    #expect(message(Pickle.tensorFile(count: 9, size: 9, stride: 1, stored: 4)).contains("16 bytes for 9 numbers"))
}

/// `{"a": {"w": tensor}, ...}`; `rest` follows when "a" is in, with the inner dictionary kept as 0, the tensor as 1.
private func nested(_ rest: [UInt8], count: UInt8 = 1) -> [UInt8] {
    var bytes = Pickle.tensorFile(count: count, size: count, stride: 1, stored: Int(count))
    let first = bytes.firstRange(of: [0x7D] + Pickle.text("w"))!
    bytes.replaceSubrange(first, with: [0x7D] + Pickle.text("a") + [0x7D, 0x71, 0] + Pickle.text("w"))
    let end = bytes.firstRange(of: [0x74, 0x52, 0x73, 0x2E])!
    bytes.replaceSubrange(end, with: [0x74, 0x52, 0x71, 1, 0x73, 0x73] + rest + [0x2E])
    return bytes
}

@Test func twoTensorsOfOneNameAreRefusedRatherThanMixed() {
    let text = message(nested(Pickle.text("b") + [0x7D] + Pickle.text("w") + [0x68, 1, 0x73, 0x73]))
    #expect(text.contains("holds tensor w twice"), "\(text)")
}

@Test func aDictionaryUnderTwoNamesIsReadOnce() {
    #expect(message(nested(Pickle.text("b") + [0x68, 0, 0x73])) == "accepted")
}

/// 2,000 keys for one dictionary of 2,000 keys for one of 2,000: 8,000,000,000 ways to the bottom.
@Test func dictionariesThatMultiplyEnd() {
    var code: [UInt8] = [0x7D, 0x71, 0]
    for level: UInt8 in 1...3 {
        code += [0x7D, 0x71, level, 0x28]
        for key in 0..<2000 { code += Pickle.text("\(key)") + [0x68, level - 1] }
        code += [0x75]
    }
    #expect(message(Pickle.legacyFile(object: code + [0x2E])).contains("holds no tensors"))
}

/// 5,000 names for one tensor of 200 numbers: a megabyte of numbers out of 16 bytes a name.
@Test func tensorsThatMultiplyAreRefused() {
    var names: [UInt8] = []
    for index in 0..<5000 { names += Pickle.text("v\(index)") + [0x68, 1, 0x73] }
    let text = message(nested(names, count: 200))
    #expect(text.contains("share storages so often"), "\(text)")
}

@Test func aNameWithControlCharactersStaysOneLine() {
    let call = Pickle.text("o\ns") + Pickle.text("\u{1B}[2Jsystem") + [0x93, 0x2E]
    #expect(
        message(Pickle.legacyFile(object: call))
            == "m.pth is refused: its pickle uses o\\ns.\\u{1B}[2Jsystem, and only tensors are read; "
            + "save the state dict alone")
}

@Test func aFileOfAWholeNetworkIsNamedForWhatItIs() {
    let files: [(bytes: [UInt8], what: String)] = [
        ([0x1C, 0, 0, 0] + Array("TFL3".utf8) + [0, 0], "a .tflite model"),
        ([0x08, 7, 0x12, 0x0D] + Array("onnx.quantize".utf8), "an ONNX model"),
    ]
    for (bytes, what) in files {
        do {
            _ = try WeightFile(parsing: bytes, file: "net")
            Issue.record("\(what) was read")
        } catch {
            #expect("\(error)".contains("it is \(what)"), "\(error)")
        }
    }
}

@Test func dictionariesThatContainThemselvesEnd() {
    // d = {}; d["a"] = d
    let cyclic: [UInt8] = [0x7D, 0x71, 0] + Pickle.text("a") + [0x68, 0, 0x73, 0x2E]
    #expect(message(Pickle.legacyFile(object: cyclic)).contains("holds no tensors"))
    let nested = Array(repeating: UInt8(0x5D), count: 100_000) + Array(repeating: UInt8(0x61), count: 99_999) + [0x2E]
    #expect(message(Pickle.legacyFile(object: nested)).contains("holds no tensors"))
    let tuples = [0x4E] + Array(repeating: UInt8(0x85), count: 100_000) + [0x2E]
    #expect(message(Pickle.legacyFile(object: tuples)).contains("holds no tensors"))
}

@Test(.enabled(if: SharedFolder.has("models")), arguments: ["resnet20_cifar10.legacy.th", "resnet20_cifar10.zip.pth"])
func mutatedFilesGiveTensorsOrOneLine(_ file: String) throws {
    let original = [UInt8](try Data(contentsOf: SharedFolder.file("models/\(file)")))
    var random = SeededGenerator(seed: 6)
    for round in 0..<200 {
        var bytes = original
        // The pickles and the directory, not the numbers, are what can go wrong.
        let places = [0..<12_000, (bytes.count - 12_000)..<bytes.count]
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            bytes[Int.random(in: places[round % 2], using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if round % 10 == 0 { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
        let text = message(bytes)
        #expect(!text.contains("\n"), "seed 6, round \(round): \(text)")
    }
}

/// A LeNet-5 with one tensor missing, one of another shape and one too many.
@Test func everythingThatDoesNotFitIsListedAtOnce() throws {
    let shapes: [(String, [Int])] = [
        ("conv1.weight", [6, 1, 5, 5]), ("conv1.bias", [6]), ("conv2.weight", [16, 6, 3, 3]), ("conv2.bias", [16]),
        ("fc1.weight", [120, 400]), ("fc2.weight", [84, 120]), ("fc2.bias", [84]), ("fc3.weight", [10, 84]),
        ("fc4.weight", [2, 2]),
    ]
    let tensors = Dictionary(
        uniqueKeysWithValues: shapes.map { ("module.\($0.0)", Tensor(shape: $0.1, repeating: 0)) })
    let folder = try TemporaryFolder()
    try Safetensors(tensors: tensors, metadata: [:]).write(to: folder.file("m.safetensors"))
    let file = try WeightFile(contentsOf: folder.file("m.safetensors"))
    var choice = PreprocessingChoice()
    choice.mean = [0]
    choice.deviation = [255]
    do {
        _ = try WeightImporter(file, architecture: "lenet5").checkpoint(choice, classNames: nil)
        Issue.record("accepted")
    } catch let error as ImportError {
        guard case .mismatch(_, _, let problems) = error else { throw error }
        #expect(
            problems == [
                "conv2.weight has shape [16, 6, 3, 3], the network needs [16, 6, 5, 5]",
                "fc4.weight [2, 2] has no place",
            ])
    }
}

@Test func aFileThatIsSilentAboutPicturesAsksForTheNumbers() throws {
    let folder = try TemporaryFolder()
    let shapes: [(String, [Int])] = [
        ("conv1.weight", [6, 1, 5, 5]), ("conv1.bias", [6]), ("conv2.weight", [16, 6, 5, 5]), ("conv2.bias", [16]),
        ("fc1.weight", [120, 400]), ("fc1.bias", [120]), ("fc2.weight", [84, 120]), ("fc2.bias", [84]),
        ("fc3.weight", [10, 84]), ("fc3.bias", [10]),
    ]
    var tensors = Dictionary(uniqueKeysWithValues: shapes.map { ($0.0, Tensor(shape: $0.1, repeating: 0)) })
    // Column 25 is channel 1, pixel 0 for PyTorch; the graph has it at pixel 0, channel 1.
    tensors["fc1.weight"]?.values[25] = 1
    try Safetensors(tensors: tensors, metadata: [:]).write(to: folder.file("m.safetensors"))
    let importer = WeightImporter(try WeightFile(contentsOf: folder.file("m.safetensors")), architecture: "lenet5")
    #expect(throws: ImportError.self) { try importer.checkpoint(PreprocessingChoice(), classNames: nil) }
    var choice = PreprocessingChoice()
    choice.mean = [0]
    choice.deviation = [255]
    let checkpoint = try importer.checkpoint(choice, classNames: nil)
    #expect(checkpoint.graph.parameters["fc1.weight"]?.values.firstIndex(of: 1) == 1)
}
