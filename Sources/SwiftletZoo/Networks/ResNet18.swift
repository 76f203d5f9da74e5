/// ResNet-18: residual blocks of two 3x3 convolutions.
///
/// Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun: "Deep Residual Learning for Image Recognition", CVPR 2016, table 1
/// and section 4.1. https://arxiv.org/abs/1512.03385
///
///     layer                                   output (224)    output (32, CIFAR stem)
///     conv 7x7, 64, stride 2                  112x112x64      32x32x64 (3x3, stride 1)
///     max pool 3x3, stride 2                   56x56x64       left out
///     2 blocks of 2 x conv 3x3,  64            56x56x64       32x32x64
///     2 blocks of 2 x conv 3x3, 128            28x28x128      16x16x128
///     2 blocks of 2 x conv 3x3, 256            14x14x256       8x8x256
///     2 blocks of 2 x conv 3x3, 512             7x7x512        4x4x512
///     global average pool, linear
///
/// Where a stage begins with stride 2, the shortcut is a 1x1 convolution with batch norm (the paper's option B). Names are
/// torchvision's `resnet18`. The CIFAR stem is that of the common port (kuangliu/pytorch-cifar).
import SwiftletGraph

struct ResNet18: Network {
    static let name = "resnet-18"

    var input: NetworkInput
    var style: LayerStyle

    init(reading reader: inout OptionReader) throws {
        input = try NetworkInput(reading: &reader)
        style = try LayerStyle(reading: &reader, choosesPadding: false)
    }

    var options: [(name: String, value: String)] { [] }

    func build(_ builder: inout NetworkBuilder) throws {
        let small = input.stem == .cifar
        try builder.convolution("conv1", to: 64, kernel: small ? 3 : 7, stride: small ? 1 : 2)
        try builder.batchNorm("bn1")
        try builder.activation(.relu, "relu")
        if !small { try builder.append(.pool(.max, .centred(3, stride: 2)), "maxpool") }
        for (stage, channels) in [64, 128, 256, 512].enumerated() {
            for block in 0..<2 {
                try appendBlock(
                    "layer\(stage + 1).\(block)", to: channels, stride: stage > 0 && block == 0 ? 2 : 1, &builder)
            }
        }
        try builder.globalAveragePool("avgpool")
        try builder.linear("fc", to: input.classes)
    }

    private func appendBlock(
        _ name: String, to channels: Int, stride: Int, _ builder: inout NetworkBuilder
    ) throws {
        let entry = builder.last
        try builder.convolution("\(name).conv1", to: channels, kernel: 3, stride: stride)
        try builder.batchNorm("\(name).bn1")
        try builder.activation(.relu, "\(name).relu1")
        try builder.convolution("\(name).conv2", to: channels, kernel: 3)
        try builder.batchNorm("\(name).bn2")
        let main = builder.last
        builder.last = entry
        if stride != 1 {
            try builder.convolution("\(name).downsample.0", to: channels, stride: stride)
            try builder.batchNorm("\(name).downsample.1")
        }
        _ = try builder.append(.add, "\(name).add", inputs: [builder.last, main])
        try builder.activation(.relu, "\(name).relu2")
    }
}
