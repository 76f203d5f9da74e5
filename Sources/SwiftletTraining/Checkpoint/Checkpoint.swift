/// A trained network on disk: `float.ckpt`, a safetensors file that anyone can open.
///
/// The tensors have the graph's parameter names. The metadata, strings all:
///
///     format            "swiftlet-checkpoint"
///     version           "1"
///     architecture      the canonical specification: "mobilenet-v2:width=0.35,resolution=144,..."
///     classes           a JSON array of the classes' names, in the order of the logits
///     preprocessing     `Preprocessing` as JSON
///     training.<key>    what the trainer wants known: seed, epochs, accuracy, ...
///
/// A network that was trained with quantization has tensors `range.<operator>`, the lower and the upper end of what each
/// operator of the int8 network spans.
///
/// What it does not do: read other programs' files; `SwiftletImporters` does.
import Foundation
import SwiftletFiles
import SwiftletGraph
import SwiftletZoo

public struct Checkpoint: TrainedNetwork {
    public let architecture: Architecture
    /// The network that `architecture` builds, with all parameters, finite.
    public let graph: Graph
    /// One name for each logit.
    public let classNames: [String]
    public let preprocessing: Preprocessing
    /// Seed, epochs, accuracy and the like, as text.
    public let training: [String: String]
    public var architectureText: String { architecture.spec }
    public var trainingData: String? { training["data"] }
    /// Tensors beyond the network's own, such as the optimizer's, by name without the prefix "training.".
    public let trainingState: [String: Tensor]

    public let learnedRanges: [String: ClosedRange<Float>]?

    /// - Parameter parameters: every parameter of the architecture by "node.suffix"; no others.
    /// - Throws: `GraphError` for shapes that do not fit together or parameters that are missing, of another shape or not
    ///   finite; `CheckpointError.inconsistent` when classes, preprocessing or parameters do not belong to this network.
    public init(
        architecture: Architecture, parameters: [String: Tensor], classNames: [String], preprocessing: Preprocessing,
        training: [String: String] = [:], trainingState: [String: Tensor] = [:],
        learnedRanges: [String: ClosedRange<Float>]? = nil
    ) throws {
        var graph = try architecture.makeGraph()
        let known = Set(graph.parameterShapes.map(\.name))
        if let stranger = parameters.keys.filter({ !known.contains($0) }).min() {
            throw CheckpointError.inconsistent("\(architecture.name) has no parameter \(stranger)")
        }
        graph.parameters = parameters
        try graph.checkParameters()
        guard classNames.count == architecture.classes else {
            throw CheckpointError.inconsistent(
                "\(classNames.count) class names for a network of \(architecture.classes) classes")
        }
        try Self.check(preprocessing, channels: architecture.inputShape.channels)
        self.architecture = architecture
        self.graph = graph
        self.classNames = classNames
        self.preprocessing = preprocessing
        self.training = training
        self.trainingState = trainingState
        self.learnedRanges = learnedRanges
    }

    private static func check(_ preprocessing: Preprocessing, channels: Int) throws {
        guard preprocessing.mean.count == channels, preprocessing.deviation.count == channels else {
            throw CheckpointError.inconsistent(
                "the preprocessing has \(preprocessing.mean.count) means and \(preprocessing.deviation.count) deviations "
                    + "for pictures of \(channels) channels")
        }
        guard preprocessing.mean.allSatisfy(\.isFinite),
            preprocessing.deviation.allSatisfy({ $0.isFinite && $0 > 0 })
        else {
            throw CheckpointError.inconsistent(
                "the preprocessing's means must be finite and its deviations above zero, not \(preprocessing.mean) "
                    + "and \(preprocessing.deviation)")
        }
    }
}

/// Reading and writing.
extension Checkpoint {
    private static let format = "swiftlet-checkpoint"
    private static let version = "1"
    private static let statePrefix = "training."
    private static let rangePrefix = "range."

    /// Reads a checkpoint and checks all of it.
    ///
    /// - Throws: `FileError`, `SafetensorsError`, or `CheckpointError` with the path and what is wrong, such as a parameter
    ///   that is missing or holds NaN.
    public init(contentsOf path: String) throws {
        try self.init(Safetensors(contentsOf: path), file: path)
    }

