import Foundation
import SwiftletFiles
import SwiftletGraph
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletTraining

@Suite struct CheckpointTests {
    private let preprocessing = Preprocessing(
        resize: .centreCrop(shorterSide: 36), colorOrder: .rgb, mean: [123.675, 116.28, 103.53],
        deviation: [58.395, 57.12, 57.375])

    private func parameters(of architecture: Architecture) throws -> [String: Tensor] {
        var generator = SeededGenerator(seed: 1)
        var parameters: [String: Tensor] = [:]
        for (name, shape) in try architecture.makeGraph().parameterShapes {
            let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: -1...1, using: &generator) }
            parameters[name] = Tensor(shape: shape, values: values)
        }
        return parameters
    }

    private func example() throws -> Checkpoint {
        let architecture = try Architecture(parsing: "mobilenet-v1:width=0.1,resolution=32,classes=3")
        return try Checkpoint(
            architecture: architecture, parameters: parameters(of: architecture),
            classNames: ["cat", "dög", "a \"b\"/c"],
            preprocessing: preprocessing, training: ["seed": "42", "accuracy": "0.91"],
            trainingState: ["momentum.classifier.weight": Tensor(shape: [2], values: [1, 2])])
    }

    private func message(_ change: (inout Safetensors) -> Void) throws -> String? {
        var safetensors = try example().safetensors
        change(&safetensors)
        do {
            _ = try Checkpoint(safetensors, file: "x.ckpt")
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let folder = try TemporaryFolder()
        let written = try example()
        try written.write(to: folder.file("float.ckpt"))
        let read = try Checkpoint(contentsOf: folder.file("float.ckpt"))
        #expect(read.architecture == written.architecture)
        #expect(read.graph.nodes == written.graph.nodes)
        #expect(read.graph.parameters == written.graph.parameters)
        #expect(read.classNames == written.classNames)
        #expect(read.preprocessing == preprocessing)
        #expect(read.training == ["seed": "42", "accuracy": "0.91"])
        #expect(read.trainingState == written.trainingState)
        #expect(folder.names == ["float.ckpt"])
    }

    @Test(arguments: [
        "lenet5", "condensenet:resolution=32,stages=2-2,growth=8-8", "shufflenet-v1:groups=2,resolution=32",
    ])
    func everyKindOfParameterSurvives(spec: String) throws {
        let architecture = try Architecture(parsing: spec)
        let channels = architecture.inputShape.channels
        let written = try Checkpoint(
            architecture: architecture, parameters: parameters(of: architecture),
            classNames: (0..<architecture.classes).map(String.init),
            preprocessing: Preprocessing(
                resize: .stretch, colorOrder: channels == 1 ? .grey : .rgb,
                mean: Array(repeating: 0, count: channels), deviation: Array(repeating: 255, count: channels)))
        let read = try Checkpoint(written.safetensors, file: "x")
        #expect(read.graph.parameters == written.graph.parameters)
        #expect(read.preprocessing == written.preprocessing)
    }

    @Test func defectsAreNamedInOneLine() throws {
        let name = "features.0.0.weight"
        #expect(
            try message { $0.metadata["format"] = nil }
                == "x.ckpt is a safetensors file of another program (its metadata has no format=swiftlet-checkpoint); "
                + "import it")
        #expect(
            try message { $0.metadata["version"] = "2" }
                == "x.ckpt is a checkpoint of version 2, this program reads 1")
        #expect(try message { $0.metadata["architecture"] = nil } == "x.ckpt: its metadata has no 'architecture'")
        #expect(
            try message { $0.metadata["architecture"] = "mobilenet-v1:wdth=1" }
                == "x.ckpt: mobilenet-v1 has no option 'wdth' (did you mean 'width'?); "
                + "known: width, activation, resolution, channels, stem, classes, padding, norm, epsilon")
        #expect(try message { $0.metadata["classes"] = nil } == "x.ckpt: its metadata has no 'classes'")
        #expect(
            try message { $0.metadata["classes"] = "[1]" }
                == "x.ckpt: classes: a value of another type than String at 0")
        #expect(
            try message { $0.metadata["classes"] = #"["a"]"# }
                == "x.ckpt: 1 class names for a network of 3 classes")
        #expect(try message { $0.metadata["preprocessing"] = "{" }?.hasPrefix("x.ckpt: preprocessing: ") == true)
        #expect(
            try message { $0.tensors[name] = nil }
                == "x.ckpt: parameter \(name) of shape [8, 3, 3, 3] is missing")
        #expect(
            try message { $0.tensors[name] = Tensor(shape: [1], values: [0]) }
                == "x.ckpt: parameter \(name) has shape [1], the network needs [8, 3, 3, 3]")
        #expect(
            try message { $0.tensors[name]!.values[5] = .nan }
                == "x.ckpt: parameter \(name) holds NaN or infinity (value 5 of 216); "
                + "train again or repair the checkpoint")
        #expect(
            try message { $0.tensors["extra"] = Tensor(shape: [1], values: [0]) }
                == "x.ckpt: mobilenet-v1 has no parameter extra")
    }

    @Test func preprocessingMustFitTheNetwork() throws {
        let architecture = try Architecture(parsing: "lenet5")
        let parameters = try parameters(of: architecture)
        func make(_ mean: [Float], _ deviation: [Float]) throws {
            _ = try Checkpoint(
                architecture: architecture, parameters: parameters, classNames: (0..<10).map(String.init),
                preprocessing: Preprocessing(resize: .stretch, colorOrder: .grey, mean: mean, deviation: deviation))
        }
        try make([33], [78])
        #expect(throws: CheckpointError.self) { try make([33, 1], [78, 1]) }
        #expect(throws: CheckpointError.self) { try make([33], [0]) }
        #expect(throws: CheckpointError.self) { try make([.nan], [1]) }
    }

    @Test func aFullDiskIsNamed() throws {
        guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
        let checkpoint = try example()
        let error = #expect(throws: FileError.self) { try checkpoint.write(to: "/dev/full") }
        #expect(error?.description.hasPrefix("cannot write /dev/full: No space left on device") == true)
    }

    @Test(.enabled(if: Python.has("safetensors", "numpy"))) func pythonReadsCheckpoints() throws {
        let folder = try TemporaryFolder()
        try example().write(to: folder.file("float.ckpt"))
        let (status, output) = try Python.runReference("check_safetensors.py", "list", folder.file("float.ckpt"))
        #expect(status == 0, "\(output)")
        #expect(output.contains("classifier.weight float32 3x102 "))
        #expect(output.contains("architecture=mobilenet-v1:width=0.1,resolution=32,"))
        #expect(output.contains(#"classes=["cat","dög","a \"b\"/c"]"#))
    }
}
