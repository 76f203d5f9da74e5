/// VGG-16: thirteen 3x3 convolutions and three fully connected layers.
///
/// Karen Simonyan, Andrew Zisserman: "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
/// table 1, configuration D. https://arxiv.org/abs/1409.1556
///
///     layer                                  output (224)    output (32, CIFAR stem)
///     2 x conv 3x3,  64; max pool 2x2        112x112x64      16x16x64
///     2 x conv 3x3, 128; max pool 2x2         56x56x128       8x8x128
///     3 x conv 3x3, 256; max pool 2x2         28x28x256       4x4x256
///     3 x conv 3x3, 512; max pool 2x2         14x14x512       2x2x512
///     3 x conv 3x3, 512; max pool 2x2          7x7x512        1x1x512
///     linear 4096, linear 4096, linear                        one linear layer
///
/// Names are torchvision's `vgg16`. With the CIFAR stem only the last linear layer is there, as in the common port
/// (kuangliu/pytorch-cifar). What it does not do: pool the last map to 7x7; at other resolutions the first linear layer
/// reads whatever map is left. Torchvision flattens channel by channel, this network pixel by pixel: the columns of
/// `classifier.0.weight` stand in another order there.
import SwiftletGraph

struct VGG16: Network {
    static let name = "vgg-16"

    var input: NetworkInput

    init(reading reader: inout OptionReader) throws { input = try NetworkInput(reading: &reader) }

    var options: [(name: String, value: String)] { [] }

    func build(_ builder: inout NetworkBuilder) throws {
        var index = 0
        for (channels, repeats) in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)] {
            for _ in 0..<repeats {
                try builder.append(
                    .convolution(Convolution(outputChannels: channels, window: .centred(3), hasBias: true)),
                    "features.\(index)")
                try builder.activation(.relu, "features.\(index + 1)")
                index += 2
            }
            try builder.append(
                .pool(.max, Window(kernel: Extent(2), stride: Extent(2))), "features.\(index)")
            index += 1
        }
        try builder.append(.flatten, "flatten")
        if input.stem == .cifar { return try builder.linear("classifier", to: input.classes) }
        for layer in [0, 3] {
            try builder.linear("classifier.\(layer)", to: 4096)
            try builder.activation(.relu, "classifier.\(layer + 1)")
            try builder.append(.dropout(rate: 0.5), "classifier.\(layer + 2)")
        }
        try builder.linear("classifier.6", to: input.classes)
    }
}
