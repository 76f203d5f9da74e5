import SwiftletGraph
import Testing

@testable import SwiftletZoo

@Suite struct CondenseNetTests {
    /// Table 4: C = G = 4: 529 M, 4.8 M; C = G = 8: 274 M, 2.9 M, with half of the classifier's 2064 inputs dropped, which
    /// is 1.032 M parameters and multiply-accumulates. The authors' counter adds ReLU and pools (2 %).
    @Test(arguments: [(4, 529.0, 4.8), (8, 274.0, 2.9)])
    func imagenetCostsAgreeWithThePaper(groups: Int, megaMACs: Double, megaParameters: Double) throws {
        let graph = try Architecture(parsing: "condensenet:groups=\(groups)").makeGraph()
        let macs = Double(graph.macs) / 1e6 - 1.032
        let parameters = Double(graph.parameterCount) / 1e6 - 1.032
        #expect(abs(macs - megaMACs) <= 0.05 * megaMACs, "\(macs)")
        #expect(abs(parameters - megaParameters) <= 0.02 * megaParameters, "\(parameters)")
    }

    /// Table 1 of the authors' page: 86 layers 65.8 M, 0.52 M; 50 layers 28.6 M, 0.22 M; 74 layers 51.9 M, 0.41 M.
    @Test(arguments: [(8, 28.6, 0.22), (12, 51.9, 0.41), (14, 65.8, 0.52)])
    func cifarCostsAgreeWithThePaper(layers: Int, megaMACs: Double, megaParameters: Double) throws {
        let stages = Array(repeating: "\(layers)", count: 3).joined(separator: "-")
        let graph = try Architecture(parsing: "condensenet:resolution=32,stages=\(stages)").makeGraph()
        let macs = Double(graph.macs) / 1e6
        let parameters = Double(graph.parameterCount) / 1e6
        #expect(abs(macs - megaMACs) <= 0.06 * megaMACs, "\(macs)")
        #expect(abs(parameters - megaParameters) <= 0.03 * megaParameters, "\(parameters)")
    }

    @Test func mapsAgreeWithThePaper() throws {
        try expectLastMap("condensenet", Shape(height: 7, width: 7, channels: 2064), classes: 1000)
        try expectLastMap("condensenet:resolution=32", Shape(height: 8, width: 8, channels: 800), classes: 10)
    }

    @Test func layersNormaliseBeforeTheyConvolve() throws {
        let graph = try Architecture(parsing: "condensenet:resolution=32").makeGraph()
        #expect(
            graph.nodes.prefix(9).map(\.operation.name) == [
                "convolution", "batch norm", "relu", "learned group convolution", "channel shuffle", "batch norm",
                "relu", "convolution", "concat",
            ])
    }

    @Test func growthMustFitStagesAndGroups() {
        #expect(
            throws: ArchitectureError.badValue(
                "8-16", option: "growth", architecture: "condensenet",
                expected: "as many numbers as stages=14-14-14 has")
        ) { try Architecture(parsing: "condensenet:resolution=32,growth=8-16") }
        #expect(
            throws: ArchitectureError.badValue(
                "6-16-32", option: "growth", architecture: "condensenet",
                expected: "multiples of groups=4 and of condensation=4")
        ) { try Architecture(parsing: "condensenet:resolution=32,growth=6-16-32") }
        #expect(
            throws: ArchitectureError.badValue(
                "4--4", option: "stages", architecture: "condensenet",
                expected: "1 to 16 whole numbers from 1 to 200, as in 4-6-8")
        ) { try Architecture(parsing: "condensenet:stages=4--4") }
    }
}

@Suite struct LeNet5Tests {
    /// The paper, section II.B, counts connections with biases: C1 122 304 and 156 parameters, C5 48 120, F6 10 164. Its C3
    /// is sparse (1 516 of our 2 416 parameters).
    @Test func layersCostWhatThePaperSays() throws {
        let graph = try Architecture(parsing: "lenet5").makeGraph()
        let macs = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.name, graph.macs(of: $0)) })
        #expect(macs["conv1"]! + 28 * 28 * 6 == 122_304)
        #expect(macs["fc1"]! + 120 == 48_120)
        #expect(macs["fc2"]! + 84 == 10_164)
        #expect(graph.macs == 416_520)
        #expect(graph.parameterCount == 61_706)
        #expect(graph.inputShape == Shape(height: 28, width: 28, channels: 1))
    }

    @Test func itHasNoStemAndNoWidth() throws {
        #expect(try Architecture(parsing: "lenet5").spec == "lenet5:resolution=28,channels=1,classes=10")
        #expect(
            throws: ArchitectureError.unknownOption(
                "stem", architecture: "lenet5", known: ["resolution", "channels", "classes"])
        ) { try Architecture(parsing: "lenet5:stem=cifar") }
    }
}
