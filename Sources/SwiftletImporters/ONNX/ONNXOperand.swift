/// What a name in an ONNX file stands for while its nodes are taken over, and what nodes are asked for.
///
/// What it does not do: build the graph; `ONNXImporter` does.
import SwiftletGraph

enum ONNXOperand {
    case constant(ONNXTensor)
    case map(LaidOutMap)
    /// Made by a node that could not be taken over, or from what such a node makes.
    case unknown
}

/// Attributes with their defaults.
extension ONNXNode {
    private func wrong(_ name: String, _ what: String) -> Refusal {
        Refusal("its attribute \(name) is no \(what); export the model again")
    }

    func integer(_ name: String, default standard: Int) throws -> Int {
        switch attributes[name] {
        case nil: return standard
        case .integer(let value): return value
        default: throw wrong(name, "integer")
        }
    }

    func integers(_ name: String) throws -> [Int]? {
        switch attributes[name] {
        case nil: return nil
        case .integers(let values): return values
        default: throw wrong(name, "list of integers")
        }
    }

    func float(_ name: String, default standard: Float) throws -> Float {
        switch attributes[name] {
        case nil: return standard
        case .float(let value) where value.isFinite: return value
        default: throw wrong(name, "finite number")
        }
    }

    func text(_ name: String, default standard: String) throws -> String {
        switch attributes[name] {
        case nil: return standard
        case .text(let value): return value
        default: throw wrong(name, "text")
        }
    }

    /// Whether an output beyond the first is named.
    var hasFurtherOutputs: Bool { outputs.dropFirst().contains { !$0.isEmpty } }
}
