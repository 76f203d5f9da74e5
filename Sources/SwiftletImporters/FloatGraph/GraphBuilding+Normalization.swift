/// Local response normalization (Krizhevsky et al. 2012, section 3.3) out of operators that the graph has.
///
/// What it does not do: normalize over rows and columns.
import SwiftletGraph

/// `x / (bias + scale * sum of squares) ^ exponent`, the sum over the channels around each.
struct LocalResponse {
    /// Channels before and after.
    var before: Int
    var after: Int
    var bias: Float
    var scale: Float
    var exponent: Float
}

extension GraphBuilding {
    /// Squares, a 1x1 convolution whose matrix is a band of ones, a power and a product.
    mutating func appendLocalResponse(
        _ name: String, _ map: LaidOutMap, _ response: LocalResponse
    ) throws -> LaidOutMap {
        let channels = graph.shape(of: map.value).channels
        guard response.before >= 0, response.after >= 0, response.bias > 0, response.scale >= 0,
            response.exponent.isFinite
        else {
            throw Refusal("its bias \(response.bias) and its alpha \(response.scale) are not above zero")
        }
        guard let count = TensorLayout.elementCount([channels, channels], limit: Self.constantLimit) else {
            throw Refusal("it is over \(channels) channels, which are too many")
        }
        var band = [Float](repeating: 0, count: count)
        for output in 0..<channels {
            for input in max(
                0, output - min(response.before, output))...min(
                    channels - 1, output + min(response.after, channels))
            {
                band[output * channels + input] = 1
            }
        }
        let squares = try appendPower("\(name).squares", map, exponent: 2)
        let sums = try append(
            .convolution(Convolution(outputChannels: channels, window: Window(kernel: .one))), name: "\(name).sums",
            input: squares.value,
            parameters: ["weight": Tensor(shape: [channels, channels, 1, 1], values: band)])
        let power = Activation.power(scale: response.scale, offset: response.bias, exponent: -response.exponent)
        let factors = try append(.activation(power), name: "\(name).factors", input: sums)
        let value = try append(.binary(.multiply), name: name, inputs: [map.value, factors])[0]
        return LaidOutMap(value: value, layout: map.layout)
    }
}
