/// TensorFlow Lite networks that libFuzzer found to trap, and their like: each is one line now.
import FuzzTargets
import SwiftletConverter
import SwiftletGraph
import SwiftletImporters
import SwiftletQuantizer
import Testing

@Suite struct NetworkDefectTests {
    private func map(_ shape: Int...) -> TFLiteTensor { TFLiteTensor(name: "map", shape: shape, scales: [1]) }
    private func constant(_ values: Int...) -> TFLiteTensor {
        TFLiteTensor(name: "constant", shape: [values.count], element: .int32, values: values)
    }

    /// The line with which a network of one operator is refused; nil when it is converted.
    private func refusal(
        _ name: String, _ tensors: [TFLiteTensor], inputs: [Int], options: [String: TFLiteOption] = [:]
    ) -> String? {
        let operation = TFLiteOperator(name: name, inputs: inputs, outputs: [tensors.count - 1], options: options)
        return refusal(tensors, [operation])
    }

    private func refusal(_ tensors: [TFLiteTensor], _ operators: [TFLiteOperator]) -> String? {
        let graph = TFLiteGraph(
            name: "t", tensors: tensors, operators: operators, inputs: [0], outputs: [tensors.count - 1])
        do {
            _ = try Converter.convert(TFLiteTranslator.translate(graph))
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func aNetworkOfNoOperatorsIsRefused() {
        #expect(refusal([map(1, 2, 2, 2)], []) == "the network t computes nothing")
    }

    @Test func slicesOutsideOfTheMapAreRefused() {
        for (begin, size) in [
            ([0, 3, 0, 0], [1, 1, 2, 2]), ([0, 0, 0, 0], [1, .max, 2, 2]), ([0, -1, 0, 0], [1, 1, 2, 2]),
        ] {
            let options: [String: TFLiteOption] = ["begin": .list(begin), "size": .list(size)]
            let text = refusal("SLICE", [map(1, 2, 2, 2), map(1, 1, 2, 2)], inputs: [0], options: options)
            #expect(text?.hasPrefix("operator 0 (SLICE): ") == true, "\(begin), \(size): \(text ?? "converted")")
        }
        let short: [String: TFLiteOption] = ["begin": .list([0, 0, 0, 0]), "size": .list([1])]
        #expect(
            refusal("SLICE", [map(1, 2, 2, 2), map(1, 1, 2, 2)], inputs: [0], options: short)
                == "operator 0 (SLICE): its beginnings, ends and sizes are not of one number")
    }

    @Test func paddingsWithoutEndAreRefused() {
        let options: [String: TFLiteOption] = ["paddings": .pairs([[0, 0], [1 << 40, 0], [0, 0], [0, 0]])]
        #expect(
            refusal("PAD", [map(1, 2, 2, 2), map(1, 4, 2, 2)], inputs: [0], options: options)
                == "operator 0 (PAD): it must pad by constants of 0 to 65535")
    }

    @Test func axesThatAreNotThereAreRefused() {
        let text = refusal(
            "CONCATENATION", [map(1, 2, 2, 2), map(1, 2, 2, 4)], inputs: [0, 0], options: ["axis": .integer(9)])
        #expect(text == "operator 0 (CONCATENATION): pictures cannot be joined")
    }

    @Test func sizesThatContradictEachOtherAreRefused() {
        let pool: [String: TFLiteOption] = ["filter_h": .integer(2), "filter_w": .integer(1 << 20)]
        #expect(
            refusal("MAX_POOL_2D", [map(1, 2, 2, 2), map(1, 1, 1, 2)], inputs: [0], options: pool)?
                .hasPrefix("0 (max pool) cannot make 1x1x2 of 2x2x2: its window is ") == true)
        #expect(
            refusal("MAX_POOL_2D", [map(1, 2, 2, 2), map(1, 1, 1, 3)], inputs: [0])
                == "0 (max pool) cannot make 1x1x3 of 2x2x2: there are 2 channels")
        let slopes = TFLiteTensor(name: "slopes", shape: [3, 1, 1, 2], scales: [1], values: [1, 2, 3, 4, 5, 6])
        #expect(
            refusal("PRELU", [map(1, 2, 2, 2), slopes, map(1, 2, 2, 2)], inputs: [0, 1])
                == "0 (prelu) cannot make 2x2x2 of 2x2x2: it has 6 constants instead of 2")
    }

    @Test func aNetworkThatWouldTakeDaysIsRefused() {
        let filter = TFLiteTensor(
            name: "filter", shape: [256, 3, 3, 256], scales: [1], values: Array(repeating: 1, count: 9 << 16))
        let map = map(1, 512, 512, 256)
        #expect(
            refusal("CONV_2D", [map, filter, map], inputs: [0, 1, -1])?.contains("multiplications, more than") == true)
    }

    /// A shape whose product is beyond 64 bits, in each tensor of each seed.
    @Test func hugeShapesAreRefused() throws {
        let target = try #require(FuzzTarget.all.first { $0.name == "tflite" })
        for (index, seed) in try target.seeds().enumerated() {
            for start in stride(from: 0, to: seed.count - 16, by: 1)
            where Array(seed[start..<start + 4]) == [1, 0, 0, 0] {
                var bytes = seed
                for place in 0..<4 {
                    bytes.replaceSubrange(start + 4 * place..<start + 4 * place + 4, with: [255, 255, 0, 0])
                }
                if case .broken(let what) = target.run(bytes) { Issue.record("seed \(index), byte \(start): \(what)") }
            }
        }
    }
}
