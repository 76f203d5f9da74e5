/// How a framework lays its layers: what padding means, whether batch norms are there, their epsilon.
///
/// Networks that exist as other programs' files take these options; weights only fit where they are as they were trained.
/// Specifications name what differs from PyTorch's style, which is the default for good.
import SwiftletGraph

struct LayerStyle: Hashable, Sendable {
    enum Padding: String, CaseIterable, Sendable {
        /// `(kernel - 1) / 2` on every side.
        case symmetric
        /// `SAME`: the odd row and column at the bottom and the right, so that a stride of 2 on an even size pads only there.
        case tensorflow
    }

    enum Norm: String, CaseIterable, Sendable {
        case batch
        /// Batch norms are already folded: convolutions have biases instead.
        case folded
    }

    var padding = Padding.symmetric
    var norm = Norm.batch
    /// What batch norms add to the variance.
    var epsilon = 1e-5

    static let pytorch = LayerStyle()

    init() {}

    /// - Parameters:
    ///   - choosesPadding: false for networks that have one padding for good.
    ///   - epsilon: that of the network's own batch norms.
    init(reading reader: inout OptionReader, choosesPadding: Bool = true, epsilon standard: Double = 1e-5) throws {
        if choosesPadding { padding = try reader.choice("padding", default: .symmetric) }
        norm = try reader.choice("norm", default: .batch)
        epsilon = try reader.number("epsilon", default: standard, in: 1e-12...1)
    }

    /// What differs from PyTorch's.
    var options: [(name: String, value: String)] {
        (padding == .symmetric ? [] : [("padding", padding.rawValue)])
            + (norm == .batch ? [] : [("norm", norm.rawValue)])
            + (epsilon == 1e-5 ? [] : [("epsilon", "\(epsilon)")])
    }

    /// A square window over a map of `input`'s size that keeps it at stride 1.
    func window(_ kernel: Int, stride: Int, over input: Shape) -> Window {
        switch padding {
        case .symmetric:
            .centred(kernel, stride: stride)
        case .tensorflow:
            Window(
                kernel: Extent(kernel), stride: Extent(stride),
                padding: .same(input: input, kernel: Extent(kernel), stride: Extent(stride)))
        }
    }
}
