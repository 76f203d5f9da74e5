/// Why a part of a network cannot be taken over, and how several reasons are told at once.
///
/// What it does not do: name files; `ImportError` does.

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
