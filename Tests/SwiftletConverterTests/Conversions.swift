/// Networks made ready for conversion, and models run on pictures: what the converter's tests share.
import Foundation
import Swiftlet
import SwiftletFormat
import SwiftletGraph
import SwiftletHost
import SwiftletPlanner
import SwiftletQuantizer
import SwiftletTraining
import TestSupport

@testable import SwiftletConverter

/// A float network with the ranges that its values take on some pictures.
struct CalibratedNetwork {
    let graph: Graph
    let ranges: [ValueID: ClosedRange<Float>]
    let pictures: [[UInt8]]

    /// Prepares `network` and calibrates it on `count` pictures of smooth noise.
    init(_ network: Graph, seed: UInt64, count: Int = 4) throws {
        let channels = network.inputShape.channels
        graph = try network.preparedForQuantization(
            Preprocessing(
                resize: .stretch, colorOrder: .rgb, mean: Array(repeating: 120, count: channels),
                deviation: Array(repeating: 60, count: channels)))
        var generator = SeededGenerator(seed: seed)
        let elements = graph.inputShape.elementCount
        pictures = (0..<count).map { _ in (0..<elements).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        let executor = try FloatExecutor(graph: graph, batchSize: 1, threads: 1)
        var statistics: [ValueID: ValueStatistics] = [:]
        for picture in pictures {
            let floats = picture.map { Float($0) }
            _ = try floats.withUnsafeBufferPointer { buffer in
                try executor.run(buffer, count: 1) { value, values in
                    statistics[value, default: ValueStatistics(name: "\(value)")].add(values)
                }
            }
        }
        var ranges: [ValueID: ClosedRange<Float>] = [:]
        for value in try Converter.rangedValues(of: graph) { ranges[value] = try statistics[value]?.range(.minMax) }
        self.ranges = ranges
    }

    func convert(_ plan: (Planner) throws -> Plan = { try $0.plan() }) throws -> ConvertedModel {
        try Converter.convert(
            graph, ranges: ranges, architecture: "test", classNames: [],
            preprocessing: Preprocessing(resize: .stretch, colorOrder: .rgb, mean: [], deviation: []), plan: plan)
    }

    /// Signal to noise of the int8 output against float over all pictures, in decibels.
    func outputSQNR(_ model: ConvertedModel) throws -> Double {
        let runner = try Runner(ModelFile(contents: model.bytes, path: "test"))
        var signal = 0.0
        var noise = 1e-30
        for picture in pictures {
            let expected = ReferenceInterpreter.run(graph, input: picture.map { Float($0) })
            let found = runner.dequantize(try picture.withUnsafeBytes { try runner.run($0) })
            for (a, b) in zip(expected, found) {
                signal += Double(a) * Double(a)
                noise += Double(a - b) * Double(a - b)
            }
        }
        return 10 * log10(signal / noise)
    }

    /// The int8 outputs of all pictures.
    func outputs(_ model: ConvertedModel) throws -> [[Int8]] {
        let runner = try Runner(ModelFile(contents: model.bytes, path: "test"))
        let values = try pictures.map { picture in try picture.withUnsafeBytes { try runner.run($0) } }
        guard runner.arena.guardsAreIntact else { throw GuardsBroken() }
        return values
    }
}

struct GuardsBroken: Error {}
