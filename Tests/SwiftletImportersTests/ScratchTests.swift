import Foundation
import SwiftletGraph
import SwiftletImporters
import SwiftletTraining
import Testing

private func scratchPicture(_ shape: Shape) -> [Float] {
    (0..<shape.elementCount).map { (index: Int) -> Float in
        let rows: Int = index / 97 * 31
        let squares: Int = index * index % 251
        return (Float((index * 7919 + rows + squares) % 256) - 127.5) / 64
    }
}

@Test func scratch() throws {
    for folder in (ProcessInfo.processInfo.environment["ONNX_SCRATCH"] ?? "").split(separator: ",").map(String.init) {
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/outputs.json"))
        for (file, expected) in try JSONDecoder().decode([String: [Float]].self, from: data).sorted(by: {
            $0.key < $1.key
        }) {
            do {
                let graph = try ONNXImporter(contentsOf: "\(folder)/\(file)").graph
                let found = try scratchPicture(graph.inputShape).withUnsafeBufferPointer {
                    try FloatExecutor(graph: graph, batchSize: 1, threads: 2).run($0, count: 1)
                }
                let e = (zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity)
                print(
                    "SCRATCH \(file): nodes \(graph.nodes.count), max diff \(e), relative \(e / (expected.map(abs).max() ?? 1)), \(found.count) outputs"
                )
            } catch { print("SCRATCH \(file): \(error)") }
        }
    }
}
