/// An int8 model as a teacher of a network in training.
///
/// What it does not do: weigh what it says; `Teaching` does.
import Foundation
import SwiftletGraph
import SwiftletHost
import SwiftletTraining

struct ModelTeacher: Teacher {
    let identity: TeacherIdentity
    let classNames: [String]
    private let endsInSoftmax: Bool
    /// One a thread.
    private let runners: [Runner]

    /// - Throws: `CommandFailure` when the model is no classifier, or takes other pictures than those of `format`.
    init(_ name: String, format: InputFormat, threads: Int) throws {
        let file = try ModelLookup.open(name)
        let reader = file.model.reader
        guard reader.pushedInputCount == 1, reader.outputCount == 1 else {
            throw CommandFailure(
                "the teacher \(name) has \(reader.pushedInputCount) inputs and \(reader.outputCount) outputs, a classifier has "
                    + "one of each")
        }
        guard file.inputFormat.shape == format.shape else {
            throw CommandFailure(
                "the teacher \(name) takes \(file.inputFormat.shape) pictures, the data gives \(format.shape)")
        }
        identity = TeacherIdentity(name: name, checksum: reader.header.checksum)
        classNames = file.classNames
        endsInSoftmax = file.endsInSoftmax
        runners = try (0..<threads).map { _ in try Runner(file) }
    }

    func answer(_ pixels: UnsafeRawBufferPointer, into scores: UnsafeMutableBufferPointer<Float>, thread: Int) throws {
        let runner = runners[thread]
        let values = runner.dequantize(try runner.run(pixels))
        // A probability that int8 rounds to nothing is less than half of its smallest step, 1/256.
        _ = scores.update(fromContentsOf: endsInSoftmax ? values.map { log(max($0, 1 / 512)) } : values)
    }
}
