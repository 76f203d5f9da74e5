/// Which buffer each producer writes into, and at which byte of a pixel each of its channels lies.
///
/// Channels that one operand reads together lie in one buffer: a concat is producers that write side by side, a shuffle or
/// a split is just the slots that the next operator names. A producer may take over the slots of channels that nobody reads
/// any more at that row; so ShuffleNetV2's trunk is transformed in place and its untouched half never moves. A channel of 16 bits
/// has two bytes and is known by the first.
/// What it does not do: give the buffers rows or places; the planner does.

struct BufferAssignment {
    /// One a buffer: bytes of a pixel.
    private(set) var pixelBytes: [Int] = []
    /// One a producer.
    private(set) var buffer: [Int] = []
    /// The slot of each channel of each producer: its first byte.
    private(set) var slots: [[Int]] = []

    private let network: LoweredNetwork
    /// Whose rows each operation waits for.
    private let producers: [[Int]]
    /// The operations that read each channel of each producer; an operation counts from 0.
    private var readers: [[Set<Int>]]
    private var outputs: Set<ChannelReference>

    init(_ network: LoweredNetwork) {
        self.network = network
        producers = network.operations.map { network.producers(of: $0) }
        let producerCount = network.producerCount
        readers = (0..<producerCount).map { producer in
            Array(repeating: [], count: network.shape(of: producer).channels)
        }
        for (index, operation) in network.operations.enumerated() {
            for reference in operation.operands.joined() {
                readers[reference.producer][reference.channel].insert(index)
            }
        }
        outputs = Set(network.outputs.flatMap(\.channels))
        assignBuffers(producerCount)
        assignSlots(producerCount)
    }

    /// The slots of an operand's channels, in the operand's order.
    func slots(of operand: [ChannelReference]) -> [Int] { operand.map { slots[$0.producer][$0.channel] } }

    private mutating func assignBuffers(_ producerCount: Int) {
        var sets = DisjointSets(count: producerCount)
        for operand in network.operations.flatMap(\.operands) + network.outputs.map(\.channels) {
            for reference in operand.dropFirst() { sets.join(operand[0].producer, reference.producer) }
        }
        var number: [Int: Int] = [:]
        for producer in 0..<producerCount {
            let root = sets.root(producer)
            number[root] = number[root] ?? number.count
            buffer.append(number[root]!)
        }
        pixelBytes = Array(repeating: 0, count: number.count)
    }

    private mutating func assignSlots(_ producerCount: Int) {
        slots = Array(repeating: [], count: producerCount)
        let pieces = piecesOfConcats()
        for producer in 0..<producerCount {
            let count = network.shape(of: producer).channels
            let size = network.channelBytes(of: producer)
            var chosen: [Int]
            if let first = pieces[producer] {
                chosen = (0..<count).map { first + $0 * size }
            } else if size > 1 {
                chosen = (0..<count).map { pixelBytes[buffer[producer]] + $0 * size }
            } else {
                let free = reusableSlots(for: producer)
                chosen = Self.choose(count, free: free, end: pixelBytes[buffer[producer]])
            }
            pixelBytes[buffer[producer]] = max(pixelBytes[buffer[producer]], (chosen.last ?? -size) + size)
            if let operation = network.operation(of: producer),
                let order = channelwiseOrder(of: operation) ?? orderOfReader(of: producer)
            {
                var ordered = chosen
                for (rank, channel) in order.enumerated() { ordered[channel] = chosen[rank] }
                chosen = ordered
            }
            slots[producer] = chosen
        }
    }

    /// The first slot of each producer of buffers that one operand reads whole, every channel of every producer once: they lie in
    /// the order in which that operand names them first, so that a concat in the order of its operands needs no table.
    private func piecesOfConcats() -> [Int: Int] {
        var channelCounts = [Int](repeating: 0, count: pixelBytes.count)
        for producer in buffer.indices { channelCounts[buffer[producer]] += network.shape(of: producer).channels }
        var first: [Int: Int] = [:]
        for operand in network.operations.flatMap(\.operands) {
            let index = buffer[operand[0].producer]
            guard operand.count == channelCounts[index], first[operand[0].producer] == nil,
                Set(operand).count == operand.count
            else { continue }
            var end = 0
            for reference in operand where first[reference.producer] == nil {
                first[reference.producer] = end
                end += network.shape(of: reference.producer).channels * network.channelBytes(of: reference.producer)
            }
        }
        return first
    }

    /// The output channels of a convolution in the order in which a grouped convolution reads them. One that is not grouped writes in any
    /// order without a table; one that is needs a table on one side, and a kernel of several rows would follow it again for each.
    private func orderOfReader(of producer: Int) -> [Int]? {
        guard let writer = network.operation(of: producer), case .convolution(_, let groups) = writer.kind else {
            return nil
        }
        let channels = network.shape(of: producer).channels
        for operation in network.operations {
            guard case .convolution(_, let readerGroups) = operation.kind, readerGroups > 1,
                groups == 1 || operation.window.kernel.height > 1
            else { continue }
            let order = operation.operands[0].filter { $0.producer == producer }.map(\.channel)
            if order.count == channels, Set(order).count == channels { return order }
        }
        return nil
    }

