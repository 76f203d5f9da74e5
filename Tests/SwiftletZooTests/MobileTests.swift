import SwiftletGraph
import Testing

@testable import SwiftletZoo

/// Multiply-accumulates and parameters of the zoo's networks against the figures that their papers print.
func expectCost(
    _ spec: String, megaMACs: Double, megaParameters: Double, within tolerance: Double = 0.01,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let graph = try Architecture(parsing: spec).makeGraph()
    let macs = Double(graph.macs) / 1e6
    let parameters = Double(graph.parameterCount) / 1e6
    #expect(
        abs(macs - megaMACs) <= tolerance * megaMACs, "\(spec): \(macs) M MACs, published \(megaMACs)",
        sourceLocation: sourceLocation)
    #expect(
        abs(parameters - megaParameters) <= tolerance * megaParameters,
        "\(spec): \(parameters) M parameters, published \(megaParameters)", sourceLocation: sourceLocation)
}

/// The shape that the network's classifier pools: the smallest map before 1x1.
func expectLastMap(
    _ spec: String, _ shape: Shape, classes: Int, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let graph = try Architecture(parsing: spec).makeGraph()
    let pool = graph.nodes.first { $0.operation == .globalAveragePool }
    #expect(pool.map { graph.shape(of: $0.inputs[0]) } == shape, sourceLocation: sourceLocation)
    #expect(
        graph.outputShape == Shape(height: 1, width: 1, channels: classes), sourceLocation: sourceLocation)
}

@Suite struct MobileNetV1Tests {
    /// Table 8 of the paper: 569 M, 4.2 M; tables 6 and 7: 0.25 width 41 M, 0.5 M; 160 pixels 290 M.
    @Test func costsAgreeWithThePaper() throws {
        try expectCost("mobilenet-v1", megaMACs: 569, megaParameters: 4.2)
        try expectCost("mobilenet-v1:width=0.25", megaMACs: 41, megaParameters: 0.47, within: 0.02)
        try expectCost("mobilenet-v1:resolution=160", megaMACs: 290, megaParameters: 4.2)
    }

    @Test func mapsAgreeWithThePaper() throws {
        try expectLastMap("mobilenet-v1", Shape(height: 7, width: 7, channels: 1024), classes: 1000)
        try expectLastMap(
            "mobilenet-v1:resolution=32", Shape(height: 2, width: 2, channels: 1024), classes: 10)
        try expectLastMap(
            "mobilenet-v1:width=0.25,resolution=96,channels=1,classes=2", Shape(height: 3, width: 3, channels: 256),
            classes: 2)
    }
}

@Suite struct MobileNetV2Tests {
    /// Table 4 of the paper: 300 M, 3.4 M (torchvision: 300.8 M, 3 504 872); 1.4: 585 M, 6.9 M.
    @Test func costsAgreeWithThePaper() throws {
        try expectCost("mobilenet-v2", megaMACs: 300.77, megaParameters: 3.504872, within: 1e-4)
        try expectCost("mobilenet-v2:width=1.4", megaMACs: 585, megaParameters: 6.1, within: 0.012)
        try expectCost("mobilenet-v2:width=0.35,resolution=96", megaMACs: 11, megaParameters: 1.66, within: 0.1)
        #expect(try Architecture(parsing: "mobilenet-v2").makeGraph().parameterCount == 3_504_872)
    }

    /// chenyaofo/pytorch-cifar-models: 88.0 M and 2.24 M at 1.0; 28.0 M and 0.70 M at 0.5.
    @Test func cifarCostsAgreeWithTheCommonPort() throws {
        try expectCost("mobilenet-v2:resolution=32", megaMACs: 88.0, megaParameters: 2.24, within: 0.005)
        try expectCost("mobilenet-v2:width=0.5,stem=cifar", megaMACs: 28.0, megaParameters: 0.70, within: 0.005)
    }

    @Test func mapsAgreeWithThePaper() throws {
        try expectLastMap("mobilenet-v2", Shape(height: 7, width: 7, channels: 1280), classes: 1000)
        try expectLastMap("mobilenet-v2:resolution=32", Shape(height: 4, width: 4, channels: 1280), classes: 10)
        try expectLastMap(
            "mobilenet-v2:width=0.35,resolution=144,classes=10", Shape(height: 5, width: 5, channels: 1280), classes: 10
        )
    }

    @Test func namesAreTorchvisions() throws {
        let names = try Architecture(parsing: "mobilenet-v2").makeGraph().parameterShapes.map(\.name)
        for name in [
            "features.0.0.weight", "features.0.1.running_var", "features.1.conv.0.0.weight", "features.1.conv.1.weight",
            "features.1.conv.2.bias", "features.17.conv.3.weight", "features.18.1.weight", "classifier.1.bias",
        ] {
            #expect(names.contains(name), "\(name)")
        }
        #expect(Set(names).count == names.count)
    }
}
