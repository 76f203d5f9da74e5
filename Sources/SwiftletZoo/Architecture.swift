/// A network of the zoo with all its options, read from and written as one line of text.
///
///     let architecture = try Architecture(parsing: "mobilenet-v2:width=0.35,resolution=144,classes=10")
///     let graph = try architecture.makeGraph()  // 144x144x3 -> 1x1x10, parameters empty
///
/// What it does not do: hold parameters or train them.
import SwiftletGraph

public struct Architecture: Hashable, Sendable, CustomStringConvertible {
    /// The architectures of the zoo, by the names that specifications use.
    public static let names = networks.map { $0.name }

    static let networks: [any Network.Type] = [
        MobileNetV1.self, MobileNetV2.self, MobileNetV3<MobileNetV3Small>.self, MobileNetV3<MobileNetV3Large>.self,
        ShuffleNetV1.self,
        ShuffleNetV2.self, CondenseNet.self, LeNet5.self, ResNet8.self, ResNet18.self, ResNetCIFAR.self,
        SqueezeNet.self, VGG16.self,
    ]

    private let network: any Network
    /// The specification with every option written out. Parsing it gives this architecture again, also when a later
    /// version changes a default, so this is what checkpoints store.
    public let spec: String

    /// Reads `name` or `name:option=value,option=value`.
    ///
    /// - Parameters:
    ///   - text: the specification.
    ///   - defaults: values for options that `text` leaves out and the architecture has, such as the data set's
    ///     `["classes": "10", "resolution": "32"]`; others are ignored.
    /// - Throws: `ArchitectureError`: the unknown name or option with the nearest known one, or the value out of bounds.
    public init(parsing text: String, defaults: [String: String] = [:]) throws {
        let colon = text.firstIndex(of: ":")
        let name = String(text[..<(colon ?? text.endIndex)])
        guard let type = Self.networks.first(where: { $0.name == name }) else {
            throw ArchitectureError.unknownName(name, known: Self.names)
        }
        let options = colon.map { String(text[text.index(after: $0)...]) } ?? ""
        var reader = try OptionReader(architecture: name, text: options, defaults: defaults)
        network = try type.init(reading: &reader)
        try reader.finish()
        let written = (network.options + network.input.options + network.style.options).map { "\($0.name)=\($0.value)" }
        spec = "\(name):\(written.joined(separator: ","))"
    }

    public var name: String { type(of: network).name }
    /// Rows and columns x channels of the pictures that the network takes.
    public var inputShape: Shape { network.input.shape }
    public var classes: Int { network.input.classes }
    public var description: String { spec }

    /// Builds the network with empty parameters.
    ///
    /// - Returns: a graph from `inputShape` to 1x1x`classes` logits, batch norms and dropout in place.
    /// - Throws: `GraphError` when the resolution is too small for the network's strides or groups do not divide widths.
    public func makeGraph() throws -> Graph {
        var builder = NetworkBuilder(name: name, input: inputShape, style: network.style)
        try network.build(&builder)
        return builder.finished()
    }

    public static func == (left: Architecture, right: Architecture) -> Bool { left.spec == right.spec }
    public func hash(into hasher: inout Hasher) { hasher.combine(spec) }
}

/// One architecture of the zoo.
protocol Network: Sendable {
    static var name: String { get }
    var input: NetworkInput { get }
    /// PyTorch's where a network takes no such options.
    var style: LayerStyle { get }
    /// The options beyond `input`'s, in the order in which they are written.
    var options: [(name: String, value: String)] { get }

    init(reading reader: inout OptionReader) throws
    /// Appends all layers from the builder's input to the logits.
    func build(_ builder: inout NetworkBuilder) throws
}

extension Network {
    var style: LayerStyle { .pytorch }
}

/// How the first layers treat the picture.
enum Stem: String, CaseIterable, Sendable {
    /// As published: the first layers bring 224 down to 56 or 112.
    case imagenet
    /// For pictures of about 32x32: stride 1 where the published network goes down first.
    case cifar
}

/// What all networks are asked: the picture's size, its channels, the classes, the stem.
struct NetworkInput: Sendable {
    var resolution: Int
    var channels: Int
    var classes: Int
    /// Nil where a network has but one.
    var stem: Stem?

    /// Unless told, 224 pixels and 1000 classes; with the CIFAR stem (chosen up to 64 pixels) 32 pixels, 10 classes.
    init(reading reader: inout OptionReader) throws {
        let small = reader.peek("stem") == Stem.cifar.rawValue
        resolution = try reader.integer("resolution", default: small ? 32 : 224, in: 8...4096)
        channels = try reader.integer("channels", default: 3, in: 1...16)
        let stem = try reader.choice("stem", default: resolution <= 64 ? Stem.cifar : .imagenet)
        self.stem = stem
        classes = try reader.integer("classes", default: stem == .cifar ? 10 : 1000, in: 1...100_000)
    }

    init(resolution: Int, channels: Int, classes: Int, stem: Stem?) {
        self.resolution = resolution
        self.channels = channels
        self.classes = classes
        self.stem = stem
    }

    var shape: Shape { Shape(height: resolution, width: resolution, channels: channels) }

    var options: [(name: String, value: String)] {
        [("resolution", "\(resolution)"), ("channels", "\(channels)")]
            + (stem.map { [("stem", $0.rawValue)] } ?? []) + [("classes", "\(classes)")]
    }
}
