/// Convolutions and pools over maps, and the zeros around them.
///
/// What it does not do: read a file's windows; each importer knows its own conventions.
import SwiftletGraph

/// The weights of a convolution.
struct ConvolutionWeights {
    /// Outputs, inputs of a group, rows, columns.
    var sizes: [Int]
    var values: [Float]
    var bias: [Float]?
    var groups: Int
}

extension GraphBuilding {
    /// The map inside of zeros that a pad has put around `value`.
    func unpadded(_ value: ValueID) -> (source: ValueID, padding: Padding) { notes.padded[value] ?? (value, .none) }

    func isNeverNegative(_ value: ValueID) -> Bool {
        switch graph.producer(of: value).map({ graph.nodes[$0].operation }) {
        case .activation(.relu), .activation(.relu6), .activation(.sigmoid): true
        default: false
        }
    }

    /// - Parameter window: over `map`; zeros that a pad has put around it are added.
    mutating func appendConvolution(
        _ name: String, _ map: LaidOutMap, window: Window, _ weights: ConvolutionWeights
    ) throws -> LaidOutMap {
        let (source, around) = unpadded(map.value)
        let (channels, groups, outputs) = (graph.shape(of: source).channels, weights.groups, weights.sizes[0])
        guard groups > 0, channels % groups == 0, channels / groups == weights.sizes[1] else {
            throw Refusal("its weight \(weights.sizes) in \(groups) groups is not for \(channels) input channels")
        }
        var window = window
        window.padding += around
        var parameters = ["weight": Tensor(shape: weights.sizes, values: weights.values)]
        if let bias = weights.bias {
            guard bias.count == outputs else {
                throw Refusal("its bias of \(bias.count) numbers is not one for each of \(outputs) outputs")
            }
            parameters["bias"] = Tensor(shape: [outputs], values: bias)
        }
        let convolution = Convolution(
            outputChannels: outputs, window: window, groups: groups, hasBias: weights.bias != nil)
        let value = try append(.convolution(convolution), name: name, input: source, parameters: parameters)
        return spatial(value, like: map.layout)
    }

    mutating func appendMaxPool(_ name: String, _ map: LaidOutMap, window: Window) throws -> LaidOutMap {
        // Zeros around a map without negative numbers never exceed what the window finds in it.
        let (source, around) = unpadded(map.value)
        let absorbs = around != .none && isNeverNegative(source)
        var window = window
        if absorbs { window.padding += around }
        try checkTapsInside(window)
        let value = try append(.pool(.max, window), name: name, input: absorbs ? source : map.value)
        return spatial(value, like: map.layout)
    }

    /// - Parameter countsZeros: whether the window's padding counts; zeros that a pad has put around the map always do.
    mutating func appendAveragePool(
        _ name: String, _ map: LaidOutMap, window: Window, countsZeros: Bool
    ) throws -> LaidOutMap {
        let (source, around) = unpadded(map.value)
        let (shape, kernel) = (graph.shape(of: map.value), window.kernel)
        if countsZeros || around != .none && window.padding == .none {
            var padding = window.padding
            padding += around
            // A mean that counts zeros is a depthwise convolution over them.
            let value = try appendDepthwise(
                name, source, kernel: kernel, stride: window.stride, padding: padding, dilation: window.dilation,
                tap: 1 / Float(kernel.height * kernel.width))
            return spatial(value, like: map.layout)
        }
        try checkTapsInside(window)
        let isGlobal = window.padding == .none && (kernel.height, kernel.width) == (shape.height, shape.width)
        let value = try append(isGlobal ? .globalAveragePool : .pool(.average, window), name: name, input: map.value)
        return spatial(value, like: map.layout)
    }

    /// The maximum or the mean over all rows and columns.
    mutating func appendGlobalPool(_ name: String, _ map: LaidOutMap, _ kind: PoolKind) throws -> ValueID {
        let shape = graph.shape(of: map.value)
        let window = Window(kernel: Extent(height: shape.height, width: shape.width))
        return try append(kind == .max ? .pool(.max, window) : .globalAveragePool, name: name, input: map.value)
    }

