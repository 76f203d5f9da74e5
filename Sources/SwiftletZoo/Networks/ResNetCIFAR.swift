/// ResNet for CIFAR-10: 6n + 2 layers with identity shortcuts.
///
/// Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun: "Deep Residual Learning for Image Recognition", CVPR 2016, section
/// 4.2. https://arxiv.org/abs/1512.03385
///
///     layer                                  output (32)
///     conv 3x3, 16                           32x32x16
///     n blocks of two convs 3x3, 16          32x32x16
///     n blocks, 32, the first of stride 2    16x16x32
///     n blocks, 64, the first of stride 2     8x8x64
///     global average pool, linear
///
/// Names are akamaster/pytorch_resnet_cifar10's. Where the size halves, the shortcut is a 1x1 convolution of stride 2 named
/// `shortcut`, without batch norm. The paper's option A (every other pixel, new channels zero) has no parameters of its
/// own: importers fill this convolution with the ones and zeros that compute just that. Trained here, it is learned.
import SwiftletGraph

struct ResNetCIFAR: Network {
    static let name = "resnet-cifar"

    /// Layers with weights, 6n + 2.
    var depth: Int
    var input: NetworkInput
    var style: LayerStyle

    init(reading reader: inout OptionReader) throws {
        depth = try reader.oneOf("depth", (1...18).map { 6 * $0 + 2 }, default: 20)
        input = NetworkInput(
            resolution: try reader.integer("resolution", default: 32, in: 8...512),
            channels: try reader.integer("channels", default: 3, in: 1...16), classes: 0, stem: nil)
        input.classes = try reader.integer("classes", default: 10, in: 1...100_000)
        style = try LayerStyle(reading: &reader)
    }

    var options: [(name: String, value: String)] { [("depth", "\(depth)")] }

    func build(_ builder: inout NetworkBuilder) throws {
        try builder.convolution("conv1", to: 16, kernel: 3)
        try builder.batchNorm("bn1")
        try builder.activation(.relu, "relu")
        for (stage, channels) in [16, 32, 64].enumerated() {
            for unit in 0..<((depth - 2) / 6) {
                try appendBlock(
                    "layer\(stage + 1).\(unit)", to: channels, stride: stage > 0 && unit == 0 ? 2 : 1, &builder)
            }
        }
        try builder.globalAveragePool("avgpool")
        try builder.linear("linear", to: input.classes)
    }

    /// Two convolutions; the activation comes after the sum (figure 2).
    private func appendBlock(
        _ name: String, to channels: Int, stride: Int, _ builder: inout NetworkBuilder
    ) throws {
        let entry = builder.last
        try builder.convolution("\(name).conv1", to: channels, kernel: 3, stride: stride)
        try builder.batchNorm("\(name).bn1")
        try builder.activation(.relu, "\(name).relu1")
        try builder.convolution("\(name).conv2", to: channels, kernel: 3)
        try builder.batchNorm("\(name).bn2")
        let residual = builder.last
        var shortcut = entry
        if stride != 1 {
            builder.last = entry
            let window = Window(kernel: .one, stride: Extent(stride))
            try builder.append(
                .convolution(Convolution(outputChannels: channels, window: window)), "\(name).shortcut")
            shortcut = builder.last
        }
        _ = try builder.append(.add, "\(name).add", inputs: [residual, shortcut])
        try builder.activation(.relu, "\(name).relu2")
    }
}
