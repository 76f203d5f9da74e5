/// Shapes of feature maps and of windows over them.
///
/// What it does not do: hold values. The batch is never part of a shape: a network describes one image.

/// One feature map, rows x columns x channels (NHWC without the batch).
public struct Shape: Hashable, Sendable, Codable, CustomStringConvertible {
    public var height: Int
    public var width: Int
    public var channels: Int

    public init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// height x width x channels.
    public var elementCount: Int { height * width * channels }

    /// "112x112x32".
    public var description: String { "\(height)x\(width)x\(channels)" }
}

/// A pair of vertical and horizontal sizes: a kernel, a stride, a dilation.
public struct Extent: Hashable, Sendable, Codable, CustomStringConvertible {
    public var height: Int
    public var width: Int

    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    public init(_ side: Int) { self.init(height: side, width: side) }

    public static let one = Extent(1)

    public var description: String { "\(height)x\(width)" }
}

/// Rows and columns of zeros around a feature map.
public struct Padding: Hashable, Sendable, Codable, CustomStringConvertible {
    public var top: Int
    public var left: Int
    public var bottom: Int
    public var right: Int

    public init(top: Int, left: Int, bottom: Int, right: Int) {
        self.top = top
        self.left = left
        self.bottom = bottom
        self.right = right
    }

    /// The same number on all four sides.
    public init(_ side: Int) { self.init(top: side, left: side, bottom: side, right: side) }

    public static let none = Padding(0)

    /// TensorFlow's `SAME`: output = ceil(input / stride), the odd row and column go to the bottom and the right.
    public static func same(input: Shape, kernel: Extent, stride: Extent, dilation: Extent = .one) -> Padding {
        func total(_ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> Int {
            let output = (size + stride - 1) / stride
            return max((output - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
        }
        let rows = total(input.height, kernel.height, stride.height, dilation.height)
        let columns = total(input.width, kernel.width, stride.width, dilation.width)
        return Padding(top: rows / 2, left: columns / 2, bottom: rows - rows / 2, right: columns - columns / 2)
    }

    public var description: String { "\(top),\(left),\(bottom),\(right)" }
}

/// A window that slides over a feature map: what convolutions and pools share.
public struct Window: Hashable, Sendable, Codable {
    public var kernel: Extent
    public var stride: Extent
    public var padding: Padding
    public var dilation: Extent

    public init(kernel: Extent, stride: Extent = .one, padding: Padding = .none, dilation: Extent = .one) {
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
    }

    /// A square window whose padding keeps the size at stride 1 (`(kernel - 1) / 2` on every side, as PyTorch models do).
    public static func centred(_ kernel: Int, stride: Int = 1) -> Window {
        Window(kernel: Extent(kernel), stride: Extent(stride), padding: Padding((kernel - 1) / 2))
    }

    /// The size of what the window makes of a map of `input`'s size, channels untouched.
    /// Nil when the window does not fit once.
    public func outputShape(of input: Shape) -> Shape? {
        let height = input.height + padding.top + padding.bottom - (kernel.height - 1) * dilation.height - 1
        let width = input.width + padding.left + padding.right - (kernel.width - 1) * dilation.width - 1
        guard height >= 0, width >= 0 else { return nil }
        return Shape(
            height: height / stride.height + 1, width: width / stride.width + 1, channels: input.channels)
    }
}