    /// The same over `dimensions`, which must hold all rows, all columns or both, and no channels.
    mutating func appendReduction(
        _ name: String, _ map: LaidOutMap, _ kind: PoolKind, over dimensions: [Int], keepsRank: Bool
    ) throws -> LaidOutMap {
        let shape = graph.shape(of: map.value)
        let axes = dimensions.map { map.layout.axis(of: $0) }
        guard Set(dimensions).count == dimensions.count,
            map.layout.coversPixels(dimensions, of: shape) || axes.allSatisfy({ $0 == .row || $0 == .column })
        else {
            let what = kind == .max ? "maximum" : "mean"
            throw Refusal(
                "it takes the \(what) of \(map.layout.sizes) over \(dimensions); only that over rows and columns is known"
            )
        }
        let value: ValueID
        if map.layout.coversPixels(dimensions, of: shape) {
            value = try appendGlobalPool(name, map, kind)
        } else {
            let window = Window(
                kernel: Extent(
                    height: axes.contains(.row) ? shape.height : 1, width: axes.contains(.column) ? shape.width : 1))
            value = try append(.pool(kind, window), name: name, input: map.value)
        }
        return LaidOutMap(value: value, layout: map.layout.reducing(dimensions, kept: keepsRank))
    }

    /// Zeros around a map.
    ///
    /// - Parameter channels: how many before and after the map's own.
    mutating func appendZeros(
        _ name: String, _ map: LaidOutMap, channels: (before: Int, after: Int), padding: Padding
    ) throws -> LaidOutMap {
        var result = map.value
        if channels.before + channels.after > 0 {
            result = try appendChannels(name, result, before: channels.before, after: channels.after)
        }
        if padding != .none {
            let (source, around) = unpadded(result)
            var total = padding
            total += around
            let name = result == map.value ? name : "\(name).around"
            result = try appendDepthwise(name, source, kernel: .one, padding: total, tap: 1)
            notes.padded[result] = (source, total)
        }
        return spatial(result, like: map.layout)
    }

    /// A convolution channel by channel, with the same number at one or all taps.
    ///
    /// - Parameter place: the tap that is not zero; all of them if nil.
    mutating func appendDepthwise(
        _ name: String, _ input: ValueID, kernel: Extent, stride: Extent = .one, padding: Padding = .none,
        dilation: Extent = .one, tap: Float, at place: (row: Int, column: Int)? = nil
    ) throws -> ValueID {
        let channels = graph.shape(of: input).channels
        let sizes = [channels, 1, kernel.height, kernel.width]
        guard let count = TensorLayout.elementCount(sizes, limit: Self.constantLimit) else {
            throw Refusal("its window of \(kernel) over \(channels) channels is too large")
        }
        var values = Array(repeating: place == nil ? tap : 0, count: count)
        if let place {
            for channel in 0..<channels {
                values[(channel * kernel.height + place.row) * kernel.width + place.column] = tap
            }
        }
        let window = Window(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
        return try append(
            .convolution(Convolution(outputChannels: channels, window: window, groups: channels)), name: name,
            input: input, parameters: ["weight": Tensor(shape: sizes, values: values)])
    }

    /// Channels of zeros on both sides: a 1x1 convolution with an identity matrix, which steps as its input does.
    private mutating func appendChannels(
        _ name: String, _ input: ValueID, before: Int, after: Int
    ) throws -> ValueID {
        let inputs = graph.shape(of: input).channels
        let outputs = before + inputs + after
        guard let count = TensorLayout.elementCount([outputs, inputs], limit: Self.constantLimit) else {
            throw Refusal("it makes \(outputs) channels, which are too many")
        }
        var values = [Float](repeating: 0, count: count)
        for channel in 0..<inputs { values[(before + channel) * inputs + channel] = 1 }
        let (source, stride) = notes.strided[input] ?? (input, .one)
        let window = Window(kernel: .one, stride: stride)
        return try append(
            .convolution(Convolution(outputChannels: outputs, window: window)), name: name, input: source,
            parameters: ["weight": Tensor(shape: [outputs, inputs, 1, 1], values: values)])
    }

    /// Windows that see nothing but padding have no maximum and no mean.
    private func checkTapsInside(_ window: Window) throws {
        let padding = window.padding
        let spans = (
            (window.kernel.height - 1) * window.dilation.height + 1,
            (window.kernel.width - 1) * window.dilation.width + 1
        )
        guard max(padding.top, padding.bottom) < spans.0, max(padding.left, padding.right) < spans.1 else {
            throw Refusal("its padding \(padding) is not smaller than its kernel \(window.kernel)")
        }
    }
}

extension Padding {
    static func += (sum: inout Padding, other: Padding) {
        sum.top += other.top
        sum.left += other.left
        sum.bottom += other.bottom
        sum.right += other.right
    }
}