    /// The output channels of an operation that keeps channels apart, in the order of the slots that they read: then both are
    /// consecutive.
    private func channelwiseOrder(of operation: LoweredOperation) -> [Int]? {
        guard operation.keepsChannelsApart else { return nil }
        let inputs = slots(of: operation.operands[0])
        guard inputs.count == operation.outputShape.channels else { return nil }
        return inputs.indices.sorted { (inputs[$0], $0) < (inputs[$1], $1) }
    }

    /// `count` ascending slots: a run of free ones if there is one, else the free ones and then new ones.
    private static func choose(_ count: Int, free: [Int], end: Int) -> [Int] {
        var start = 0
        for index in free.indices {
            if index > start, free[index] != free[index - 1] + 1 { start = index }
            if index - start + 1 == count { return Array(free[start...index]) }
        }
        let reused = free.prefix(count)
        return Array(reused) + (end..<(end + count - reused.count))
    }

    /// Slots of the producer's buffer whose channels are dead at every row by the time that the producer writes it.
    private func reusableSlots(for producer: Int) -> [Int] {
        guard producer >= network.inputs.count else { return [] }
        var occupied = Set<Int>()
        var dead = Set<Int>()
        var passed: [Int: Bool] = [:]
        lazy var guaranteed = guaranteedRows(before: producer - network.inputs.count)
        for other in 0..<producer where buffer[other] == buffer[producer] {
            for (channel, slot) in slots[other].enumerated() {
                let reference = ChannelReference(producer: other, channel: channel)
                // A channel without readers gives no sign that it has been written.
                let isDead =
                    !outputs.contains(reference) && !readers[other][channel].isEmpty
                    && readers[other][channel].allSatisfy { reader in
                        if let known = passed[reader] { return known }
                        let answer = hasPassed(reader, guaranteed: guaranteed)
                        passed[reader] = answer
                        return answer
                    }
                // A slot may have had several owners; the last one decides.
                let bytes = slot..<(slot + network.channelBytes(of: other))
                if isDead { dead.formUnion(bytes) } else { occupied.formUnion(bytes) }
            }
        }
        return dead.subtracting(occupied).sorted()
    }

    /// For each row that `writer` makes: how many rows every operation has made by then, at least.
    private func guaranteedRows(before writer: Int) -> [[Int]] {
        (0..<network.operations[writer].outputShape.height).map { row in
            var rows = [Int](repeating: 0, count: writer + 1)
            rows[writer] = row + 1
            for index in stride(from: writer, through: 0, by: -1) where rows[index] > 0 {
                let operation = network.operations[index]
                let needed = operation.lastInputRow(for: rows[index] - 1) + 1
                for producer in producers[index] where producer >= network.inputs.count {
                    rows[producer - network.inputs.count] = max(rows[producer - network.inputs.count], needed)
                }
            }
            rows[writer] = row
            return rows
        }
    }

    /// Whether `reader` never looks at row `r` again once the writer makes it, for every row.
    private func hasPassed(_ reader: Int, guaranteed: [[Int]]) -> Bool {
        let operation = network.operations[reader]
        return guaranteed.enumerated().allSatisfy { row, rows in
            reader < rows.count - 1 && operation.firstInputRow(done: rows[reader]) > row
        }
    }
}

extension LoweredOperation {
    /// The lowest input row that output row `row` reads for certain; -1 where a table or a repeated row decides.
    func lastInputRow(for row: Int) -> Int {
        if case .mean = kind { return inputShape.height - 1 }
        guard slidesWindow else { return -1 }
        let bottom =
            row * window.stride.height - window.padding.top + (window.kernel.height - 1) * window.dilation.height
        return min(bottom, inputShape.height - 1)
    }

    /// The first input row that may still be read when `done` rows are made.
    func firstInputRow(done: Int) -> Int {
        if done >= outputShape.height { return Int.max }
        if case .mean = kind { return 0 }
        guard slidesWindow else { return 0 }
        return max(0, done * window.stride.height - window.padding.top)
    }
}

/// Union-find with path halving.
struct DisjointSets {
    private var parent: [Int]

    init(count: Int) { parent = Array(0..<count) }

    mutating func root(_ element: Int) -> Int {
        var element = element
        while parent[element] != element {
            parent[element] = parent[parent[element]]
            element = parent[element]
        }
        return element
    }

    /// The smaller root becomes the root of both.
    mutating func join(_ first: Int, _ second: Int) {
        let (a, b) = (root(first), root(second))
        parent[max(a, b)] = min(a, b)
    }
}
