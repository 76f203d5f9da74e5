/// A short way to write the convolutions of small networks.
///
/// What it does not do: give them parameters; `randomizeParameters` does.
import SwiftletGraph

extension Graph {
    /// A convolution with a bias; 1x1 where no window is given.
    public mutating func convolution(
        _ name: String, _ input: ValueID, to outputs: Int, _ window: Window = Window(kernel: .one), groups: Int = 1
    ) throws -> ValueID {
        let convolution = Convolution(outputChannels: outputs, window: window, groups: groups, hasBias: true)
        return try append(.convolution(convolution), name: name, input: input)
    }
}
