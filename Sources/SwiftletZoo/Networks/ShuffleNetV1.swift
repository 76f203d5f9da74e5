/// ShuffleNetV1: pointwise group convolutions and channel shuffle.
///
/// Xiangyu Zhang, Xinyu Zhou, Mengxiao Lin, Jian Sun: "ShuffleNet: An Extremely Efficient Convolutional Neural Network for
/// Mobile Devices", CVPR 2018. https://arxiv.org/abs/1707.01083
///
///     layer                        output (224)  output (32, CIFAR stem)  channels at g = 1    2    3    4    8
///     conv 3x3, stride 2           112x112       32x32 (stride 1)                     24   24   24   24   24
///     max pool 3x3, stride 2        56x56        left out                             24   24   24   24   24
///     stage 2: 4 units, stride 2    28x28        16x16                               144  200  240  272  384
///     stage 3: 8 units, stride 2    14x14         8x8                                288  400  480  544  768
///     stage 4: 4 units, stride 2     7x7          4x4                                576  800  960 1088 1536
///     global average pool, linear
///
/// A unit (figure 2): grouped 1x1 to a quarter of the output channels, ReLU, shuffle, depthwise 3x3, grouped 1x1; the
/// input is added. The first of each stage has stride 2 and is concatenated behind a 3x3 average pool of its input. The
/// first 1x1 of stage 2 is not grouped, its input being too thin (section 3.2).
/// Names are those of the authors' code (megvii-model/ShuffleNet-Series), which shuffles after the depthwise convolution
/// instead; here the order is the paper's. `width` scales every layer, the stem too ("ShuffleNet s x", section 3.2).
import SwiftletGraph

struct ShuffleNetV1: Network {
    static let name = "shufflenet-v1"

    /// Channels of stage 2 by number of groups; each later stage doubles them (table 1).
    static let firstStage = [1: 144, 2: 200, 3: 240, 4: 272, 8: 384]

    var width: Double
    var groups: Int
    var input: NetworkInput

    init(reading reader: inout OptionReader) throws {
        width = try reader.number("width", default: 1, in: 0.05...8)
        groups = try reader.oneOf("groups", Self.firstStage.keys.sorted(), default: 3)
        input = try NetworkInput(reading: &reader)
    }

    var options: [(name: String, value: String)] { [("width", "\(width)"), ("groups", "\(groups)")] }

    func build(_ builder: inout NetworkBuilder) throws {
        let imagenet = input.stem == .imagenet
        // Groups must divide the stem, the quarter of each stage, and what the average pool leaves to the branch.
        let stem = (max(1, Int((24 * width).rounded())) + groups - 1) / groups * groups
        let first = roundedToMultiple(Double(Self.firstStage[groups]!) * width, of: 4 * groups)
        try builder.convolution("first_conv.0", to: stem, kernel: 3, stride: imagenet ? 2 : 1)
        try builder.batchNorm("first_conv.1")
        try builder.activation(.relu, "first_conv.2")
        if imagenet { try builder.append(.pool(.max, .centred(3, stride: 2)), "maxpool") }
        var index = 0
        for (stage, repeats) in [4, 8, 4].enumerated() {
            for unit in 0..<repeats {
                try appendUnit(
                    "features.\(index)", to: first << stage, stride: unit == 0 ? 2 : 1,
                    firstGroups: index == 0 ? 1 : groups, &builder)
                index += 1
            }
        }
        try builder.globalAveragePool("globalpool")
        try builder.linear("classifier.0", to: input.classes)
    }

    private func appendUnit(
        _ name: String, to channels: Int, stride: Int, firstGroups: Int, _ builder: inout NetworkBuilder
    ) throws {
        let entry = builder.last
        let added = stride == 1 ? channels : channels - builder.channels
        try builder.convolution("\(name).branch_main_1.0", to: channels / 4, groups: firstGroups)
        try builder.batchNorm("\(name).branch_main_1.1")
        try builder.activation(.relu, "\(name).branch_main_1.2")
        if groups > 1 { try builder.append(.channelShuffle(groups: groups), "\(name).shuffle") }
        try builder.depthwise("\(name).branch_main_1.3", stride: stride)
        try builder.batchNorm("\(name).branch_main_1.4")
        try builder.convolution("\(name).branch_main_2.0", to: added, groups: groups)
        try builder.batchNorm("\(name).branch_main_2.1")
        if stride == 1 {
            _ = try builder.append(.add, "\(name).add", inputs: [entry, builder.last])
            try builder.activation(.relu, "\(name).relu")
        } else {
            // The pooled half is a mean of what a ReLU has made: only the branch needs one before the concatenation.
            try builder.activation(.relu, "\(name).relu")
            let branch = builder.last
            builder.last = entry
            try builder.append(.pool(.average, .centred(3, stride: 2)), "\(name).branch_proj")
            _ = try builder.append(.concat, "\(name).concat", inputs: [builder.last, branch])
        }
    }
}
