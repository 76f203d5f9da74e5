/// The loss of a classifier: softmax and cross-entropy with the labels and, where there are teachers, with their answers.
///
/// What it does not do: run a network; it reads an engine's output and writes its gradient.
import Foundation

struct CrossEntropy {
    struct Result {
        /// Summed over the images.
        var loss = 0.0
        var correct = 0
        var images = 0

        mutating func add(_ other: Result) {
            loss += other.loss
            correct += other.correct
            images += other.images
        }
    }

    /// One a image of the batch.
    var labels: [Int]
    /// The share of the target that goes to all classes alike (Szegedy et al. 2016, section 7).
    var smoothing: Float
    /// Has been asked about every image of the batch; nil where labels are all.
    var teaching: Teaching?

    /// The loss of the share's images, and its gradient, divided by the batch, into the output's.
    func evaluate(_ output: Map, _ share: Share) -> Result {
        let classes = output.shape.elementCount
        var result = Result()
        var (plain, soft) = (LogSoftmax(classes), LogSoftmax(classes))
        for image in share.images {
            let logits = output.values(from: image)
            let gradient = output.gradient.map { $0 + image * classes }
            plain.take(logits, temperature: 1)
            let taughtShare = Double(teaching?.share ?? 0)
            let rest = Double(smoothing) / Double(classes)
            for index in 0..<classes {
                let target = rest + (index == labels[image] ? 1 - Double(smoothing) : 0)
                result.loss -= (1 - taughtShare) * target * plain.values[index]
                gradient?[index] = Float((1 - taughtShare) * (exp(plain.values[index]) - target) / Double(share.batch))
            }
            if let teaching {
                let temperature = Double(teaching.temperature)
                let targets = teaching.answers(for: image)
                soft.take(logits, temperature: temperature)
                // Soft targets' gradients shrink with the square of the temperature: multiplied back, their share of the
                // loss means the same at every temperature.
                for index in 0..<classes {
                    let target = Double(targets[index])
                    let distance = target > 0 ? target * (log(target) - soft.values[index]) : 0
                    result.loss += taughtShare * temperature * temperature * distance
                    gradient?[index] += Float(
                        taughtShare * temperature * (exp(soft.values[index]) - target) / Double(share.batch))
                }
            }
            result.correct += plain.best == labels[image] ? 1 : 0
            result.images += 1
        }
        return result
    }
}

/// Logarithms of the probabilities that scores stand for.
struct LogSoftmax {
    private(set) var values: [Double]
    /// The class with the highest score; the first of equals.
    private(set) var best = 0

    init(_ classes: Int) { values = Array(repeating: 0, count: classes) }

    mutating func take(_ scores: UnsafePointer<Float>, temperature: Double) {
        best = 0
        for index in values.indices where scores[index] > scores[best] { best = index }
        var sum = 0.0
        for index in values.indices {
            values[index] = Double(scores[index] - scores[best]) / temperature
            sum += exp(values[index])
        }
        let logSum = log(sum)
        for index in values.indices { values[index] -= logSum }
    }
}
