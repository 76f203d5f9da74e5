/// Takes dropout out of a network: it does nothing in inference.
///
/// What it does not do: rescale; training has scaled already.
import SwiftletGraph

extension Graph {
    /// The same network without its dropout nodes.
    public func removingDropout() throws -> Graph {
        try GraphRewriter.rewrite(self) { rewriter, node in
            if case .dropout = node.operation {
                rewriter.replace(node.outputs[0], with: rewriter[node.inputs[0]])
            } else {
                try rewriter.keep(node)
            }
        }
    }
}
