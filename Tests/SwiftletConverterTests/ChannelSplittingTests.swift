import SwiftletGraph
import SwiftletTraining
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletConverter

@Suite struct ChannelSplittingTests {
    private func network(_ spec: String) throws -> Graph {
        var network = try Architecture(parsing: spec).makeGraph()
        GraphInitializer.initialize(&network, seed: 5)
        network.condenseEvenly()
        return network
    }

    private func expectSameBytes(_ network: Graph, seed: UInt64, _ label: String) throws -> Bool {
        let calibrated = try CalibratedNetwork(network, seed: seed, count: 1)
        let whole = try calibrated.convert(correctsBiases: true, leastSplitChannels: .max) {
            try $0.plan(segments: [0])
        }
        let expected = try calibrated.outputs(whole)
        var isSplit = false
        for leastChannels in [1, 16] {
            let split = try calibrated.convert(correctsBiases: true, leastSplitChannels: leastChannels) {
                try $0.plan(segments: [0])
            }
            #expect(try calibrated.outputs(split) == expected, "\(label), shares of \(leastChannels) channels")
            isSplit = isSplit || split.operations.count > whole.operations.count
        }
        return isSplit
    }

    @Test func sharesGiveTheBytesOfTheWhole() throws {
        let seed: UInt64 = 7_700
        for spec in [
            "condensenet:stages=3-3-3,growth=8-8-16,resolution=32,classes=7",
            "condensenet:stages=2-4,growth=8-24,resolution=32",
        ] {
            #expect(try expectSameBytes(network(spec), seed: seed, spec), "\(spec) has nothing to split")
        }
        var count = 0
        for round in 0..<200 {
            let network = RandomGraph.make(seed: seed + UInt64(round), layers: 4 + round % 10)
            count += try expectSameBytes(network, seed: seed, "seed \(seed) round \(round)") ? 1 : 0
        }
        #expect(count > 5)
    }

    /// The maps of a dense block live for different times: none of its rings is as wide as the block.
    @Test func aDenseBlockReservesNoChannelsThatAreYetToBeMade() throws {
        let calibrated = try CalibratedNetwork(
            network("condensenet:stages=6-6,growth=32-64,resolution=32"), seed: 1, count: 1)
        let whole = try calibrated.convert(leastSplitChannels: .max).plan
        let split = try calibrated.convert().plan
        #expect(split.arenaBytes < whole.arenaBytes * 3 / 4)
        #expect(split.layerwiseBytes <= whole.layerwiseBytes)
    }

    /// Branches that nobody reads but each other's neighbour live alike: nothing is won by two pools in place of one.
    @Test(arguments: [
        "squeezenet:resolution=64", "shufflenet-v2:width=0.5,resolution=32", "mobilenet-v2:resolution=32",
    ])
    func mapsThatDoNotFollowFromEachOtherStayTogether(_ spec: String) throws {
        let calibrated = try CalibratedNetwork(network(spec), seed: 1, count: 1)
        let lowered = try Lowering.lower(calibrated.graph)
        #expect(lowered.splittingChannels(leastChannels: 1).operations.count == lowered.operations.count)
    }
}
