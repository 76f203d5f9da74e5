/// Trained networks that a network in training learns from.
///
/// Hinton, Vinyals and Dean 2015 (arXiv:1503.02531), section 2. Teachers see each picture as the pupil sees it, changes included
/// (Beyer et al. 2022, arXiv:2106.05237, section 3). What it does not do: run networks; a `Teacher` is given.
import CSwiftletTraining
import Foundation

/// Which network taught.
public struct TeacherIdentity: Hashable, Sendable, Codable {
    /// As the user names it.
    public var name: String
    /// Of the file: a resumed run has the same teachers.
    public var checksum: UInt32

    public init(name: String, checksum: UInt32) {
        self.name = name
        self.checksum = checksum
    }
}

/// A trained network that answers.
public protocol Teacher {
    var identity: TeacherIdentity { get }
    /// One name for each score.
    var classNames: [String] { get }
    /// Writes the scores, before a softmax, of a picture of the training data's shape.
    ///
    /// - Parameters:
    ///   - pixels: height x width x channels bytes.
    ///   - thread: below the number of threads that train; calls of different threads run at the same time.
    func answer(_ pixels: UnsafeRawBufferPointer, into scores: UnsafeMutableBufferPointer<Float>, thread: Int) throws
}

/// What all teachers together say of the pictures of a step: the mean of their probabilities.
final class Teaching: @unchecked Sendable {
    let temperature: Float
    let share: Float
    private let teachers: [any Teacher]
    private let classes: Int
    private let threads: Int
    /// Of each image of a batch.
    private let probabilities: UnsafeMutablePointer<Float>
    /// Of one picture, for each thread.
    private let scores: UnsafeMutablePointer<Float>

    /// - Throws: `TrainingError.wrongData` when a teacher knows other classes.
    init(
        _ distillation: TrainingConfiguration.Distillation, teachers: [any Teacher], batchSize: Int, threads: Int,
        classNames: [String]
    ) throws {
        for teacher in teachers where teacher.classNames != classNames {
            throw TrainingError.wrongData(
                "the teacher \(teacher.identity.name) knows the classes \(Self.summary(teacher.classNames)), the data has "
                    + Self.summary(classNames))
        }
        temperature = distillation.temperature
        share = distillation.share
        self.teachers = teachers
        self.threads = max(1, threads)
        classes = classNames.count
        probabilities = allocateZeros(batchSize * classes)
        scores = allocateZeros(self.threads * classes)
    }

    deinit {
        st_free(probabilities)
        st_free(scores)
    }

    /// Asks every teacher about image `image` of the batch.
    func ask(_ image: Int, _ pixels: UnsafeRawBufferPointer, thread: Int) throws {
        let given = UnsafeMutableBufferPointer(start: scores + thread * classes, count: classes)
        let mean = probabilities + image * classes
        mean.update(repeating: 0, count: classes)
        var softmax = LogSoftmax(classes)
        for teacher in teachers {
            try teacher.answer(pixels, into: given, thread: thread)
            softmax.take(given.baseAddress!, temperature: Double(temperature))
            for index in 0..<classes { mean[index] += Float(exp(softmax.values[index]) / Double(teachers.count)) }
        }
    }

    func answers(for image: Int) -> UnsafePointer<Float> { UnsafePointer(probabilities + image * classes) }

    /// "10 (airplane, automobile, bird, ...)".
    private static func summary(_ names: [String]) -> String {
        "\(names.count) (\(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", ..." : ""))"
    }
}
