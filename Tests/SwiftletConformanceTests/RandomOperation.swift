/// Random operators of every kind: odd channels, widths of 1, strides larger than kernels, padding all around, extreme scales and
/// zero points.
import SwiftletArithmetic
import SwiftletConverter
import SwiftletFormat
import SwiftletGraph
import TestSupport

struct RandomOperation: CustomStringConvertible {
    var operation: QuantizedOperation
    var inputs: [Shape]
    var output: Shape

    var description: String { "\(operation.name) of \(inputs) to \(output): \("\(operation)".prefix(600))" }

    static let kinds = [
        "convolution", "depthwise", "maxPool", "averagePool", "mean", "add", "multiply", "maximum", "minimum", "prelu",
        "lookup", "softmax", "rearrange", "resizeBilinear", "concatenateRows", "concatenateColumns",
        "concatenateChannels", "selectChannels",
    ]

    /// - Parameter input: the first input's shape; nil for any.
    init(kind: String, input: Shape? = nil, using generator: inout SeededGenerator) {
        var random = RandomNumbers(generator)
        defer { generator = random.generator }
        let shape = input ?? random.shape()
        inputs = [shape]
        output = shape
        switch kind {
        case "convolution", "depthwise":
            let window = random.window(shape)
            let divisors = (1...shape.channels).filter { shape.channels % $0 == 0 }
            let groups = kind == "depthwise" ? shape.channels : random.element(divisors)
            output = window.outputShape(of: shape)!
            output.channels = groups * random.int(1...(kind == "depthwise" ? 3 : 5))
            let count = output.channels * window.kernel.height * window.kernel.width * shape.channels / groups
            let terms = count / output.channels
            operation = .convolution(
                QuantizedConvolution(
                    window: window, groups: groups, weights: random.values(count),
                    bias: (0..<output.channels).map { _ in Int32(random.int(-(1 << 20)...(1 << 20))) },
                    multipliers: (0..<output.channels).map { _ in random.multiplier(reaching: terms * 128 * 64) },
                    inputZeroPoint: random.value(), bounds: random.bounds()))
        case "maxPool", "averagePool":
            let window = random.window(shape)
            output = window.outputShape(of: shape)!
            operation = kind == "maxPool" ? .maxPool(window, random.bounds()) : .averagePool(window, random.bounds())
        case "mean":
            output = Shape(height: 1, width: 1, channels: shape.channels)
            operation = .mean(
                random.multiplier(reaching: shape.height * shape.width * 64), inputZeroPoint: random.value(),
                random.bounds())
        case "add", "multiply", "maximum", "minimum", "prelu":
            let second = Shape(
                height: random.int(0...2) == 0 ? 1 : shape.height, width: random.int(0...2) == 0 ? 1 : shape.width,
                channels: random.int(0...3) == 0 ? 1 : shape.channels)
            operation = .binary(random.binary(kind))
            if random.int(0...2) == 0, case .binary(var binary) = operation {
                binary.constant = QuantizedConstant(shape: second, values: random.values(second.elementCount))
                operation = .binary(binary)
            } else {
                inputs = random.int(0...2) == 0 && input == nil ? [second, shape] : [shape, second]
            }
        case "lookup":
            let count = random.int(0...1) == 0 ? 1 : shape.channels
            operation = .lookup((0..<count).map { _ in random.values(256) })
        case "softmax":
            let step = random.real(0.0001...0.5)
            operation = .softmax(
                .table(
                    (0..<256).map { LookupFunctions.exponential(-step * Float($0)) },
                    outputScale: random.element([1.0 / 256, random.real(0.001...0.05)])),
                OutputBounds(zeroPoint: random.element([-128, random.value()])))
        case "rearrange":
            func sources(_ size: Int) -> [Int?] {
                (0..<random.int(1...size + 3)).map { _ in random.int(0...4) == 0 ? nil : random.int(0...size - 1) }
            }
            let map = Rearrangement(
                rows: sources(shape.height), columns: sources(shape.width),
                channels: random.int(0...1) == 0 ? nil : sources(shape.channels), fill: random.value())
            output = Shape(
                height: map.rows.count, width: map.columns.count, channels: map.channels?.count ?? shape.channels)
            operation = .rearrange(map)
        case "resizeBilinear":
            output.height = random.int(1...12)
            output.width = random.int(1...12)
            let (corners, centers) = random.element([(false, false), (true, false), (false, true)])
            func points(_ size: Int, _ count: Int) -> [ResizePoint] {
                ResizePoint.points(input: size, output: count, alignCorners: corners, halfPixelCenters: centers)
            }
            operation = .resizeBilinear(
                rows: points(shape.height, output.height), columns: points(shape.width, output.width))
        case "concatenateRows", "concatenateColumns", "concatenateChannels":
            for _ in 0..<random.int(1...3) {
                var next = shape
                switch kind {
                case "concatenateRows":
                    next.height = random.int(1...4)
                    output.height += next.height
                case "concatenateColumns":
                    next.width = random.int(1...4)
                    output.width += next.width
                default:
                    next.channels = random.int(1...9)
                    output.channels += next.channels
                }
                inputs.append(next)
            }
            operation =
                kind == "concatenateRows"
                ? .concatenateRows : kind == "concatenateColumns" ? .concatenateColumns : .concatenateChannels
        default:
            let channels = Array(0..<shape.channels).shuffled(using: &random.generator)
            let kept = Array(channels.prefix(random.int(1...shape.channels)))
            output.channels = kept.count
            operation = .selectChannels(kept)
        }
    }
}

