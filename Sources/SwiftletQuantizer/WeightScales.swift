/// How many scales the weights of a convolution have.
///
/// What it does not do: scales of activations; those have one a map or one a channel in either case.

public enum WeightScales: String, CaseIterable, Sendable {
    /// One for each output channel.
    case perChannel = "per-channel"
    /// One for all: sums of every output channel are requantized by the same multiplier.
    case perTensor = "per-tensor"
}
