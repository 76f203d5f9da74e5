/// LeNet-5, with today's activations and pools.
///
/// Yann LeCun, Leon Bottou, Yoshua Bengio, Patrick Haffner: "Gradient-Based Learning Applied to Document Recognition",
/// Proceedings of the IEEE, 1998. https://doi.org/10.1109/5.726791
///
///     layer                             output (28x28x1)   parameters
///     conv 5x5, padding 2, ReLU         28x28x6                   156
///     max pool 2x2                      14x14x6
///     conv 5x5, ReLU                    10x10x16                2 416
///     max pool 2x2                        5x5x16
///     flatten, linear, ReLU             120                    48 120
///     linear, ReLU                       84                    10 164
///     linear                             10                       850
///
/// Chosen, as most present-day LeNets: ReLU for the scaled tanh, max pools for the trainable averages, every feature map
/// of the second convolution sees all six of the first (the paper's table I leaves some out), logits for the radial basis
/// functions. The paper pads 28x28 digits to 32x32; the padding of the first convolution does the same.
import SwiftletGraph

struct LeNet5: Network {
    static let name = "lenet5"

    var input: NetworkInput

    init(reading reader: inout OptionReader) throws {
        input = NetworkInput(
            resolution: try reader.integer("resolution", default: 28, in: 8...512),
            channels: try reader.integer("channels", default: 1, in: 1...16), classes: 0, stem: nil)
        input.classes = try reader.integer("classes", default: 10, in: 1...100_000)
    }

    var options: [(name: String, value: String)] { [] }

    func build(_ builder: inout NetworkBuilder) throws {
        let halving = Operator.pool(.max, Window(kernel: Extent(2), stride: Extent(2)))
        try builder.append(
            .convolution(Convolution(outputChannels: 6, window: .centred(5), hasBias: true)), "conv1")
        try builder.activation(.relu, "relu1")
        try builder.append(halving, "pool1")
        try builder.append(
            .convolution(Convolution(outputChannels: 16, window: Window(kernel: Extent(5)), hasBias: true)), "conv2")
        try builder.activation(.relu, "relu2")
        try builder.append(halving, "pool2")
        try builder.append(.flatten, "flatten")
        try builder.linear("fc1", to: 120)
        try builder.activation(.relu, "relu3")
        try builder.linear("fc2", to: 84)
        try builder.activation(.relu, "relu4")
        try builder.linear("fc3", to: input.classes)
    }
}
