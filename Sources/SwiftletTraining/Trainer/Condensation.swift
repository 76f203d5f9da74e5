/// CondenseNet's learning of groups: group lasso, and the stages in which inputs are dropped.
///
/// Huang et al. 2018 (arXiv:1711.09224), sections 3.1 and 3.2: over the first half of training, `factor - 1` stages drop
/// `1 / factor` of the inputs of each group, those with the least L1 norm. What it does not do: change the graph; the
/// quantizer's pass reads the masks.
import SwiftletGraph

struct CondensationSchedule {
    let epochs: Int

    /// How many stages are over when `epoch` (from 0) begins.
    func stages(before epoch: Int, factor: Int) -> Int {
        let stage = epoch * 2 * (factor - 1) / max(epochs, 1)
        return min(stage, factor - 1)
    }
}

extension Engine {
    /// Drops inputs until `stages` stages are over for every learned group convolution.
    func condense(epoch: Int, schedule: CondensationSchedule) {
        for (weight, mask, node) in masks {
            guard case .learnedGroupConvolution(let convolution) = node.operation else { continue }
            let inputs = weight.shape[1]
            let stages = schedule.stages(before: epoch, factor: convolution.condensationFactor)
            let dropped = inputs / convolution.condensationFactor * stages
            let rows = weight.shape[0] / convolution.groups
            func place(_ row: Int, _ input: Int) -> Int { weight.layout.position(row * inputs + input) }
            for group in 0..<convolution.groups {
                let first = group * rows
                func norm(_ input: Int) -> Float {
                    (first..<(first + rows)).reduce(0) { $0 + abs(weight.values[place($1, input)]) }
                }
                var alive = (0..<inputs).filter { mask.values[place(first, $0)] != 0 }
                alive.sort { (norm($0), $0) < (norm($1), $1) }
                let excess = alive.count - (inputs - dropped)
                for input in alive.prefix(max(excess, 0)) {
                    for row in first..<(first + rows) {
                        let index = place(row, input)
                        mask.values[index] = 0
                        weight.values[index] = 0
                        weight.moments[0][index] = 0
                        weight.moments[1][index] = 0
                    }
                }
            }
        }
    }

    /// Adds the gradient of the group lasso and keeps dropped weights at zero.
    func regularizeGroups(lasso: Float) {
        for (weight, mask, node) in masks {
            guard case .learnedGroupConvolution(let convolution) = node.operation else { continue }
            let inputs = weight.shape[1]
            let rows = weight.shape[0] / convolution.groups
            let gradient = weight.gradients[0]
            for group in 0..<convolution.groups {
                let first = group * rows
                for input in 0..<inputs {
                    let places = (first..<(first + rows)).map { weight.layout.position($0 * inputs + input) }
                    let square = places.reduce(0) { $0 + weight.values[$1] * weight.values[$1] }
                    let factor = square > 0 ? lasso / square.squareRoot() : 0
                    for index in places {
                        gradient[index] = (gradient[index] + factor * weight.values[index]) * mask.values[index]
                    }
                }
            }
        }
    }
}
