/// Which classes a model takes for which, and where two models differ.
///
/// What it does not do: print.
import SwiftletTraining

/// Pictures of one class that a model takes for another.
public struct Confusion: Sendable, Codable, Equatable {
    public var actual: String
    public var answer: String
    public var count: Int
    /// A few of the pictures.
    public var pictures: [String]
}

/// A picture to which two models give different answers.
public struct Difference: Sendable, Codable, Equatable {
    public var picture: String
    public var actual: String
    public var answer: String
    public var other: String
    /// By how much the model's score of its own answer is above that of the other's answer; 0 for a tie.
    public var margin: Float
}

extension EvaluationResult {
    /// `[actual][answer]`: how many pictures of a class were taken for which.
    public var confusionMatrix: [[Int]] {
        let classes = scores.first?.count ?? 0
        var matrix = Array(repeating: Array(repeating: 0, count: classes), count: classes)
        for (label, answer) in zip(labels, answers) where label < classes { matrix[label][answer] += 1 }
        return matrix
    }

    /// The wrong answers that are given most often, at most `count` kinds of them with `pictures` pictures each.
    public func confusions(_ count: Int, pictures: Int = 3, on dataSet: any DataSet) -> [Confusion] {
        var found: [[Int]: [Int]] = [:]
        for (index, (label, answer)) in zip(labels, answers).enumerated() where label != answer {
            found[[label, answer], default: []].append(index)
        }
        let order = found.sorted { ($1.value.count, $0.key[0], $0.key[1]) < ($0.value.count, $1.key[0], $1.key[1]) }
        return order.prefix(count).map { pair, indices in
            Confusion(
                actual: dataSet.classNames[pair[0]], answer: dataSet.classNames[pair[1]], count: indices.count,
                pictures: indices.prefix(pictures).map { dataSet.pictureName(at: $0) })
        }
    }

    /// The pictures to which `other` gives another answer, those first of which this model is surest.
    public func differences(from other: EvaluationResult, on dataSet: any DataSet) -> [Difference] {
        answers.indices.filter { answers[$0] != other.answers[$0] }.map { index in
            Difference(
                picture: dataSet.pictureName(at: index), actual: dataSet.classNames[labels[index]],
                answer: dataSet.classNames[answers[index]], other: dataSet.classNames[other.answers[index]],
                margin: scores[index][answers[index]] - scores[index][other.answers[index]])
        }.sorted { ($1.margin, $0.picture) < ($0.margin, $1.picture) }
    }
}
