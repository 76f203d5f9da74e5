/// MobileNetV3, small and large: Howard et al. 2019, "Searching for MobileNetV3", tables 1 and 2
/// (https://arxiv.org/abs/1905.02244).
///
///     small: layer        expands to  SE  activation  output (width 1, 224)
///     conv 3x3, 16                        hard swish  112x112x16 (stride 2)
///     bneck 3x3                   16  yes ReLU         56x56x16  (stride 2)
///     bneck 3x3               72, 88      ReLU         28x28x24  (stride 2)
///     bneck 5x5         96, 240, 240  yes hard swish   14x14x40  (stride 2)
///     bneck 5x5             120, 144  yes hard swish   14x14x48
///     bneck 5x5        288, 576, 576  yes hard swish    7x7x96   (stride 2)
///     conv 1x1, 576; global average pool; linear 1024 with hard swish; dropout 0.2; linear
///
///     large:
///     conv 3x3, 16                        hard swish  112x112x16 (stride 2)
///     bneck 3x3                   16      ReLU        112x112x16
///     bneck 3x3               64, 72      ReLU         56x56x24  (stride 2)
///     bneck 5x5         72, 120, 120  yes ReLU         28x28x40  (stride 2)
///     bneck 3x3   240, 200, 184, 184      hard swish   14x14x80  (stride 2)
///     bneck 3x3             480, 672  yes hard swish   14x14x112
///     bneck 5x5        672, 960, 960  yes hard swish    7x7x160  (stride 2)
///     conv 1x1, 960; global average pool; linear 1280 with hard swish; dropout 0.2; linear
///
/// Names, epsilons and the width multiplier, which reaches the last layers too, are those of torchvision's
/// `mobilenet_v3_small` and `mobilenet_v3_large`. With the CIFAR stem the first two strides of 2 are 1.
import SwiftletGraph

/// Expand 1x1, depthwise, squeeze and excite (Hu et al. 2018, with a hard sigmoid), project 1x1.
struct MobileNetV3Block {
    var kernel: Int
    var expanded: Int
    var channels: Int
    var squeezes: Bool
    var activation: Activation
    var stride = 1
}

/// What sets the sizes apart.
protocol MobileNetV3Size: Sendable {
    static var name: String { get }
    static var blocks: [MobileNetV3Block] { get }
    /// Outputs of the linear layer before the classifier.
    static var hiddenChannels: Int { get }
}

enum MobileNetV3Small: MobileNetV3Size {
    static let name = "mobilenet-v3-small"
    static let hiddenChannels = 1024
    static let blocks: [MobileNetV3Block] =
        [
            .init(kernel: 3, expanded: 16, channels: 16, squeezes: true, activation: .relu, stride: 2),
            .init(kernel: 3, expanded: 72, channels: 24, squeezes: false, activation: .relu, stride: 2),
            .init(kernel: 3, expanded: 88, channels: 24, squeezes: false, activation: .relu),
            .init(kernel: 5, expanded: 96, channels: 40, squeezes: true, activation: .hardSwish, stride: 2),
        ]
        + [(240, 40), (240, 40), (120, 48), (144, 48)].map {
            .init(kernel: 5, expanded: $0.0, channels: $0.1, squeezes: true, activation: .hardSwish)
        }
        + [(288, 2), (576, 1), (576, 1)].map {
            .init(
                kernel: 5, expanded: $0.0, channels: 96, squeezes: true, activation: .hardSwish, stride: $0.1)
        }
}

enum MobileNetV3Large: MobileNetV3Size {
    static let name = "mobilenet-v3-large"
    static let hiddenChannels = 1280
    static let blocks: [MobileNetV3Block] =
        [
            .init(kernel: 3, expanded: 16, channels: 16, squeezes: false, activation: .relu),
            .init(kernel: 3, expanded: 64, channels: 24, squeezes: false, activation: .relu, stride: 2),
            .init(kernel: 3, expanded: 72, channels: 24, squeezes: false, activation: .relu),
        ]
        + [(72, 2), (120, 1), (120, 1)].map {
            .init(kernel: 5, expanded: $0.0, channels: 40, squeezes: true, activation: .relu, stride: $0.1)
        }
        + [(240, 2), (200, 1), (184, 1), (184, 1)].map {
            .init(
                kernel: 3, expanded: $0.0, channels: 80, squeezes: false, activation: .hardSwish, stride: $0.1)
        }
        + [480, 672].map {
            .init(kernel: 3, expanded: $0, channels: 112, squeezes: true, activation: .hardSwish)
        }
        + [(672, 2), (960, 1), (960, 1)].map {
            .init(
                kernel: 5, expanded: $0.0, channels: 160, squeezes: true, activation: .hardSwish, stride: $0.1)
        }
}