    /// - Parameter file: what errors call it.
    public init(_ safetensors: Safetensors, file: String) throws {
        let metadata = safetensors.metadata
        guard metadata["format"] == Self.format else { throw CheckpointError.notACheckpoint(file: file) }
        guard metadata["version"] == Self.version else {
            throw CheckpointError.otherVersion(file: file, version: metadata["version"] ?? "none", known: Self.version)
        }
        func decode<Value: Decodable>(_ type: Value.Type, _ key: String) throws -> Value {
            do {
                return try JSONDecoder().decode(type, from: Data((metadata[key] ?? "").utf8))
            } catch {
                let reason = metadata[key] == nil ? "its metadata has no '\(key)'" : "\(key): \(jsonReason(error))"
                throw CheckpointError.unusable(file: file, reason: reason)
            }
        }
        func isState(_ name: String) -> Bool { name.hasPrefix(Self.statePrefix) }
        func isRange(_ name: String) -> Bool { name.hasPrefix(Self.rangePrefix) }
        func withoutPrefix<Value>(_ entries: [String: Value]) -> [String: Value] {
            var own: [String: Value] = [:]
            for (name, value) in entries where isState(name) {
                own[String(name.dropFirst(Self.statePrefix.count))] = value
            }
            return own
        }
        guard let spec = metadata["architecture"] else {
            throw CheckpointError.unusable(file: file, reason: "its metadata has no 'architecture'")
        }
        let classNames = try decode([String].self, "classes")
        let preprocessing = try decode(Preprocessing.self, "preprocessing")
        do {
            try self.init(
                architecture: Architecture(parsing: spec),
                parameters: safetensors.tensors.filter { !isState($0.key) && !isRange($0.key) }, classNames: classNames,
                preprocessing: preprocessing, training: withoutPrefix(metadata),
                trainingState: withoutPrefix(safetensors.tensors),
                learnedRanges: Self.ranges(safetensors.tensors.filter { isRange($0.key) }))
        } catch {
            throw CheckpointError.unusable(file: file, reason: "\(error)")
        }
    }

    /// The ranges in tensors of two numbers; nil where there are none.
    private static func ranges(_ tensors: [String: Tensor]) throws -> [String: ClosedRange<Float>]? {
        var ranges: [String: ClosedRange<Float>] = [:]
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let ends = tensor.values
            guard ends.count == 2, ends.allSatisfy(\.isFinite), ends[0] <= 0, ends[1] >= 0 else {
                throw CheckpointError.inconsistent(
                    "\(name) is no range: \(ends.count) numbers, \(ends.prefix(2)); it takes a lower end of at most 0 and an "
                        + "upper one of at least 0")
            }
            ranges[String(name.dropFirst(rangePrefix.count))] = ends[0]...ends[1]
        }
        return ranges.isEmpty ? nil : ranges
    }

    /// The checkpoint as tensors and strings.
    public var safetensors: Safetensors {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings and finite numbers always encode.
        func text(_ value: some Encodable) -> String {
            String(decoding: (try? encoder.encode(value)) ?? Data(), as: UTF8.self)
        }
        var metadata = [
            "format": Self.format, "version": Self.version, "architecture": architecture.spec,
            "classes": text(classNames), "preprocessing": text(preprocessing),
        ]
        for (key, value) in training { metadata[Self.statePrefix + key] = value }
        var tensors = graph.parameters
        for (key, value) in trainingState { tensors[Self.statePrefix + key] = value }
        for (key, value) in learnedRanges ?? [:] {
            tensors[Self.rangePrefix + key] = Tensor(shape: [2], values: [value.lowerBound, value.upperBound])
        }
        return Safetensors(tensors: tensors, metadata: metadata)
    }

    /// Writes the checkpoint whole or not at all: on a full disk the file that was there stays as it was.
    ///
    /// - Throws: `FileError`.
    public func write(to path: String) throws {
        try safetensors.write(to: path)
    }
}

/// Why a file or a set of parts is no checkpoint.
public enum CheckpointError: Error, Equatable, CustomStringConvertible {
    case notACheckpoint(file: String)
    case otherVersion(file: String, version: String, known: String)
    case unusable(file: String, reason: String)
    case inconsistent(String)

    public var description: String {
        switch self {
        case .notACheckpoint(let file):
            "\(file) is a safetensors file of another program (its metadata has no format=swiftlet-checkpoint); import it"
        case .otherVersion(let file, let version, let known):
            "\(file) is a checkpoint of version \(oneLine(version, limit: 20)), this program reads \(known)"
        case .unusable(let file, let reason):
            "\(file): \(oneLine(reason))"
        case .inconsistent(let reason):
            oneLine(reason)
        }
    }
}
