/// CondenseNet: dense connectivity with learned group convolutions.
///
/// Gao Huang, Shichen Liu, Laurens van der Maaten, Kilian Q. Weinberger: "CondenseNet: An Efficient DenseNet using Learned
/// Group Convolutions", CVPR 2018. https://arxiv.org/abs/1711.09224
///
///     CondenseNet-74, ImageNet              output       CondenseNet-86, CIFAR        output
///     conv 3x3, 2 x growth, stride 2        112x112x16   stride 1                     32x32x16
///     4 layers, growth 8                    112x112x48   14 layers, growth 8          32x32x128
///     average pool 2x2                       56x56x48                                 16x16x128
///     6 layers, growth 16                    56x56x144   14 layers, growth 16         16x16x352
///     average pool 2x2                       28x28x144                                 8x8x352
///     8 layers, growth 32                    28x28x400   14 layers, growth 32          8x8x800
///     average pool 2x2                       14x14x400
///     10 layers, growth 64                   14x14x1040
///     average pool 2x2                        7x7x1040
///     8 layers, growth 128                    7x7x2064
///     BN, ReLU, global average pool, linear
///
/// A layer (figure 3): BN, ReLU, learned group 1x1 convolution to 4 x growth, shuffle, BN, ReLU, grouped 3x3 convolution
/// to growth channels; its output is concatenated to its input. Names are those of the authors' code
/// (ShichenLiu/CondenseNet), in which the mask's groups interleave instead of a shuffle node.
/// What it does not do: halve the inputs of the classifier, as the authors do after training (section 4.2); so this
/// graph holds 1.03 M more parameters at 1000 classes than the paper's table 4.
import SwiftletGraph

struct CondenseNet: Network {
    static let name = "condensenet"

    /// Layers of each dense block.
    var stages: [Int]
    /// Channels that each layer of a block adds.
    var growth: [Int]
    /// Groups of the 1x1 and of the 3x3 convolutions.
    var groups: Int
    /// A 1x1 group keeps `1 / condensation` of its inputs.
    var condensation: Int
    var input: NetworkInput

    init(reading reader: inout OptionReader) throws {
        input = try NetworkInput(reading: &reader)
        let small = input.stem == .cifar
        stages = try reader.integers("stages", default: small ? [14, 14, 14] : [4, 6, 8, 10, 8], in: 1...200)
        growth = try reader.integers("growth", default: small ? [8, 16, 32] : [8, 16, 32, 64, 128], in: 1...1024)
        groups = try reader.integer("groups", default: 4, in: 1...64)
        condensation = try reader.integer("condensation", default: groups, in: 1...64)
        guard stages.count == growth.count else {
            throw ArchitectureError.badValue(
                Self.joined(growth), option: "growth", architecture: Self.name,
                expected: "as many numbers as stages=\(Self.joined(stages)) has")
        }
        guard growth.allSatisfy({ $0 % groups == 0 && $0 % condensation == 0 }) else {
            throw ArchitectureError.badValue(
                Self.joined(growth), option: "growth", architecture: Self.name,
                expected: "multiples of groups=\(groups) and of condensation=\(condensation)")
        }
    }

    var options: [(name: String, value: String)] {
        [
            ("stages", Self.joined(stages)), ("growth", Self.joined(growth)), ("groups", "\(groups)"),
            ("condensation", "\(condensation)"),
        ]
    }

    private static func joined(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: "-") }

    func build(_ builder: inout NetworkBuilder) throws {
        try builder.convolution(
            "features.init_conv", to: 2 * growth[0], kernel: 3, stride: input.stem == .imagenet ? 2 : 1)
        for block in stages.indices {
            for layer in 1...stages[block] {
                try appendLayer("features.denseblock_\(block + 1).denselayer_\(layer)", growth[block], &builder)
            }
            if block + 1 < stages.count {
                try builder.append(
                    .pool(.average, Window(kernel: Extent(2), stride: Extent(2))),
                    "features.transition_\(block + 1).pool")
            }
        }
        try builder.batchNorm("features.norm_last")
        try builder.activation(.relu, "features.relu_last")
        try builder.globalAveragePool("features.pool_last")
        try builder.linear("classifier", to: input.classes)
    }

    private func appendLayer(_ name: String, _ growth: Int, _ builder: inout NetworkBuilder) throws {
        let entry = builder.last
        try builder.batchNorm("\(name).conv_1.norm")
        try builder.activation(.relu, "\(name).conv_1.relu")
        try builder.append(
            .learnedGroupConvolution(
                LearnedGroupConvolution(outputChannels: 4 * growth, groups: groups, condensationFactor: condensation)),
            "\(name).conv_1.conv")
        if groups > 1 { try builder.append(.channelShuffle(groups: groups), "\(name).conv_1.shuffle") }
        try builder.batchNorm("\(name).conv_2.norm")
        try builder.activation(.relu, "\(name).conv_2.relu")
        try builder.convolution("\(name).conv_2.conv", to: growth, kernel: 3, groups: groups)
        _ = try builder.append(.concat, "\(name).concat", inputs: [entry, builder.last])
    }
}