struct MobileNetV3<Size: MobileNetV3Size>: Network {
    static var name: String { Size.name }

    /// The width multiplier; channels are rounded to multiples of 8.
    var width: Double
    var input: NetworkInput
    var style: LayerStyle

    init(reading reader: inout OptionReader) throws {
        width = try reader.number("width", default: 1, in: 0.05...8)
        input = try NetworkInput(reading: &reader)
        style = try LayerStyle(reading: &reader, epsilon: 1e-3)
    }

    var options: [(name: String, value: String)] { [("width", "\(width)")] }

    private func scaled(_ channels: Int) -> Int { roundedToMultiple(Double(channels) * width, of: 8) }

    func build(_ builder: inout NetworkBuilder) throws {
        let small = input.stem == .cifar
        try builder.convolution("features.0.0", to: scaled(16), kernel: 3, stride: small ? 1 : 2)
        try builder.batchNorm("features.0.1")
        try builder.activation(.hardSwish, "features.0.2")
        var isFirstStride = true
        for (index, block) in Size.blocks.enumerated() {
            var block = block
            if block.stride > 1, small, isFirstStride {
                block.stride = 1
                isFirstStride = false
            }
            try append(block, "features.\(index + 1)", &builder)
        }
        let last = "features.\(Size.blocks.count + 1)"
        try builder.convolution("\(last).0", to: 6 * builder.channels)
        try builder.batchNorm("\(last).1")
        try builder.activation(.hardSwish, "\(last).2")
        try builder.globalAveragePool("avgpool")
        try builder.linear("classifier.0", to: scaled(Size.hiddenChannels))
        try builder.activation(.hardSwish, "classifier.1")
        try builder.append(.dropout(rate: 0.2), "classifier.2")
        try builder.linear("classifier.3", to: input.classes)
    }

    /// The input is added where shapes agree (figure 4).
    private func append(_ block: MobileNetV3Block, _ name: String, _ builder: inout NetworkBuilder) throws {
        let (entry, entryChannels) = (builder.last, builder.channels)
        let (expanded, channels) = (scaled(block.expanded), scaled(block.channels))
        var layer = 0
        if expanded != entryChannels {
            try builder.convolution("\(name).block.0.0", to: expanded)
            try builder.batchNorm("\(name).block.0.1")
            try builder.activation(block.activation, "\(name).block.0.2")
            layer = 1
        }
        try builder.convolution(
            "\(name).block.\(layer).0", to: expanded, kernel: block.kernel, stride: block.stride, groups: expanded)
        try builder.batchNorm("\(name).block.\(layer).1")
        try builder.activation(block.activation, "\(name).block.\(layer).2")
        layer += 1
        if block.squeezes {
            try appendGate("\(name).block.\(layer)", &builder)
            layer += 1
        }
        try builder.convolution("\(name).block.\(layer).0", to: channels)
        try builder.batchNorm("\(name).block.\(layer).1")
        if block.stride == 1, entryChannels == channels {
            _ = try builder.append(.add, "\(name).add", inputs: [entry, builder.last])
        }
    }

    /// Squeeze to a quarter of the channels, excite, gate.
    private func appendGate(_ name: String, _ builder: inout NetworkBuilder) throws {
        let (map, channels) = (builder.last, builder.channels)
        func convolution(to outputs: Int) -> Operator {
            .convolution(Convolution(outputChannels: outputs, window: Window(kernel: .one), hasBias: true))
        }
        try builder.globalAveragePool("\(name).avgpool")
        try builder.append(convolution(to: roundedToMultiple(Double(channels / 4), of: 8)), "\(name).fc1")
        try builder.activation(.relu, "\(name).activation")
        try builder.append(convolution(to: channels), "\(name).fc2")
        try builder.activation(.hardSigmoid(slope: 1 / 6, offset: 0.5), "\(name).scale_activation")
        _ = try builder.append(.binary(.multiply), "\(name).scale", inputs: [map, builder.last])
    }
}
