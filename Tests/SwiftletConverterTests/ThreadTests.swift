/// Threads change no byte: any number of them, however rows are divided.
import Swiftlet
import SwiftletConverter
import SwiftletGraph
import SwiftletKernels
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletHost

@Suite struct ThreadTests {
    /// Columns wherever it is possible, channels wherever it is possible, and what users get.
    static let policies = [
        DivisionPolicy(leastWork: 0, leastColumns: 0, leastPart: 0),
        DivisionPolicy(leastWork: 0, leastColumns: 1000, leastPart: 0), DivisionPolicy(leastPart: 0),
    ]

    /// The outputs of `pictures` one after the other, from one runner.
    private func outputs(
        _ file: ModelFile, _ pictures: [[UInt8]], kernels: VectorKernels?, threads: Int = 1,
        _ policy: DivisionPolicy = DivisionPolicy()
    ) throws -> [[Int8]] {
        let runner = try Runner(file, arenaBytes: nil, kernels: kernels, threads: threads, policy: policy)
        let values = try pictures.map { picture in try picture.withUnsafeBytes { try runner.run($0) } }
        #expect(runner.arena.guardsAreIntact)
        return values
    }

    private func check(_ file: ModelFile, _ pictures: [[UInt8]], _ configuration: String) throws {
        for kernels in [nil, VectorKernels.chosen] {
            let expected = try outputs(file, pictures, kernels: kernels)
            for threads in 2...3 {
                for policy in Self.policies {
                    let found = try outputs(file, pictures, kernels: kernels, threads: threads, policy)
                    #expect(
                        found == expected,
                        "\(configuration), \(kernels?.name ?? "portable"), \(threads) threads, \(policy)")
                }
            }
        }
    }

    @Test func randomNetworksGiveTheSameBytesOnAnyNumberOfThreads() throws {
        for seed in UInt64(500)..<530 {
            let network = try CalibratedNetwork(
                RandomGraph.make(seed: seed, layers: 3 + Int(seed % 9)), seed: seed, count: 2)
            let file = try ModelFile(contents: network.convert().bytes, path: "seed \(seed)")
            try check(file, network.pictures, "seed \(seed), \(network.graph.nodes.map(\.operation))")
        }
    }

    /// Wide layers, whose channels can be divided, and narrow ones; shuffles, concats and sums.
    @Test(arguments: [
        "mobilenet-v1:width=0.5,resolution=48", "mobilenet-v2:width=0.5,resolution=48",
        "shufflenet-v1:groups=3,resolution=32",
        "shufflenet-v2:resolution=32", "resnet-8", "squeezenet:resolution=64", "lenet5",
        "condensenet:stages=3-3-3,growth=8-16-32,resolution=32",
    ])
    func networksOfTheZooGiveTheSameBytesOnAnyNumberOfThreads(_ specification: String) throws {
        let model = try ConversionPipeline.convertRandom(Architecture(parsing: specification), seed: 11)
        let file = try ModelFile(contents: model.bytes, path: specification)
        let count = file.model.inputRowBytes * file.model.inputHeight
        try check(file, (0..<3).map { selfTestPixels(seed: $0, count: count) }, specification)
    }

    struct Stop: Error {}

    @Test func aRunThatBreaksOffLeavesTheNextOneWhole() throws {
        let specification = "mobilenet-v2:width=0.35,resolution=48"
        let model = try ConversionPipeline.convertRandom(Architecture(parsing: specification), seed: 11)
        let file = try ModelFile(contents: model.bytes, path: specification)
        let rowBytes = file.model.inputRowBytes
        let picture = selfTestPixels(seed: 5, count: rowBytes * file.model.inputHeight)
        let expected = try outputs(file, [picture], kernels: .chosen)[0]
        let runner = try Runner(file, arenaBytes: nil, kernels: .chosen, threads: 3, policy: Self.policies[0])
        #expect(runner.threads == 3)
        for rows in [0, 1, 20, 47] {
            #expect(throws: Stop.self) {
                try runner.run { push in
                    for y in 0..<rows {
                        try picture[(y * rowBytes)..<((y + 1) * rowBytes)].withUnsafeBytes { try push($0) }
                    }
                    throw Stop()
                }
            }
            #expect(throws: SessionError.notFinished(rows: rows, height: 48)) {
                try picture.prefix(rows * rowBytes).withUnsafeBytes { try runner.run($0) }
            }
            #expect(throws: SessionError.wrongRowBytes(needed: rowBytes, given: 1)) {
                try runner.run { push in
                    try [0].withUnsafeBytes { try push(UnsafeRawBufferPointer(rebasing: $0[..<1])) }
                }
            }
            let found = try picture.withUnsafeBytes { try runner.run($0) }
            #expect(found == expected, "after \(rows) rows")
        }
    }

    @Test func aModelWithNothingWorthDividingTakesOneThread() throws {
        let model = try ConversionPipeline.convertRandom(Architecture(parsing: "lenet5"), seed: 1)
        let file = try ModelFile(contents: model.bytes, path: "lenet5")
        #expect(try Runner(file, threads: 4).threads == 1)
        #expect(throws: SessionError.arenaTooSmall(needed: file.model.arenaBytes, given: 100)) {
            try Runner(file, arenaBytes: 100, kernels: nil, threads: 2, policy: Self.policies[0])
        }
    }

    /// Threads end with their runner, whether it has run or not.
    @Test func runnersComeAndGo() throws {
        let model = try ConversionPipeline.convertRandom(Architecture(parsing: "resnet-8"), seed: 1)
        let file = try ModelFile(contents: model.bytes, path: "resnet-8")
        let picture = selfTestPixels(seed: 1, count: file.model.inputRowBytes * file.model.inputHeight)
        for round in 0..<20 {
            let runner = try Runner(
                file, arenaBytes: nil, kernels: .chosen, threads: 3, policy: Self.policies[round % 2])
            if round % 3 > 0 { _ = try picture.withUnsafeBytes { try runner.run($0) } }
        }
    }
}
