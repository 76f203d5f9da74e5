import CSwiftletTraining
import SwiftletGraph
import SwiftletZoo
import TestSupport
import Testing

@testable import SwiftletTraining

/// Learning from teachers: the loss against finite differences, and what a pupil takes over.
@Suite struct DistillationTests {
    private static let classes = ["circle", "square", "star", "cross"]

    /// Answers by the picture's bytes alone, so that a pupil can tell pictures apart as it does.
    private struct ByteTeacher: Teacher {
        var identity = TeacherIdentity(name: "bytes", checksum: 1)
        var classNames: [String]

        func answer(_ pixels: UnsafeRawBufferPointer, into scores: UnsafeMutableBufferPointer<Float>, thread: Int) {
            for index in scores.indices {
                scores[index] = pixels.isEmpty ? 0 : Float(pixels[index % pixels.count]) / 64
            }
        }
    }

    private func teaching(_ share: Float, _ temperature: Float, batch: Int, seed: UInt64) throws -> Teaching {
        let identity = TeacherIdentity(name: "bytes", checksum: 1)
        let teaching = try Teaching(
            .init(teachers: [identity], temperature: temperature, share: share),
            teachers: [ByteTeacher(classNames: Self.classes)], batchSize: batch, threads: 1, classNames: Self.classes)
        var generator = SeededGenerator(seed: seed)
        for image in 0..<batch {
            let pixels = (0..<Self.classes.count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            try pixels.withUnsafeBytes { try teaching.ask(image, $0, thread: 0) }
        }
        return teaching
    }

    private func withOutput(batch: Int, _ body: @escaping (Map, Share) throws -> Void) throws {
        let output = Map(shape: Shape(height: 1, width: 1, channels: Self.classes.count), batchSize: batch)
        output.gradient = allocateZeros(batch * Self.classes.count)
        defer { st_free(output.gradient) }
        let workers = Workers(count: 1)
        var failure: (any Error)?
        workers.run(batch: batch) { share in
            do { try body(output, share) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    @Test(arguments: [Float(0), 0.3, 0.9, 1], [Float(1), 2.5, 4])
    func theGradientOfTheLossEqualsFiniteDifferences(_ share: Float, _ temperature: Float) throws {
        let (batch, seed) = (3, UInt64(11))
        let loss = CrossEntropy(
            labels: [0, 3, 1], smoothing: 0.1, teaching: try teaching(share, temperature, batch: batch, seed: seed))
        try withOutput(batch: batch) { output, images in
            var generator = SeededGenerator(seed: seed)
            let count = batch * Self.classes.count
            for index in 0..<count { output.values[index] = Float.random(in: -2...2, using: &generator) }
            _ = loss.evaluate(output, images)
            let found = (0..<count).map { Double(output.gradient![$0]) * Double(batch) }
            for index in 0..<count {
                let value = output.values[index]
                output.values[index] = value + 0.01
                let above = loss.evaluate(output, images).loss
                output.values[index] = value - 0.01
                let below = loss.evaluate(output, images).loss
                output.values[index] = value
                let expected = (above - below) / 0.02
                #expect(
                    abs(found[index] - expected) < 1e-3,
                    "share \(share), temperature \(temperature), seed \(seed), score \(index): \(found[index]), not \(expected)"
                )
            }
        }
    }

    @Test func whoAnswersAsItsTeachersHasNothingToLearnFromThem() throws {
        let loss = CrossEntropy(labels: [2, 1], smoothing: 0, teaching: try teaching(1, 4, batch: 2, seed: 5))
        try withOutput(batch: 2) { output, images in
            var generator = SeededGenerator(seed: 5)
            for index in 0..<(2 * Self.classes.count) {
                output.values[index] = Float(UInt8.random(in: 0...255, using: &generator)) / 64
            }
            #expect(abs(loss.evaluate(output, images).loss) < 1e-5)
            for index in 0..<(2 * Self.classes.count) { #expect(abs(output.gradient![index]) < 1e-6) }
        }
    }

    private func trainer(
        share: Float, teacher: ByteTeacher, epochs: Int = 4, resuming checkpoint: Checkpoint? = nil
    ) throws -> Trainer {
        var configuration = TrainingConfiguration()
        configuration.epochs = epochs
        configuration.batchSize = 32
        configuration.learningRate = 0.02
        configuration.distillation = .init(teachers: [teacher.identity], temperature: 2, share: share)
        return try Trainer(
            architecture: Architecture(parsing: "lenet5:resolution=32,channels=3,classes=10"),
            configuration: configuration, training: DataSets.open("shapes:160", split: .training), teachers: [teacher],
            resuming: checkpoint)
    }

    private func teacher() throws -> ByteTeacher {
        ByteTeacher(classNames: try DataSets.open("shapes:1", split: .training).classNames)
    }

    @Test func aPupilComesNearerToItsTeacher() throws {
        let trainer = try trainer(share: 1, teacher: teacher())
        try trainer.run(progress: { _ in }, epochEnded: { _, _ in })
        let losses = trainer.metrics.map(\.trainingLoss)
        #expect(losses.last! < losses.first! * 0.9, "\(losses)")
    }

    @Test func aTeacherOfOtherClassesIsRefused() throws {
        let error = #expect(throws: TrainingError.self) {
            try trainer(share: 0.5, teacher: ByteTeacher(classNames: Self.classes))
        }
        #expect(
            "\(error!)".hasPrefix("the teacher bytes knows the classes 4 (circle, square, star, ...), the data has 10"))
    }

    @Test func aRunGoesOnWithItsOwnTeachersOnly() throws {
        var teacher = try teacher()
        var checkpoint: Checkpoint?
        let whole = try trainer(share: 0.5, teacher: teacher, epochs: 2)
        try whole.run(progress: { _ in }) { _, make in
            if checkpoint == nil { checkpoint = try make() }
        }
        let resumed = try trainer(share: 0.5, teacher: teacher, epochs: 2, resuming: checkpoint)
        try resumed.run(progress: { _ in }, epochEnded: { _, _ in })
        #expect(try resumed.checkpoint().graph.parameters == whole.checkpoint().graph.parameters)
        teacher.identity.checksum = 2
        #expect(throws: TrainingError.self) {
            try trainer(share: 0.5, teacher: teacher, epochs: 2, resuming: checkpoint)
        }
    }
}
