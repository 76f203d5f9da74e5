/// What a training run tells of itself: a line while it works, a row for each epoch.
import Foundation

/// One moment of a run.
public struct TrainingProgress: Sendable {
    /// Counted from 1.
    public var epoch: Int
    public var epochs: Int
    public var step: Int
    public var steps: Int
    public var imagesPerSecond: Double
    public var secondsLeft: Double
    /// Of this epoch so far.
    public var loss: Double
    public var accuracy: Double
    public var learningRate: Float

    /// "epoch 3/30   210/390   512 images/s   ETA 12:40   loss 1.234   accuracy 61.2 %"
    public var line: String {
        let seconds = Int(secondsLeft.rounded())
        let time =
            seconds >= 3600
            ? String(format: "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60)
            : String(format: "%d:%02d", seconds / 60, seconds % 60)
        return String(
            format: "epoch %d/%d  step %d/%d  %.0f images/s  ETA %@  loss %.4f  accuracy %.2f %%", epoch, epochs, step,
            steps, imagesPerSecond, time, loss, accuracy * 100)
    }
}

/// One finished epoch.
public struct EpochMetrics: Hashable, Sendable, Codable {
    public var epoch: Int
    public var learningRate: Float
    public var trainingLoss: Double
    public var trainingAccuracy: Double
    /// Of the validation set; nil without one.
    public var validationLoss: Double?
    public var validationAccuracy: Double?
    public var imagesPerSecond: Double

    public static let csvHeader =
        "epoch,learning_rate,training_loss,training_accuracy,validation_loss,validation_accuracy,images_per_second"

    public var csvRow: String {
        func text(_ value: Double?) -> String { value.map { String(format: "%.6f", $0) } ?? "" }
        return "\(epoch),\(learningRate),\(text(trainingLoss)),\(text(trainingAccuracy)),\(text(validationLoss)),"
            + "\(text(validationAccuracy)),\(String(format: "%.1f", imagesPerSecond))"
    }
}
