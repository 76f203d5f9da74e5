/// The size and the colours in which a network wants its pictures: its input shape and its preprocessing, together.
///
/// What it does not do: touch pixels; `SwiftletImageIO.PictureStream` brings a picture into this format.
public struct InputFormat: Hashable, Sendable, Codable {
    /// Height x width x channels, 1 (grey) or 3 channels.
    public var shape: Shape
    public var preprocessing: Preprocessing

    public init(shape: Shape, preprocessing: Preprocessing) {
        self.shape = shape
        self.preprocessing = preprocessing
    }

    /// What is wrong with this format, in words; nil when a picture can be brought into it.
    public var defect: String? {
        guard shape.height > 0, shape.width > 0 else { return "the input \(shape) has no pixels" }
        guard shape.channels == 1 || shape.channels == 3 else {
            return "the input \(shape) has \(shape.channels) channels; pictures have 1 (grey) or 3"
        }
        guard (preprocessing.colorOrder == .grey) == (shape.channels == 1) else {
            return "the colour order \(preprocessing.colorOrder.rawValue) does not go with \(shape.channels) channels"
        }
        for (name, values) in [("mean", preprocessing.mean), ("deviation", preprocessing.deviation)]
        where values.count != shape.channels {
            return "\(values.count) values of \(name) for \(shape.channels) channels; give one for each channel"
        }
        guard preprocessing.mean.allSatisfy(\.isFinite) else { return "mean \(preprocessing.mean) is not finite" }
        guard preprocessing.deviation.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            return "deviation \(preprocessing.deviation) is not above 0 everywhere"
        }
        return nil
    }
}
