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

@Suite struct MobileNetV3Tests {
    /// Table 3 of the paper: 219 M and 5.4 M, 56 M and 2.5 M. torchvision 0.29: 5 483 032 and 2 542 856 parameters.
    @Test func costsAgreeWithThePaper() throws {
        try expectCost("mobilenet-v3-large", megaMACs: 219, megaParameters: 5.4, within: 0.02)
        try expectCost("mobilenet-v3-small", megaMACs: 56, megaParameters: 2.5, within: 0.02)
        #expect(try Architecture(parsing: "mobilenet-v3-large").makeGraph().parameterCount == 5_483_032)
        #expect(try Architecture(parsing: "mobilenet-v3-small").makeGraph().parameterCount == 2_542_856)
    }

    /// The published networks end with 7x7 maps.
    @Test func mapsAgreeWithThePaper() throws {
        for (name, channels) in [("mobilenet-v3-large", 960), ("mobilenet-v3-small", 576)] {
            for (options, side, classes) in [("", 7, 1000), (":resolution=32", 4, 10)] {
                let graph = try Architecture(parsing: name + options).makeGraph()
                let pool = try #require(graph.nodes.first { $0.name == "avgpool" })
                #expect(
                    graph.shape(of: pool.inputs[0]) == Shape(height: side, width: side, channels: channels), "\(name)")
                #expect(graph.outputShape.channels == classes, "\(name)")
            }
        }
    }

    @Test func namesAreTorchvisions() throws {
        let names = try Architecture(parsing: "mobilenet-v3-small").makeGraph().parameterShapes.map(\.name)
        for name in [
            "features.0.0.weight", "features.0.1.running_var", "features.1.block.0.0.weight",
            "features.1.block.1.fc1.bias", "features.1.block.2.1.weight", "features.4.block.2.fc2.weight",
            "features.11.block.3.1.running_mean", "features.12.1.weight", "classifier.0.weight", "classifier.3.bias",
        ] {
            #expect(names.contains(name), "\(name)")
        }
    }
}