/// Draws what operators are made of.
struct RandomNumbers {
    var generator: SeededGenerator

    init(_ generator: SeededGenerator) { self.generator = generator }

    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    mutating func real(_ range: ClosedRange<Float>) -> Float { Float.random(in: range, using: &generator) }
    mutating func element<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &generator)! }

    /// Often at an end of the range.
    mutating func value() -> Int8 { element([-128, 127, 0, Int8.random(in: -128...127, using: &generator)]) }

    /// All over the range, or all at its ends.
    mutating func values(_ count: Int) -> [Int8] {
        let style = int(0...5)
        return (0..<count).map { _ in
            switch style {
            case 0: -128
            case 1: element([-128, 127])
            default: Int8.random(in: -128...127, using: &generator)
            }
        }
    }

    mutating func shape() -> Shape {
        Shape(
            height: element([1, int(1...9)]), width: element([1, int(1...9)]),
            channels: element([1, 3, 16, int(1...35)]))
    }

    /// A window that fits at least once, maybe with nothing but padding under it.
    mutating func window(_ input: Shape) -> Window {
        while true {
            let kernel = Extent(height: int(1...4), width: int(1...4))
            let padding = Padding(top: int(0...3), left: int(0...3), bottom: int(0...3), right: int(0...3))
            let window = Window(
                kernel: kernel, stride: Extent(height: int(1...5), width: int(1...5)),
                padding: int(0...1) == 0 ? .none : padding,
                dilation: Extent(height: element([1, 1, 2]), width: element([1, 1, 3])))
            if window.outputShape(of: input) != nil { return window }
        }
    }

    mutating func bounds() -> OutputBounds {
        if int(0...1) == 0 { return OutputBounds(zeroPoint: value()) }
        let (a, b) = (value(), value())
        return OutputBounds(zeroPoint: value(), low: min(a, b), high: max(a, b))
    }

    /// One that brings `sum` to about the range of int8, or sometimes far off.
    mutating func multiplier(reaching sum: Int) -> FixedPointMultiplier {
        let real = Double(int(1...400)) / Double(max(1, sum)) * element([1, 1, 1, 1000, 0.001])
        return FixedPointMultiplier(min(real, 1e6)) ?? FixedPointMultiplier(multiplier: 1 << 30, shift: 0)
    }

    mutating func binary(_ kind: String) -> QuantizedBinary {
        let kinds: [String: OperatorKind] = [
            "add": .add, "multiply": .multiply, "maximum": .maximum, "minimum": .minimum, "prelu": .prelu,
        ]
        var multipliers: [FixedPointMultiplier] = []
        switch kind {
        case "add":
            multipliers = [
                multiplier(reaching: 400), multiplier(reaching: 400), multiplier(reaching: 1 << 20),
            ]
        case "multiply": multipliers = [multiplier(reaching: 1 << 14)]
        case "prelu": multipliers = [multiplier(reaching: 1 << 7), multiplier(reaching: 1 << 14)]
        default: break
        }
        var binary = QuantizedBinary(
            kind: kinds[kind]!, multipliers: multipliers, firstZeroPoint: value(), secondZeroPoint: value(),
            bounds: bounds())
        if kind == "add" { (binary.negatesFirst, binary.negatesSecond) = (int(0...3) == 0, int(0...3) == 0) }
        return binary
    }
}
