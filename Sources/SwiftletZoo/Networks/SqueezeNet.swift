/// SqueezeNet 1.1: fire modules, a narrow 1x1 convolution before wide 1x1 and 3x3 ones.
///
/// Forrest N. Iandola, Song Han, Matthew W. Moskewicz, Khalid Ashraf, William J. Dally, Kurt Keutzer: "SqueezeNet:
/// AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016. https://arxiv.org/abs/1602.07360
/// Version 1.1 is the authors' (forresti/SqueezeNet): 2.4x less work than the paper's for the same accuracy.
///
///     layer (squeeze, expand)           output (224)    output (32, CIFAR stem)
///     conv 3x3, 64, stride 2            111x111x64      32x32x64 (stride 1, padding 1)
///     max pool 3x3, stride 2             55x55x64       16x16x64
///     fire 16, 64; fire 16, 64           55x55x128      16x16x128
///     max pool 3x3, stride 2             27x27x128       8x8x128
///     fire 32, 128; fire 32, 128         27x27x256       8x8x256
///     max pool 3x3, stride 2             13x13x256       4x4x256
///     fire 48, 192; fire 48, 192         13x13x384       4x4x384
///     fire 64, 256; fire 64, 256         13x13x512       4x4x512
///     dropout, conv 1x1, ReLU            13x13x1000      4x4x10
///     global average pool
///
/// Names are torchvision's `squeezenet1_1`. Pools round up, as there: the last window may hang over the edge.
import SwiftletGraph

struct SqueezeNet: Network {
    static let name = "squeezenet"

    var input: NetworkInput

    init(reading reader: inout OptionReader) throws { input = try NetworkInput(reading: &reader) }

    var options: [(name: String, value: String)] { [] }

    func build(_ builder: inout NetworkBuilder) throws {
        let stem =
            input.stem == .cifar ? Window.centred(3) : Window(kernel: Extent(3), stride: Extent(2))
        try appendConvolution("features.0", to: 64, stem, relu: "features.1", &builder)
        try appendPool("features.2", &builder)
        for (index, squeeze) in [(3, 16), (4, 16), (6, 32), (7, 32), (9, 48), (10, 48), (11, 64), (12, 64)] {
            if index == 6 || index == 9 { try appendPool("features.\(index - 1)", &builder) }
            try appendFire("features.\(index)", squeeze: squeeze, expand: 4 * squeeze, &builder)
        }
        try builder.append(.dropout(rate: 0.5), "classifier.0")
        try appendConvolution("classifier.1", to: input.classes, .centred(1), relu: "classifier.2", &builder)
        try builder.globalAveragePool("classifier.3")
    }

    /// Figure 2 of the paper: the two expansions of one squeezed map stand side by side.
    private func appendFire(
        _ name: String, squeeze: Int, expand: Int, _ builder: inout NetworkBuilder
    ) throws {
        try appendConvolution(
            "\(name).squeeze", to: squeeze, .centred(1), relu: "\(name).squeeze_activation", &builder)
        let squeezed = builder.last
        var expanded: [ValueID] = []
        for kernel in [1, 3] {
            builder.last = squeezed
            try appendConvolution(
                "\(name).expand\(kernel)x\(kernel)", to: expand, .centred(kernel),
                relu: "\(name).expand\(kernel)x\(kernel)_activation", &builder)
            expanded.append(builder.last)
        }
        _ = try builder.append(.concat, "\(name).concat", inputs: expanded)
    }

    private func appendConvolution(
        _ name: String, to channels: Int, _ window: Window, relu: String, _ builder: inout NetworkBuilder
    ) throws {
        try builder.append(
            .convolution(Convolution(outputChannels: channels, window: window, hasBias: true)), name)
        try builder.activation(.relu, relu)
    }

    private func appendPool(_ name: String, _ builder: inout NetworkBuilder) throws {
        let shape = builder.graph.shape(of: builder.last)
        // A last window that would hang over gets one row and one column of padding, which a maximum ignores.
        func overhang(_ size: Int) -> Int { size > 3 && (size - 3) % 2 == 1 ? 1 : 0 }
        let padding = Padding(top: 0, left: 0, bottom: overhang(shape.height), right: overhang(shape.width))
        try builder.append(
            .pool(.max, Window(kernel: Extent(3), stride: Extent(2), padding: padding)), name)
    }
}
