/// MobileNetV2: inverted residuals with linear bottlenecks.
///
/// Mark Sandler, Andrew Howard, Menglong Zhu, Andrey Zhmoginov, Liang-Chieh Chen: "MobileNetV2: Inverted Residuals and
/// Linear Bottlenecks", CVPR 2018. https://arxiv.org/abs/1801.04381
///
///     layer (expansion, channels, repeats, stride)    output (224)    output (32, CIFAR stem)
///     conv 3x3, 32, stride 2                          112x112x32      32x32x32 (stride 1)
///     bottleneck 1,  16, 1, 1                         112x112x16      32x32x16
///     bottleneck 6,  24, 2, 2                          56x56x24       32x32x24 (stride 1)
///     bottleneck 6,  32, 3, 2                          28x28x32       16x16x32
///     bottleneck 6,  64, 4, 2                          14x14x64        8x8x64
///     bottleneck 6,  96, 3, 1                          14x14x96        8x8x96
///     bottleneck 6, 160, 3, 2                           7x7x160        4x4x160
///     bottleneck 6, 320, 1, 1                           7x7x320        4x4x320
///     conv 1x1, 1280                                    7x7x1280       4x4x1280
///     global average pool, dropout 0.2, linear
///
/// Names are torchvision's `mobilenet_v2`. The CIFAR stem has the strides of the common ports (kuangliu/pytorch-cifar,
/// chenyaofo/pytorch-cifar-models). The last convolution is not narrowed below 1280 (section 4.1, "width multiplier").
import SwiftletGraph

struct MobileNetV2: Network {
    static let name = "mobilenet-v2"

    /// The width multiplier; channels are rounded to multiples of 8.
    var width: Double
    /// The outputs of a fully connected layer with ReLU before the classifier; 0 for none, as published.
    var hidden: Int
    var input: NetworkInput
    var style: LayerStyle

    init(reading reader: inout OptionReader) throws {
        width = try reader.number("width", default: 1, in: 0.05...8)
        hidden = try reader.integer("hidden", default: 0, in: 0...65_536)
        input = try NetworkInput(reading: &reader)
        style = try LayerStyle(reading: &reader)
    }

    var options: [(name: String, value: String)] {
        [("width", "\(width)")] + (hidden == 0 ? [] : [("hidden", "\(hidden)")])
    }

    private func scaled(_ channels: Int) -> Int { roundedToMultiple(Double(channels) * width, of: 8) }

    func build(_ builder: inout NetworkBuilder) throws {
        let small = input.stem == .cifar
        try builder.convolution("features.0.0", to: scaled(32), kernel: 3, stride: small ? 1 : 2)
        try builder.batchNorm("features.0.1")
        try builder.activation(.relu6, "features.0.2")

        let stages = [
            (1, 16, 1, 1), (6, 24, 2, small ? 1 : 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
            (6, 320, 1, 1),
        ]
        var index = 1
        for (expansion, channels, repeats, stride) in stages {
            for unit in 0..<repeats {
                try appendBottleneck(
                    "features.\(index)", expansion: expansion, to: scaled(channels), stride: unit == 0 ? stride : 1,
                    &builder)
                index += 1
            }
        }

        try builder.convolution("features.\(index).0", to: roundedToMultiple(1280 * max(1, width), of: 8))
        try builder.batchNorm("features.\(index).1")
        try builder.activation(.relu6, "features.\(index).2")
        try builder.globalAveragePool("avgpool")
        try builder.append(.dropout(rate: 0.2), "classifier.0")
        if hidden > 0 {
            try builder.linear("hidden.0", to: hidden)
            try builder.activation(.relu, "hidden.1")
        }
        try builder.linear("classifier.1", to: input.classes)
    }

    /// Expand 1x1, depthwise 3x3, project 1x1 without activation; the input is added where shapes agree (figure 4d).
    private func appendBottleneck(
        _ name: String, expansion: Int, to channels: Int, stride: Int, _ builder: inout NetworkBuilder
    ) throws {
        let entry = builder.last
        let entryChannels = builder.channels
        var layer = 0
        if expansion != 1 {
            try builder.convolution("\(name).conv.0.0", to: entryChannels * expansion)
            try builder.batchNorm("\(name).conv.0.1")
            try builder.activation(.relu6, "\(name).conv.0.2")
            layer = 1
        }
        try builder.depthwise("\(name).conv.\(layer).0", stride: stride)
        try builder.batchNorm("\(name).conv.\(layer).1")
        try builder.activation(.relu6, "\(name).conv.\(layer).2")
        try builder.convolution("\(name).conv.\(layer + 1)", to: channels)
        try builder.batchNorm("\(name).conv.\(layer + 2)")
        if stride == 1, entryChannels == channels {
            _ = try builder.append(.add, "\(name).add", inputs: [entry, builder.last])
        }
    }
}
