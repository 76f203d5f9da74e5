/// Files of named tensors: safetensors, checkpoints, and what `torch.save` writes.
///
/// What it does not do: read from disk; every reader here takes bytes.
import Foundation
import SwiftletGraph
import SwiftletImporters
import SwiftletTraining
import SwiftletZoo

extension FuzzTarget {
    static let safetensors = FuzzTarget(
        "safetensors", byteLimit: 4096,
        words: [
            "{", "}", "\"__metadata__\":{", "\"dtype\":\"F32\"", "\"shape\":[", "\"data_offsets\":[", "F64", "BF16",
            "I8",
            "9223372036854775807", "-1", "1e300", "\\u0000", "[[[[", "\"preprocess\":\"", "mean ", "std ", "224x224",
            "RGB/255",
            "bn_eps", "padding", "TensorFlow", "activation", "block_3_expand_BN.weight", "conv2d_1.weight",
        ], seeds: TensorSeeds.safetensors
    ) { bytes in
        let file = try Safetensors(parsing: bytes, file: "m.safetensors")
        for (name, tensor) in file.tensors where tensor.shape.reduce(1, *) != tensor.values.count {
            throw Violation(what: "tensor \(name): \(tensor.values.count) values for shape \(tensor.shape)")
        }
        guard file.tensors.values.reduce(0, { $0 + $1.values.count }) <= bytes.count else {
            throw Violation(what: "more numbers than bytes")
        }
        try importNetwork(bytes)
    }

    /// Takes the tensors over into a network of the zoo, which they do not fill.
    private static func importNetwork(_ bytes: [UInt8]) throws {
        var choice = PreprocessingChoice()
        choice.resize = .stretch
        let network = ["lenet5:resolution=12", "resnet-8", "mobilenet-v2:width=0.35"][bytes.count % 3]
        let file = try WeightFile(parsing: bytes, file: "weights")
        _ = try WeightImporter(file, architecture: network).checkpoint(choice, classNames: nil)
    }

    /// The network's parameters that the file lacks are put in, so that few bytes can be a whole checkpoint.
    static let checkpoint = FuzzTarget(
        "checkpoint", byteLimit: 4096,
        words: Architecture.names + [
            ":", ",", "width=", "resolution=", "channels=", "classes=", "stem=cifar", "groups=", "stages=", "growth=",
            "stretch", "centreCrop", "shorterSide", "\"mean\"", "4096", "100000", "1e30", "nan",
        ], seeds: TensorSeeds.checkpoints
    ) { bytes in
        var file = try Safetensors(parsing: bytes, file: "float.ckpt")
        if let spec = file.metadata["architecture"], let network = try? Architecture(parsing: spec),
            let shapes = try? network.makeGraph().parameterShapes
        {
            let sizes = shapes.map { $0.shape.reduce(1, *) }
            if sizes.reduce(0, +) < 1 << 17 {
                for (name, shape) in shapes where file.tensors[name] == nil {
                    file.tensors[name] = Tensor(shape: shape, repeating: 1)
                }
            }
        }
        let checkpoint = try Checkpoint(file, file: "float.ckpt")
        guard checkpoint.classNames.count == checkpoint.architecture.classes else {
            throw Violation(what: "\(checkpoint.classNames.count) names, \(checkpoint.architecture.classes) classes")
        }
        _ = try Checkpoint(checkpoint.safetensors, file: "again.ckpt")
    }

    static let torch = FuzzTarget(
        "torch", byteLimit: 4096,
        words: [
            "ctorch\nFloatStorage\n", "ctorch\nByteStorage\n", "ctorch._utils\n_rebuild_tensor_v2\n",
            "ctorch._utils\n_rebuild_parameter\n", "ccollections\nOrderedDict\n", "ctorch\nSize\n", "X\u{1}\0\0\0w",
            "q\0",
            "h\0", "Q", "R", "s", "u", "(", ")", "}", "]", "a", "e", "b", "t",
        ], seeds: TensorSeeds.torch
    ) { bytes in
        let file = try WeightFile(parsing: bytes, file: "m.pth")
        for (name, tensor) in file.tensors where tensor.shape.reduce(1, *) != tensor.values.count {
            throw Violation(what: "tensor \(name): \(tensor.values.count) values for shape \(tensor.shape)")
        }
        // Tensors may share a storage, within limits.
        guard file.tensors.values.reduce(0, { $0 + $1.values.count }) <= 4 * bytes.count else {
            throw Violation(what: "more numbers than four times the bytes")
        }
        try importNetwork(bytes)
    }
}
