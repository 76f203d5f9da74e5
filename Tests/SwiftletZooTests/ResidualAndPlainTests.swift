import SwiftletGraph
import Testing

@testable import SwiftletZoo

@Suite struct ResNetTests {
    /// mlcommons/tiny, `trained_models`: 78 666 parameters, of which 480 are running statistics; 12.5 M MACs (MLPerf Tiny,
    /// table 2).
    @Test func resNet8CostsAgreeWithTheBenchmark() throws {
        try expectCost("resnet-8", megaMACs: 12.5, megaParameters: 0.078666 - 0.000480, within: 1e-3)
        #expect(try Architecture(parsing: "resnet-8").makeGraph().parameterCount == 78_666 - 480)
        try expectLastMap("resnet-8", Shape(height: 8, width: 8, channels: 64), classes: 10)
    }

    /// Table 1 of the paper: 1.8 G; torchvision: 1 814.07 M, 11 689 512. kuangliu/pytorch-cifar: 11 173 962 and 556 M.
    @Test func resNet18CostsAgreeWithThePaper() throws {
        try expectCost("resnet-18", megaMACs: 1814.07, megaParameters: 11.689512, within: 1e-4)
        #expect(try Architecture(parsing: "resnet-18").makeGraph().parameterCount == 11_689_512)
        #expect(try Architecture(parsing: "resnet-18:resolution=32").makeGraph().parameterCount == 11_173_962)
        try expectCost("resnet-18:stem=cifar", megaMACs: 555.4, megaParameters: 11.173962, within: 2e-3)
        try expectLastMap("resnet-18", Shape(height: 7, width: 7, channels: 512), classes: 1000)
        try expectLastMap("resnet-18:resolution=32", Shape(height: 4, width: 4, channels: 512), classes: 10)
    }

    @Test func resNet18sNamesAreTorchvisions() throws {
        try expectNames(
            "resnet-18",
            [
                "conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
                "layer2.0.downsample.1.bias", "layer4.1.bn2.running_mean", "fc.bias",
            ])
    }
}

@Suite struct PlainNetworkTests {
    /// torchvision `vgg16`: 138 357 544 parameters, 15 470.26 M MACs (table 2 of the paper: 138 M).
    @Test func vgg16CostsAgreeWithThePaper() throws {
        try expectCost("vgg-16", megaMACs: 15470.26, megaParameters: 138.357544, within: 1e-4)
        #expect(try Architecture(parsing: "vgg-16").makeGraph().parameterCount == 138_357_544)
        try expectNames(
            "vgg-16", ["features.0.weight", "features.28.bias", "classifier.0.weight", "classifier.6.bias"])
    }

    /// torchvision `squeezenet1_1`: 1 235 496 parameters, 349.15 M MACs.
    @Test func squeezeNetCostsAgreeWithTheAuthors() throws {
        try expectCost("squeezenet", megaMACs: 349.15, megaParameters: 1.235496, within: 1e-4)
        #expect(try Architecture(parsing: "squeezenet").makeGraph().parameterCount == 1_235_496)
        try expectLastMap("squeezenet", Shape(height: 13, width: 13, channels: 1000), classes: 1000)
        try expectLastMap("squeezenet:resolution=32", Shape(height: 4, width: 4, channels: 10), classes: 10)
        try expectNames(
            "squeezenet",
            [
                "features.0.weight", "features.3.squeeze.bias", "features.12.expand3x3.weight",
                "features.6.expand1x1.bias", "classifier.1.weight",
            ])
    }
}

private func expectNames(
    _ spec: String, _ expected: [String], sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let names = try Architecture(parsing: spec).makeGraph().parameterShapes.map(\.name)
    for name in expected { #expect(names.contains(name), "\(spec): \(name)", sourceLocation: sourceLocation) }
    #expect(Set(names).count == names.count, sourceLocation: sourceLocation)
}
