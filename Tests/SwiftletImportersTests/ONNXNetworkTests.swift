/// Networks from ONNX files say in float what ONNX Runtime says.
///
/// Models and numbers are `tools/reference/onnx_outputs.py`'s: random networks of every operator, which are kept here, and
/// networks of real weights, which are exported when its packages are installed.
import Foundation
import SwiftletGraph
import SwiftletImporters
import SwiftletTraining
import TestSupport
import Testing

/// The picture that the script makes, rows x columns x channels.
private func picture(_ shape: Shape) -> [Float] {
    (0..<shape.elementCount).map { (index: Int) -> Float in
        let rows: Int = index / 97 * 31
        let squares: Int = index * index % 251
        return (Float((index * 7919 + rows + squares) % 256) - 127.5) / 64
    }
}

/// The largest difference to what ONNX Runtime gives, as a fraction of the largest expected value.
private func relativeError(_ path: String, expected: [Float]) throws -> Float {
    let graph = try ONNXImporter(contentsOf: path).graph
    let found = try picture(graph.inputShape).withUnsafeBufferPointer {
        try FloatExecutor(graph: graph, batchSize: 1, threads: 2).run($0, count: 1)
    }
    guard found.count >= expected.count else { return .infinity }
    return (zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity) / (expected.map(abs).max() ?? 1)
}

private func outputs(in folder: URL) throws -> [(file: String, expected: [Float])] {
    let data = try Data(contentsOf: folder.appendingPathComponent("outputs.json"))
    return try JSONDecoder().decode([String: [Float]].self, from: data).sorted { $0.key < $1.key }
        .map { (file: $0.key, expected: $0.value) }
}

private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures/onnx")

@Test func randomNetworksOfEveryOperatorGiveONNXRuntimesOutput() throws {
    for (file, expected) in try outputs(in: fixtures) {
        let error = try relativeError(fixtures.appendingPathComponent(file).path, expected: expected)
        #expect(error < 1e-5, "\(file): relative error \(error)")
    }
}

/// What the script exports into a folder of its own.
private func checkExported(_ kind: String, _ arguments: String...) throws {
    let folder = try TemporaryFolder()
    let (status, text) = try Python.runReference("onnx_outputs.py", [kind, folder.file("m")] + arguments)
    #expect(status == 0, "\(text)")
    for (file, expected) in try outputs(in: URL(fileURLWithPath: folder.file("m"))) {
        let error = try relativeError("\(folder.file("m"))/\(file)", expected: expected)
        #expect(error < 1e-4, "\(file): relative error \(error)")
    }
}

/// By both of PyTorch's exporters, the newer one with its weights in a file beside the model.
@Test(.enabled(if: SharedFolder.has("models") && Python.has("torch", "onnx", "onnxruntime", "onnxscript")))
func networksOfRealWeightsGiveONNXRuntimesOutput() throws {
    try checkExported("networks", SharedFolder.file("models").path)
}

@Test(.enabled(if: Python.has("torch", "torchvision", "onnx", "onnxruntime", "onnxscript")))
func torchvisionsNetworksGiveONNXRuntimesOutput() throws {
    try checkExported("zoo")
}
