/// Which operators of a graph of integers may read and make maps of 16 bits.
///
/// What it does not do: check shapes; `check()` does.
import SwiftletGraph

extension QuantizedGraph {
    /// - Throws: `ConversionError.wrongInput` with the node, its operator and the map that it cannot have.
    func checkBits(of node: Node) throws {
        let inputs = node.inputs.map { values[$0] }
        let output = values[node.output]
        guard output.isWide || inputs.contains(where: \.isWide) else { return }
        let isFine =
            switch node.operation {
            case .convolution, .mean: true
            case .binary(let binary): binary.kind == .add && binary.constant == nil && haveOneShape(inputs + [output])
            case .maxPool, .averagePool, .concatenateChannels, .selectChannels:
                inputs.allSatisfy { $0.isWide == output.isWide }
            default: false
            }
        guard isFine else {
            let maps = (inputs + [output]).filter(\.isWide).map(\.name).joined(separator: ", ")
            throw ConversionError.wrongInput(
                reason: "\(node.name) (\(node.operation.name)) has no form of 16 bits for \(maps); make them int8")
        }
    }

    private func haveOneShape(_ values: [Value]) -> Bool { values.allSatisfy { $0.shape == values[0].shape } }
}
