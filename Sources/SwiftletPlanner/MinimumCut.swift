/// The cheapest set of edges that parts some nodes of a directed graph from others (Dinic 1970; the cut is the largest flow,
/// Ford and Fulkerson 1956).
///
/// What it does not do: know rows or buffers.

struct FlowGraph: Sendable {
    /// Of an edge that no cut may take. Small enough that sums of a few do not overflow.
    static let unlimited = Int.max / 8

    private var first: [Int32]
    private var next: [Int32] = []
    private var target: [Int32] = []
    private var capacity: [Int] = []

    init(nodeCount: Int) { first = Array(repeating: -1, count: nodeCount) }

    var nodeCount: Int { first.count }

    mutating func addNodes(_ count: Int) -> Int {
        first += Array(repeating: -1, count: count)
        return first.count - count
    }

    /// An edge, and its way back that only flow opens.
    mutating func addEdge(from: Int, to: Int, capacity: Int) {
        append(from, to, capacity)
        append(to, from, 0)
    }

    private mutating func append(_ from: Int, _ to: Int, _ capacity: Int) {
        target.append(Int32(to))
        self.capacity.append(capacity)
        next.append(first[from])
        first[from] = Int32(target.count - 1)
    }

    /// The capacity of the cheapest cut between `source` and `sink`.
    func minimumCut(from source: Int, to sink: Int) -> Int { contracted(source, sink).largestFlow() }

    /// The source, the sink and what is between them: what no cut can part from the source is the source, node 0, and what no
    /// cut can part from the sink is the sink, node 1. (CondenseNet-74: an eighth of the time.)
    private func contracted(_ source: Int, _ sink: Int) -> FlowGraph {
        var place = [Int](repeating: -1, count: nodeCount)
        func spread(from end: Int, as number: Int, _ isUnlimited: (_ edge: Int) -> Bool) {
            place[end] = number
            var rest = [end]
            while let node = rest.popLast() {
                forEachEdge(of: node) { edge in
                    let other = Int(target[edge])
                    guard place[other] < 0, isUnlimited(edge) else { return }
                    place[other] = number
                    rest.append(other)
                }
            }
        }
        spread(from: source, as: 0) { capacity[$0] >= Self.unlimited }
        spread(from: sink, as: 1) { capacity[$0 ^ 1] >= Self.unlimited }
        var count = 2
        for node in place.indices where place[node] < 0 {
            place[node] = count
            count += 1
        }
        var result = FlowGraph(nodeCount: count)
        for edge in stride(from: 0, to: target.count, by: 2) where capacity[edge] > 0 {
            let (from, to) = (place[Int(target[edge ^ 1])], place[Int(target[edge])])
            if from != to, from != 1, to != 0 { result.addEdge(from: from, to: to, capacity: capacity[edge]) }
        }
        return result
    }

    private func forEachEdge(of node: Int, _ body: (_ edge: Int) -> Void) {
        var edge = Int(first[node])
        while edge >= 0 {
            body(edge)
            edge = Int(next[edge])
        }
    }

    /// What can go from node 0 to node 1.
    private func largestFlow() -> Int {
        var residual = capacity
        var flow = 0
        while let level = levels(residual, 0, 1) {
            flow += residual.withUnsafeMutableBufferPointer { fill($0, level, 0, 1) }
        }
        return flow
    }

    /// Edges from the source to each node on the shortest way with room; nil when the sink cannot be reached.
    private func levels(_ residual: [Int], _ source: Int, _ sink: Int) -> [Int32]? {
        var level = [Int32](repeating: -1, count: nodeCount)
        level[source] = 0
        var queue = [Int32(source)]
        var taken = 0
        while taken < queue.count {
            let node = Int(queue[taken])
            taken += 1
            forEachEdge(of: node) { edge in
                let to = Int(target[edge])
                guard residual[edge] > 0, level[to] < 0 else { return }
                level[to] = level[node] + 1
                queue.append(Int32(to))
            }
        }
        return level[sink] < 0 ? nil : level
    }

    /// Sends what all shortest ways can take together.
    private func fill(
        _ residual: UnsafeMutableBufferPointer<Int>, _ level: [Int32], _ source: Int, _ sink: Int
    ) -> Int {
        // The edge of each node that is tried next: those before it lead nowhere any more.
        var edge = first
        var path: [Int] = []
        var flow = 0
        var node = source
        while true {
            if node == sink {
                let amount = path.reduce(Int.max) { min($0, residual[$1]) }
                flow += amount
                for step in path {
                    residual[step] -= amount
                    residual[step ^ 1] += amount
                }
                // On from where the first full edge began.
                let full = path.firstIndex { residual[$0] == 0 }!
                node = Int(target[path[full] ^ 1])
                path.removeSubrange(full...)
                continue
            }
            let candidate = Int(edge[node])
            if candidate < 0 {
                // A dead end: go back and leave the edge that led here.
                guard let last = path.popLast() else { return flow }
                node = Int(target[last ^ 1])
                edge[node] = next[last]
            } else if residual[candidate] > 0, level[Int(target[candidate])] == level[node] + 1 {
                path.append(candidate)
                node = Int(target[candidate])
            } else {
                edge[node] = next[candidate]
            }
        }
    }
}
