/// Why a part of a network cannot be taken over, how several reasons are told at once, and the error that they become where the
/// file is known.
///
/// What it does not do: find reasons; translators do.
import SwiftletGraph

/// Why a node cannot be taken over; its name and operator are added by who catches it.
struct Refusal: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

/// A node that cannot be taken over.
struct ImportProblem {
    /// What it is called, with its operator.
    var node: String
    var type: String
    var reason: String

    /// In the order of the file; nodes of one operator that are refused for one reason are told together.
    static func lines(_ problems: [ImportProblem]) -> [String] {
        let groups = Dictionary(grouping: problems.indices) { [problems[$0].type, problems[$0].reason] }
        return groups.values.sorted { $0[0] < $1[0] }.map { indices in
            let first = problems[indices[0]]
            let others = indices.count > 1 ? " and \(indices.count - 1) more" : ""
            return "\(first.node)\(others): \(first.reason)"
        }
    }
}

/// Everything that stands in the way of a network, found by a walk that went on behind each refusal.
struct Refusals: Error {
    var lines: [String]

    /// - Throws: if there are any.
    static func check(_ problems: [ImportProblem]) throws {
        guard problems.isEmpty else { throw Refusals(lines: ImportProblem.lines(problems)) }
    }
}

/// A graph with its parameters, all finite, out of a translator.
///
/// - Throws: `ImportError`, with what the translator has refused.
func importedGraph(_ path: String, _ translate: () throws -> Graph) throws -> Graph {
    let graph: Graph
    do {
        graph = try translate()
    } catch let refusal as Refusal {
        throw ImportError.unsupported(file: path, problems: [refusal.reason])
    } catch let refusals as Refusals {
        throw ImportError.unsupported(file: path, problems: refusals.lines)
    }
    do {
        try graph.checkParameters()
    } catch {
        throw ImportError.badFile(file: path, reason: "\(error)")
    }
    return graph
}
