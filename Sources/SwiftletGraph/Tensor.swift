/// A dense float array with a shape: parameters and checkpoints.
///
/// What it does not do: arithmetic. That is `SwiftletTraining`'s.

public struct Tensor: Equatable, Sendable {
    public private(set) var shape: [Int]
    /// Row-major.
    public var values: [Float]

    public init(shape: [Int], values: [Float]) {
        precondition(shape.reduce(1, *) == values.count, "shape \(shape) does not hold \(values.count) values")
        self.shape = shape
        self.values = values
    }

    public init(shape: [Int], repeating value: Float) {
        self.init(shape: shape, values: Array(repeating: value, count: shape.reduce(1, *)))
    }

    public var elementCount: Int { values.count }
}
