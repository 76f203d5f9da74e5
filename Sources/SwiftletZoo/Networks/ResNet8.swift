/// ResNet-8: the image classification network of MLPerf Tiny.
///
/// Colby Banbury et al.: "MLPerf Tiny Benchmark", NeurIPS 2021 (Datasets and Benchmarks), section 4.
/// https://arxiv.org/abs/2106.07597. Layers as in mlcommons/tiny, `keras_model.py` (`resnet_v1_eembc`).
/// Residual networks: Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun, "Deep Residual Learning for Image Recognition",
/// CVPR 2016. https://arxiv.org/abs/1512.03385
///
///     layer                                   output (32x32x3)
///     conv 3x3, 16, BN, ReLU                  32x32x16
///     2 x conv 3x3, 16; identity shortcut     32x32x16
///     2 x conv 3x3, 32; conv 1x1 shortcut     16x16x32 (stride 2)
///     2 x conv 3x3, 64; conv 1x1 shortcut      8x8x64  (stride 2)
///     global average pool, linear             10
///
/// Convolutions have biases and TensorFlow's `SAME` padding; the shortcuts' 1x1 convolutions have no batch norm.
/// There is one stem: the published network is for 32x32 pictures.
import SwiftletGraph

struct ResNet8: Network {
    static let name = "resnet-8"

    var input: NetworkInput
    var style: LayerStyle

    init(reading reader: inout OptionReader) throws {
        input = NetworkInput(
            resolution: try reader.integer("resolution", default: 32, in: 8...512),
            channels: try reader.integer("channels", default: 3, in: 1...16), classes: 0, stem: nil)
        input.classes = try reader.integer("classes", default: 10, in: 1...100_000)
        style = try LayerStyle(reading: &reader, choosesPadding: false)
    }

    var options: [(name: String, value: String)] { [] }

    func build(_ builder: inout NetworkBuilder) throws {
        try appendConvolution("stem.conv", to: 16, &builder)
        try builder.batchNorm("stem.norm")
        try builder.activation(.relu, "stem.relu")
        for (index, channels) in [16, 32, 64].enumerated() {
            try appendBlock("stack\(index + 1)", to: channels, stride: index == 0 ? 1 : 2, &builder)
        }
        try builder.globalAveragePool("pool")
        try builder.linear("classifier", to: input.classes)
    }

    private func appendBlock(
        _ name: String, to channels: Int, stride: Int, _ builder: inout NetworkBuilder
    ) throws {
        let entry = builder.last
        try appendConvolution("\(name).conv1", to: channels, stride: stride, &builder)
        try builder.batchNorm("\(name).norm1")
        try builder.activation(.relu, "\(name).relu1")
        try appendConvolution("\(name).conv2", to: channels, &builder)
        try builder.batchNorm("\(name).norm2")
        let main = builder.last
        builder.last = entry
        if stride != 1 {
            try appendConvolution("\(name).shortcut", to: channels, kernel: 1, stride: stride, &builder)
        }
        _ = try builder.append(.add, "\(name).add", inputs: [builder.last, main])
        try builder.activation(.relu, "\(name).relu2")
    }

    private func appendConvolution(
        _ name: String, to channels: Int, kernel: Int = 3, stride: Int = 1, _ builder: inout NetworkBuilder
    ) throws {
        let shape = builder.graph.shape(of: builder.last)
        let padding = Padding.same(input: shape, kernel: Extent(kernel), stride: Extent(stride))
        let window = Window(kernel: Extent(kernel), stride: Extent(stride), padding: padding)
        try builder.append(
            .convolution(Convolution(outputChannels: channels, window: window, hasBias: true)), name)
    }
}
