import Foundation
import SwiftletGraph
import TestSupport
import Testing

@testable import SwiftletTraining

@Suite struct SafetensorsTests {
    /// A file of the given header and as many zero bytes of values.
    private func file(_ header: String, values: Int = 0) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
            + Array(repeating: 0, count: values)
    }

    private func message(_ bytes: [UInt8]) -> String? {
        do {
            _ = try Safetensors(parsing: bytes, file: "x")
            return nil
        } catch {
            return "\(error)"
        }
    }

    private let example = Safetensors(
        tensors: [
            "a.weight": Tensor(shape: [2, 3], values: [1, -2, 3.5, 0, .greatestFiniteMagnitude, 0x1p-140]),
            "b": Tensor(shape: [], values: [7]), "empty": Tensor(shape: [0, 4], values: []),
        ], metadata: ["key": "va\"l\\ue\n\u{1}é", "": ""])

    @Test func whatIsWrittenIsReadBack() throws {
        let folder = try TemporaryFolder()
        try example.write(to: folder.file("a"))
        #expect(try Safetensors(contentsOf: folder.file("a")) == example)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("a")))
        let header = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect((8 + header) % 8 == 0)
    }

    @Test func everyKnownTypeBecomesFloats() throws {
        let cases: [(String, [UInt8], [Float])] = [
            ("F64", [0, 0, 0, 0, 0, 0, 0xF8, 0xBF], [-1.5]), ("F32", [0, 0, 0xC0, 0xBF], [-1.5]),
            ("F16", [0, 0xBE, 1, 0, 0, 0x7C, 0xFF, 0x7B], [-1.5, 0x1p-24, .infinity, 65504]),
            ("BF16", [0xC0, 0xBF], [-1.5]), ("I64", [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [-2]),
            ("I32", [0xFE, 0xFF, 0xFF, 0xFF], [-2]), ("I16", [0xFE, 0xFF], [-2]), ("I8", [0xFE], [-2]),
            ("U8", [0xFE], [254]), ("BOOL", [1], [1]),
        ]
        for (type, bytes, values) in cases {
            let header = #"{"t":{"dtype":"\#(type)","shape":[\#(values.count)],"data_offsets":[0,\#(bytes.count)]}}"#
            let read = try Safetensors(parsing: file(header) + bytes, file: "x")
            #expect(read.tensors["t"]?.values == values, "\(type)")
        }
    }

    @Test func halvesAreExact() {
        #if !(os(macOS) && arch(x86_64))
            for bits in UInt16.min...UInt16.max {
                let expected = Float(Float16(bitPattern: bits))
                #expect(float(half: bits) == expected || (expected.isNaN && float(half: bits).isNaN))
            }
        #endif
    }

    @Test func damageIsToldInOneLine() {
        let whole = "x is not a whole safetensors file: "
        let again = "; copy or export it again"
        #expect(message([1, 2]) == "\(whole)it has 2 bytes, the length of a header alone has 8\(again)")
        #expect(
            message(Array(repeating: 255, count: 9))
                == "\(whole)it announces a header of 18446744073709551615 bytes and has 1\(again)")
        #expect(message(file("")) == "\(whole)its header is not a JSON object\(again)")
        #expect(message(file("[]")) == "\(whole)its header is not a JSON object\(again)")
        #expect(message(file("{"))?.hasPrefix("\(whole)its header is damaged: ") == true)
        #expect(
            message(file(#"{"t":{"dtype":"F32","shape":[1]}}"#))
                == "\(whole)its header is damaged: 'data_offsets' is missing at t\(again)")
        #expect(
            message(file(#"{"__metadata__":{"a":1}}"#))
                == "\(whole)its header is damaged: a value of another type than String at __metadata__.a\(again)")
        #expect(message(file("{}", values: 3)) == "\(whole)its tensors end at byte 0 of 3 bytes of values\(again)")
    }

    @Test func badTensorsAreNamed() {
        func tensor(_ dtype: String, _ shape: String, _ offsets: String) -> String {
            #""t":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"#
        }
        func one(_ dtype: String, _ shape: String, _ offsets: String) -> String? {
            message(file("{\(tensor(dtype, shape, offsets))}", values: 8))
        }
        #expect(
            one("F8_E4M3", "[8]", "[0,8]")
                == "x: tensor t: dtype F8_E4M3 is not read; known: F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL")
        #expect(one("F32", "[-2]", "[0,8]") == "x: tensor t: shape [-2] is not one")
        #expect(one("F32", "[4611686018427387904,4]", "[0,8]")?.hasSuffix("is not one") == true)
        #expect(
            one("F32", "[4611686018427387904]", "[0,8]")
                == "x: tensor t: shape [4611686018427387904] of F32 does not fill bytes 0 ..< 8")
        #expect(
            one("F32", "[3]", "[0,12]") == "x: tensor t: bytes 0 ..< 12 lie outside of the file's 8 bytes of values")
        #expect(one("F32", "[1]", "[-4,0]")?.contains("lie outside") == true)
        #expect(one("F32", "[1]", "[4,0]")?.contains("lie outside") == true)
        #expect(one("F32", "[1]", "[0,8]") == "x: tensor t: shape [1] of F32 does not fill bytes 0 ..< 8")
        #expect(one("F32", "[1]", "[4,8]") == "x: tensor t: bytes 0 ..< 4 before it belong to no tensor")
        #expect(one("F32", "[1]", "[0,4,8]")?.contains("data_offsets are not two numbers at t") == true)
        let twice = #"{"s":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},\#(tensor("F32", "[1]", "[4,8]"))}"#
        #expect(
            message(file(twice, values: 8)) == "x: tensor t: bytes 4 ..< 8 overlap another tensor's, which end at 6")
    }

    @Test func wordsOfTheFileWithControlCharactersStayOneLine() {
        #expect(
            message(file(#"{"t\n":{"dtype":"\u007fF16","shape":[2],"data_offsets":[0,4]}}"#, values: 4))
                == #"x: tensor t\n: dtype \u{7F}F16 is not read; known: F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL"#
        )
        #expect(
            message(file(#"{"\u001b[2J":{"shape":[1]}}"#))
                == #"x is not a whole safetensors file: its header is damaged: 'dtype' is missing at \u{1B}[2J; "#
                + "copy or export it again")
    }

    @Test func deepNestingIsRefused() {
        let deep = "{\"a\":" + String(repeating: "[", count: 200_000)
        #expect(message(file(deep))?.contains("damaged") == true)
    }

    @Test func anyBytesGiveAValueOrAnError() throws {
        let folder = try TemporaryFolder()
        try example.write(to: folder.file("a"))
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("a"))))
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<damaged.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: damaged[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: damaged[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: damaged.removeSubrange(index...)
                default: damaged.insert(UInt8(ascii: "9"), at: index)
                }
                if damaged.isEmpty { break }
            }
            do {
                _ = try Safetensors(parsing: damaged, file: "x")
            } catch is SafetensorsError {
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
        }
    }

    @Test(.enabled(if: Python.has("safetensors", "numpy"))) func pythonReadsWhatWeWrite() throws {
        let folder = try TemporaryFolder()
        let plain = Safetensors(
            tensors: [
                "a.weight": Tensor(shape: [2, 3], values: [1, -2, 3.5, 0, 8, 0.25]),
                "b": Tensor(shape: [], values: [7]),
            ],
            metadata: ["key": "va\"l\\ue é", "other": "2"])
        try plain.write(to: folder.file("a"))
        let (status, output) = try Python.runReference("check_safetensors.py", "list", folder.file("a"))
        #expect(status == 0)
        #expect(
            output == """
                a.weight float32 2x3 10.750000
                b float32  7.000000
                key=va"l\\ue é
                other=2

                """)
    }

    @Test(.enabled(if: Python.has("safetensors", "numpy"))) func weReadWhatPythonWrites() throws {
        let folder = try TemporaryFolder()
        let (status, output) = try Python.runReference("check_safetensors.py", "write", folder.file("a"))
        #expect(status == 0, "\(output)")
        let read = try Safetensors(contentsOf: folder.file("a"))
        #expect(read.metadata == ["note": "a \"quoted\"\nline, é"])
        for (name, tensor) in read.tensors {
            #expect(tensor.shape == [2, 2])
            #expect(tensor.values == (name.hasPrefix("float") ? [0, 1, -2, 0.5] : [0, 1, -2, 0]), "\(name)")
        }
        #expect(read.tensors.count == 7)
    }

    @Test(.enabled(if: SharedFolder.has("models/squeezenet1_1_imagenet.safetensors")))
    func publishedWeightsAreRead() throws {
        let path = SharedFolder.file("models/squeezenet1_1_imagenet.safetensors").path
        let read = try Safetensors(contentsOf: path)
        #expect(read.tensors["features.0.weight"]?.shape == [64, 3, 3, 3])
        #expect(read.tensors.values.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    }
}
