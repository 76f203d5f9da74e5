/// How a network is trained: everything that, with the seed and the data, decides the outcome.
///
/// What it does not do: name files or data; the command does.
import Foundation

public struct TrainingConfiguration: Hashable, Sendable, Codable {
    public enum Optimizer: String, Hashable, Sendable, Codable, CaseIterable {
        /// Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013).
        case sgd
        /// Adam with decoupled weight decay (Loshchilov and Hutter 2019); betas 0.9 and 0.999.
        case adamW = "adamw"
    }

    public var epochs = 30
    public var batchSize = 128
    public var optimizer = Optimizer.sgd
    /// The peak, reached after the warm-up.
    public var learningRate: Float = 0.1
    public var momentum: Float = 0.9
    /// Of weights only: batch norm's parameters and biases do not decay.
    public var weightDecay: Float = 5e-4
    public var labelSmoothing: Float = 0.1
    /// The rate rises linearly over this many epochs, then falls as a cosine to zero.
    public var warmUpEpochs: Float = 1
    /// Group lasso on learned group convolutions (Huang et al. 2018, section 3.1).
    public var groupLasso: Float = 1e-5
    public var seed: UInt64 = 1
    public var augmentation = Augmentation.none
    public var threads = 2
    public var precision = ProductPrecision.float32
    /// Trains the network as int8 will compute it; nil in float.
    public var quantization: Quantization?

    /// Learns from trained networks, too; nil from labels alone.
    public var distillation: Distillation?

    /// Of training that knows of int8.
    public struct Quantization: Hashable, Sendable, Codable {
        /// By how much of its width a range may move in a step, at the peak of the learning rate.
        public var rangeRate: Float = 1e-3
        /// After this share of the steps batch norms keep to their running statistics, those that the int8 network will have
        /// (Krishnamoorthi 2018, arXiv:1806.08342, section 3.2.2).
        public var batchStatistics = 0.5

        public init() {}
    }

    /// Of learning from teachers (Hinton et al. 2015, arXiv:1503.02531, section 2).
    public struct Distillation: Hashable, Sendable, Codable {
        public var teachers: [TeacherIdentity]
        /// By which the scores of both sides are divided before the softmax: the higher, the more the wrong answers say.
        public var temperature: Float
        /// The share of the loss that is the distance from the teachers; the rest is that from the labels.
        public var share: Float

        public init(teachers: [TeacherIdentity], temperature: Float = 4, share: Float = 0.9) {
            self.teachers = teachers
            self.temperature = temperature
            self.share = share
        }
    }

    public init() {}

    /// Sets what suits a network that is trained already and only learns to be int8: a few epochs at a tenth of the
    /// learning rate, and no group lasso.
    public mutating func beginQuantization() {
        quantization = Quantization()
        epochs = 3
        learningRate = 0.01
        warmUpEpochs = 0
        // Nothing is left to drop.
        groupLasso = 0
    }

    /// The learning rate at `epoch`, a fraction included (Loshchilov and Hutter 2017, without restarts).
    public func learningRate(at epoch: Double) -> Float {
        let warmUp = Double(warmUpEpochs)
        if epoch < warmUp { return learningRate * Float((epoch + 1e-3) / warmUp) }
        let progress = (epoch - warmUp) / max(Double(epochs) - warmUp, 1e-9)
        return learningRate * Float(0.5 * (1 + cos(Double.pi * min(progress, 1))))
    }
}
