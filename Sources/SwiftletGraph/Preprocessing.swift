/// How a picture becomes a network's input. It travels with the network: checkpoint, `int8.bin`, `infer` and `eval` read
/// this and nothing else, so no number is ever typed twice.
///
/// What it does not do: touch pixels; `SwiftletImageIO` resizes and crops, the converter folds `mean` and `deviation`.

public struct Preprocessing: Hashable, Sendable, Codable {
    /// How a picture of another size is brought to the input size.
    public enum Resize: Hashable, Sendable, Codable {
        /// Straight to the input size, aspect ratio ignored. CIFAR, MNIST.
        case stretch
        /// The shorter side to `shorterSide`, then the centre is cut out. ImageNet: 256 for an input of 224.
        case centreCrop(shorterSide: Int)
    }

    public enum ColorOrder: String, Hashable, Sendable, Codable {
        case rgb
        case bgr
        case grey
    }

    public var resize: Resize
    public var colorOrder: ColorOrder
    /// Per channel, on the scale of 0 to 255.
    public var mean: [Float]
    /// Per channel, on the scale of 0 to 255.
    public var deviation: [Float]

    public init(resize: Resize, colorOrder: ColorOrder, mean: [Float], deviation: [Float]) {
        self.resize = resize
        self.colorOrder = colorOrder
        self.mean = mean
        self.deviation = deviation
    }
}
