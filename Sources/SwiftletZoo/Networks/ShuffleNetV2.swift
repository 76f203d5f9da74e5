/// ShuffleNetV2: split, transform one half, concatenate, shuffle.
///
/// Ningning Ma, Xiangyu Zhang, Hai-Tao Zheng, Jian Sun: "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture
/// Design", ECCV 2018. https://arxiv.org/abs/1807.11164
///
///     layer                          output (224)   output (32, CIFAR stem)   channels at 0.5   1.0   1.5   2.0
///     conv 3x3, stride 2             112x112        32x32 (stride 1)                    24    24    24    24
///     max pool 3x3, stride 2          56x56         left out                            24    24    24    24
///     stage 2: 4 units, stride 2      28x28         16x16                               48   116   176   244
///     stage 3: 8 units, stride 2      14x14          8x8                                96   232   352   488
///     stage 4: 4 units, stride 2       7x7           4x4                               192   464   704   976
///     conv 1x1                         7x7           4x4                              1024  1024  1024  2048
///     global average pool, linear
///
/// Names are torchvision's `shufflenet_v2_x1_0`. The CIFAR stem is that of kuangliu/pytorch-cifar.
/// What it does not do: widths other than the paper's four.
import SwiftletGraph

struct ShuffleNetV2: Network {
    static let name = "shufflenet-v2"

    /// Channels of stages 2, 3, 4 and of the last convolution (table 5; the 2.0 row as in the authors' code, 244 first).
    static let channels: [Double: [Int]] = [
        0.5: [48, 96, 192, 1024], 1.0: [116, 232, 464, 1024], 1.5: [176, 352, 704, 1024], 2.0: [244, 488, 976, 2048],
    ]

    var width: Double
    var input: NetworkInput

    init(reading reader: inout OptionReader) throws {
        width = try reader.oneOf("width", Self.channels.keys.sorted(), default: 1)
        input = try NetworkInput(reading: &reader)
    }

    var options: [(name: String, value: String)] { [("width", "\(width)")] }

    func build(_ builder: inout NetworkBuilder) throws {
        let channels = Self.channels[width]!
        try builder.convolution("conv1.0", to: 24, kernel: 3, stride: input.stem == .imagenet ? 2 : 1)
        try builder.batchNorm("conv1.1")
        try builder.activation(.relu, "conv1.2")
        if input.stem == .imagenet { try builder.append(.pool(.max, .centred(3, stride: 2)), "maxpool") }
        for (stage, repeats) in [4, 8, 4].enumerated() {
            for unit in 0..<repeats {
                let name = "stage\(stage + 2).\(unit)"
                if unit == 0 {
                    try appendDownsamplingUnit(name, to: channels[stage], &builder)
                } else {
                    try appendBasicUnit(name, &builder)
                }
            }
        }
        try builder.convolution("conv5.0", to: channels[3])
        try builder.batchNorm("conv5.1")
        try builder.activation(.relu, "conv5.2")
        try builder.globalAveragePool("avgpool")
        try builder.linear("fc", to: input.classes)
    }

    /// Figure 3c: one half passes, the other is transformed.
    private func appendBasicUnit(_ name: String, _ builder: inout NetworkBuilder) throws {
        let half = builder.channels / 2
        let halves = try builder.append(.split([half, half]), "\(name).split", inputs: [builder.last])
        builder.last = halves[1]
        try appendBranch("\(name).branch2", to: half, stride: 1, &builder)
        try join(name, halves[0], builder.last, &builder)
    }

    /// Figure 3d: both branches read the whole input and halve it.
    private func appendDownsamplingUnit(_ name: String, to channels: Int, _ builder: inout NetworkBuilder) throws {
        let entry = builder.last
        try builder.depthwise("\(name).branch1.0", stride: 2)
        try builder.batchNorm("\(name).branch1.1")
        try builder.convolution("\(name).branch1.2", to: channels / 2)
        try builder.batchNorm("\(name).branch1.3")
        try builder.activation(.relu, "\(name).branch1.4")
        let left = builder.last
        builder.last = entry
        try appendBranch("\(name).branch2", to: channels / 2, stride: 2, &builder)
        try join(name, left, builder.last, &builder)
    }

    /// 1x1 ReLU, depthwise 3x3 without activation, 1x1 ReLU.
    private func appendBranch(
        _ name: String, to channels: Int, stride: Int, _ builder: inout NetworkBuilder
    ) throws {
        try builder.convolution("\(name).0", to: channels)
        try builder.batchNorm("\(name).1")
        try builder.activation(.relu, "\(name).2")
        try builder.depthwise("\(name).3", stride: stride)
        try builder.batchNorm("\(name).4")
        try builder.convolution("\(name).5", to: channels)
        try builder.batchNorm("\(name).6")
        try builder.activation(.relu, "\(name).7")
    }

    private func join(_ name: String, _ left: ValueID, _ right: ValueID, _ builder: inout NetworkBuilder) throws {
        _ = try builder.append(.concat, "\(name).concat", inputs: [left, right])
        try builder.append(.channelShuffle(groups: 2), "\(name).shuffle")
    }
}
