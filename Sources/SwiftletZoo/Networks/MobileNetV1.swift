/// MobileNetV1: depthwise separable convolutions.
///
/// Andrew G. Howard, Menglong Zhu, Bo Chen, Dmitry Kalenichenko, Weijun Wang, Tobias Weyand, Marco Andreetto, Hartwig Adam:
/// "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017.
/// https://arxiv.org/abs/1704.04861
///
///     layer                        output (224)    output (32, CIFAR stem)
///     conv 3x3, 32, stride 2       112x112x32      32x32x32 (stride 1)
///     separable 64                 112x112x64      32x32x64
///     separable 128, stride 2       56x56x128      16x16x128
///     separable 128                 56x56x128      16x16x128
///     separable 256, stride 2       28x28x256       8x8x256
///     separable 256                 28x28x256       8x8x256
///     separable 512, stride 2       14x14x512       4x4x512
///     separable 512, 5 times        14x14x512       4x4x512
///     separable 1024, stride 2       7x7x1024       2x2x1024
///     separable 1024                 7x7x1024       2x2x1024
///     global average pool, linear
///
/// Activations are ReLU6, as in the authors' TensorFlow release, unless told. Names: features.0 is the stem (.0 convolution, .1 batch
/// norm, .2 activation), features.1 ... 13 the separable layers (.0-.2 depthwise, .3-.5 pointwise).
/// What it does not do: round widths; the paper multiplies and truncates, at least 8.
import SwiftletGraph

/// The activations that ports of MobileNetV1 have.
enum Rectifier: String, CaseIterable, Sendable {
    case relu
    case relu6

    var activation: Activation { self == .relu ? .relu : .relu6 }
}

struct MobileNetV1: Network {
    static let name = "mobilenet-v1"

    /// The width multiplier alpha (section 3.3).
    var width: Double
    /// ReLU6 as published; some ports have ReLU.
    var activation: Rectifier
    var input: NetworkInput
    var style: LayerStyle

    init(reading reader: inout OptionReader) throws {
        width = try reader.number("width", default: 1, in: 0.05...8)
        activation = try reader.choice("activation", default: .relu6)
        input = try NetworkInput(reading: &reader)
        style = try LayerStyle(reading: &reader)
    }

    var options: [(name: String, value: String)] {
        [("width", "\(width)")] + (activation == .relu6 ? [] : [("activation", activation.rawValue)])
    }

    private func scaled(_ channels: Int) -> Int { max(Int(Double(channels) * width), 8) }

    func build(_ builder: inout NetworkBuilder) throws {
        try builder.convolution(
            "features.0.0", to: scaled(32), kernel: 3, stride: input.stem == .imagenet ? 2 : 1)
        try builder.batchNorm("features.0.1")
        try builder.activation(activation.activation, "features.0.2")
        let layers =
            [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
            + Array(repeating: (512, 1), count: 5) + [(1024, 2), (1024, 1)]
        for (index, (channels, stride)) in layers.enumerated() {
            let name = "features.\(index + 1)"
            try builder.depthwise("\(name).0", stride: stride)
            try builder.batchNorm("\(name).1")
            try builder.activation(activation.activation, "\(name).2")
            try builder.convolution("\(name).3", to: scaled(channels))
            try builder.batchNorm("\(name).4")
            try builder.activation(activation.activation, "\(name).5")
        }
        try builder.globalAveragePool("avgpool")
        try builder.linear("classifier", to: input.classes)
    }
}
