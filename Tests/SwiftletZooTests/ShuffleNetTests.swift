import SwiftletGraph
import Testing

@testable import SwiftletZoo

@Suite struct ShuffleNetV2Tests {
    /// Table 8 of the paper: 41, 146, 299, 591 M; parameters: torchvision 1 366 792, 2 278 604, 3 503 624, 7 393 996.
    /// The paper's 146 M counts a little more than convolutions and the linear layer (144.9 M).
    @Test(
        arguments: [(0.5, 41.0, 1_366_792), (1.0, 146.0, 2_278_604), (1.5, 299.0, 3_503_624), (2.0, 591.0, 7_393_996)])
    func costsAgreeWithThePaper(width: Double, megaMACs: Double, parameters: Int) throws {
        try expectCost(
            "shufflenet-v2:width=\(width)", megaMACs: megaMACs, megaParameters: Double(parameters) / 1e6, within: 0.015)
        #expect(try Architecture(parsing: "shufflenet-v2:width=\(width)").makeGraph().parameterCount == parameters)
    }

    /// chenyaofo/pytorch-cifar-models: 0.35 M at 0.5, 1.26 M at 1.0.
    @Test func cifarParametersAgreeWithTheCommonPort() throws {
        let half = try Architecture(parsing: "shufflenet-v2:width=0.5,resolution=32").makeGraph()
        let whole = try Architecture(parsing: "shufflenet-v2:resolution=32").makeGraph()
        #expect(abs(Double(half.parameterCount) / 1e6 - 0.35) < 0.005)
        #expect(abs(Double(whole.parameterCount) / 1e6 - 1.26) < 0.005)
    }

    @Test func mapsAgreeWithThePaper() throws {
        try expectLastMap("shufflenet-v2", Shape(height: 7, width: 7, channels: 1024), classes: 1000)
        try expectLastMap("shufflenet-v2:resolution=32", Shape(height: 4, width: 4, channels: 1024), classes: 10)
    }

    @Test func namesAreTorchvisions() throws {
        let names = try Architecture(parsing: "shufflenet-v2").makeGraph().parameterShapes.map(\.name)
        for name in [
            "conv1.0.weight", "stage2.0.branch1.0.weight", "stage2.0.branch1.3.bias", "stage3.7.branch2.6.running_mean",
            "conv5.1.weight", "fc.bias",
        ] {
            #expect(names.contains(name), "\(name)")
        }
    }
}

@Suite struct ShuffleNetV1Tests {
    /// Table 1 of the paper: 143, 140, 137, 133, 137 MFLOPs for g = 1, 2, 3, 4, 8.
    @Test(arguments: [(1, 143.0), (2, 140.0), (3, 137.0), (4, 133.0), (8, 137.0)])
    func costsAgreeWithThePaper(groups: Int, megaMACs: Double) throws {
        let graph = try Architecture(parsing: "shufflenet-v1:groups=\(groups)").makeGraph()
        #expect(abs(Double(graph.macs) / 1e6 - megaMACs) <= 0.02 * megaMACs, "\(Double(graph.macs) / 1e6)")
    }

    /// The authors' table (megvii-model/ShuffleNet-Series): g = 8, 1.0x 138 M and 2.4 M; 0.5x 40 M. The paper's table 2:
    /// about 140 M at 1x and 38 M at 0.5x.
    @Test func authorsCostsAgree() throws {
        try expectCost("shufflenet-v1:groups=8", megaMACs: 138, megaParameters: 2.4, within: 0.03)
        let thin = try Architecture(parsing: "shufflenet-v1:groups=8,width=0.5").makeGraph()
        #expect(abs(Double(thin.macs) / 1e6 - 40) <= 1, "\(Double(thin.macs) / 1e6)")
        let three = try Architecture(parsing: "shufflenet-v1:groups=3,width=0.5").makeGraph()
        #expect(abs(Double(three.macs) / 1e6 - 38) <= 1, "\(Double(three.macs) / 1e6)")
    }

    @Test func mapsAgreeWithThePaper() throws {
        try expectLastMap("shufflenet-v1", Shape(height: 7, width: 7, channels: 960), classes: 1000)
        try expectLastMap(
            "shufflenet-v1:groups=8,resolution=32", Shape(height: 4, width: 4, channels: 1536), classes: 10)
    }

    @Test func theFirstPointwiseConvolutionIsNotGrouped() throws {
        let graph = try Architecture(parsing: "shufflenet-v1:groups=3").makeGraph()
        let groups = graph.nodes.compactMap { node -> Int? in
            guard case .convolution(let convolution) = node.operation, node.name.hasSuffix("branch_main_1.0") else {
                return nil
            }
            return convolution.groups
        }
        #expect(groups == [1] + Array(repeating: 3, count: 15))
    }

    @Test(arguments: [1, 2, 3, 4, 8], [0.25, 0.5, 1.0, 1.5, 2.0])
    func everyWidthAndGroupFits(groups: Int, width: Double) throws {
        _ = try Architecture(parsing: "shufflenet-v1:groups=\(groups),width=\(width)").makeGraph()
    }
}
