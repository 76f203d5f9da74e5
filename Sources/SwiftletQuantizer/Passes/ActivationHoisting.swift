/// Moves activations in front of concats: `relu(concat(a, b))` becomes `concat(relu(a), relu(b))`.
///
/// Each producer can then clamp its own share, and the concat costs nothing. What it does not do: fuse; lowering does.
import SwiftletGraph

extension Graph {
    /// The same network with no activation that alone reads a concat.
    public func hoistingActivations() throws -> Graph {
        var hoisted: Set<String> = []
        return try GraphRewriter.rewrite(self) { rewriter, node in
            if hoisted.contains(node.name) { return }
            guard case .concat = node.operation, let reader = onlyConsumer(of: node.outputs[0]),
                case .activation = reader.operation
            else { return try rewriter.keep(node) }
            let inputs = try node.inputs.enumerated().map { position, input in
                try rewriter.append(
                    reader.operation, name: "\(reader.name).\(position)", inputs: [rewriter[input]])[0]
            }
            let output = try rewriter.append(.concat, name: node.name, inputs: inputs)[0]
            rewriter.replace(reader.outputs[0], with: output)
            hoisted.insert(reader.name)
        }
    }
}
