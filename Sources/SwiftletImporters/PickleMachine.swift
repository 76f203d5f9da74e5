/// Runs the pickles that `torch.save` writes for state dicts, and nothing else.
///
/// A pickle is a program for a stack machine that may call any function of Python. This machine knows the opcodes that
/// build dictionaries, lists and tuples of numbers, texts and tensors; every other opcode and every other name is refused
/// by name. Opcodes: CPython's Lib/pickletools.py. PyTorch's use of them: torch/serialization.py.
/// What it does not do: load storages (`TorchFile` does), or make objects.

struct PickleMachine {
    private let file: String
    private var cursor: ByteCursor
    private var stack: [PickleValue] = []
    private var memo: [Int: PickleValue] = [:]
    private(set) var tuples: [[PickleValue]] = []
    private(set) var lists: [[PickleValue]] = []
    private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    private(set) var storages: [PickleStorage] = []
    private(set) var tensors: [PickleTensor] = []

    init(_ cursor: ByteCursor, file: String) {
        self.cursor = cursor
        self.file = file
    }

    /// Where the pickle ended.
    var offset: Int { cursor.offset }

    /// Runs to the end of the pickle.
    ///
    /// - Returns: what it leaves.
    /// - Throws: `ImportError`.
    mutating func run() throws -> PickleValue {
        do {
            while true {
                let place = cursor.offset
                let code = try cursor.integer(UInt8.self)
                guard let opcode = PickleOpcode(rawValue: code) else {
                    let name = PickleOpcode.refused[code] ?? "an unknown opcode \(code)"
                    throw ImportError.unsafePickle(file: file, what: "\(name) at byte \(place)")
                }
                if opcode == .stop { return try pop() }
                try execute(opcode)
            }
        } catch let end as ByteCursor.EndOfBytes {
            throw damaged("it ends at byte \(end.offset), within the pickle")
        }
    }

    private func damaged(_ reason: String) -> ImportError { .badFile(file: file, reason: reason) }

    private func refuse(_ what: String) -> ImportError { .unsafePickle(file: file, what: what) }

    private mutating func execute(_ opcode: PickleOpcode) throws {
        switch opcode {
        case .proto:
            let version = try cursor.integer(UInt8.self)
            guard version <= 5 else { throw damaged("its pickle has version \(version), known are 0 to 5") }
        case .frame: try cursor.skip(8)
        case .stop: break
        case .mark: stack.append(.mark)
        case .pop: _ = try pop()
        case .none: stack.append(.none)
        case .newTrue: stack.append(.bool(true))
        case .newFalse: stack.append(.bool(false))
        case .binInt: stack.append(.integer(Int(try cursor.integer(Int32.self))))
        case .binInt1: stack.append(.integer(Int(try cursor.integer(UInt8.self))))
        case .binInt2: stack.append(.integer(Int(try cursor.integer(UInt16.self))))
        case .long1: try pushLong(Int(try cursor.integer(UInt8.self)))
        case .binFloat:
            stack.append(.number(Double(bitPattern: UInt64(bigEndian: try cursor.integer(UInt64.self)))))
        case .binUnicode: stack.append(.text(try cursor.text(Int(try cursor.integer(UInt32.self)))))
        case .shortBinUnicode, .shortBinString:
            stack.append(.text(try cursor.text(Int(try cursor.integer(UInt8.self)))))
        case .binString: stack.append(.text(try cursor.text(Int(try cursor.integer(Int32.self)))))
        case .emptyTuple: pushTuple([])
        case .tuple1: pushTuple([try pop()])
        case .tuple2: try pushTuple(last: 2)
        case .tuple3: try pushTuple(last: 3)
        case .tuple: pushTuple(try popToMark())
        case .emptyList:
            lists.append([])
            stack.append(.list(lists.count - 1))
        case .append: try extendList(by: [pop()])
        case .appends: try extendList(by: popToMark())
        case .emptyDict: pushDictionary()
        case .setItem:
            let value = try pop()
            try extendDictionary(by: [pop(), value])
        case .setItems: try extendDictionary(by: popToMark())
        case .binPut: memo[Int(try cursor.integer(UInt8.self))] = try top()
        case .longBinPut: memo[Int(try cursor.integer(UInt32.self))] = try top()
        case .memoize: memo[memo.count] = try top()
        case .binGet: try recall(Int(try cursor.integer(UInt8.self)))
        case .longBinGet: try recall(Int(try cursor.integer(UInt32.self)))
        case .global: try pushGlobal(module: cursor.line(), name: cursor.line())
        case .stackGlobal:
            guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
                throw damaged("a name in its pickle is no text")
            }
            try pushGlobal(module: module, name: name)
        case .binPersID: try pushStorage(pop())
        case .reduce:
            let arguments = try pop()
            try call(pop(), with: arguments)
        case .build: _ = try pop()  // Attributes of a dictionary, such as a state dict's `_metadata`: not needed.
        }
    }

    private mutating func pop() throws -> PickleValue {
        guard let value = stack.popLast(), value != .mark else { throw damaged("its pickle takes what it never put") }
        return value
    }

    private func top() throws -> PickleValue {
        guard let value = stack.last, value != .mark else { throw damaged("its pickle keeps what it never put") }
        return value
    }

    private mutating func popToMark() throws -> [PickleValue] {
        guard let mark = stack.lastIndex(of: .mark) else { throw damaged("its pickle lacks a mark") }
        let values = Array(stack[(mark + 1)...])
        stack.removeSubrange(mark...)
        return values
    }

    private mutating func recall(_ index: Int) throws {
        guard let value = memo[index] else { throw damaged("its pickle recalls \(index), which it never kept") }
        stack.append(value)
    }

    private mutating func pushLong(_ count: Int) throws {
        let bytes = Array(cursor.bytes[try cursor.range(count)])
        guard count <= 8 else { return stack.append(.bigInteger(bytes)) }
        let fill: UInt8 = (bytes.last ?? 0) & 0x80 == 0 ? 0 : 0xFF
        let bits = (0..<8).reduce(UInt64(0)) { $0 | UInt64($1 < count ? bytes[$1] : fill) << UInt64(8 * $1) }
        stack.append(.integer(Int(Int64(bitPattern: bits))))
    }

    private mutating func pushTuple(_ values: [PickleValue]) {
        tuples.append(values)
        stack.append(.tuple(tuples.count - 1))
    }

    private mutating func pushTuple(last count: Int) throws {
        var values: [PickleValue] = []
        for _ in 0..<count { values.append(try pop()) }
        pushTuple(values.reversed())
    }

    private mutating func pushDictionary() {
        dictionaries.append([])
        stack.append(.dictionary(dictionaries.count - 1))
    }

    private mutating func extendList(by values: [PickleValue]) throws {
        guard case .list(let index) = try top() else { throw damaged("its pickle appends to what is no list") }
        lists[index] += values
    }

    private mutating func extendDictionary(by values: [PickleValue]) throws {
        guard case .dictionary(let index) = try top(), values.count % 2 == 0 else {
            throw damaged("its pickle sets items of what is no dictionary")
        }
        for pair in stride(from: 0, to: values.count, by: 2) {
            dictionaries[index].append((values[pair], values[pair + 1]))
        }
    }

    private mutating func pushGlobal(module: String, name: String) throws {
        guard let global = PickleGlobal(module: module, name: name) else { throw refuse("\(module).\(name)") }
        stack.append(.global(global))
    }

    /// PyTorch's persistent ids: ("storage", class, key, device, count, and in old files a view that is None).
    private mutating func pushStorage(_ value: PickleValue) throws {
        guard case .tuple(let index) = value, tuples[index].count >= 5, tuples[index][0] == .text("storage"),
            case .global(.storage(let kind)) = tuples[index][1], case .text(let key) = tuples[index][2],
            case .integer(let count) = tuples[index][4], count >= 0
        else { throw refuse("a persistent id that is no storage") }
        if tuples[index].count > 5, tuples[index][5] != .none { throw refuse("a view of a storage") }
        storages.append(PickleStorage(kind: kind, key: key, count: count))
        stack.append(.storage(storages.count - 1))
    }

    /// More dimensions than any tensor of a network has; tuples beyond it are not looked through.
    private static let dimensionLimit = 8

    private func integers(_ value: PickleValue) -> [Int]? {
        guard case .tuple(let index) = value, tuples[index].count <= Self.dimensionLimit else { return nil }
        let values = tuples[index].compactMap { if case .integer(let integer) = $0 { integer } else { nil } }
        return values.count == tuples[index].count ? values : nil
    }

    private mutating func call(_ function: PickleValue, with arguments: PickleValue) throws {
        guard case .tuple(let index) = arguments, case .global(let global) = function else {
            throw refuse("a call of what is no function")
        }
        let arguments = tuples[index]
        switch global {
        case .orderedDictionary:
            guard arguments.isEmpty else { throw refuse("collections.OrderedDict with arguments") }
            pushDictionary()
        case .rebuildTensor:
            guard arguments.count >= 4, case .storage(let storage) = arguments[0],
                case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
                let strides = integers(arguments[3]), shape.count == strides.count
            else { throw damaged("a tensor in its pickle is none") }
            tensors.append(PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides))
            stack.append(.tensor(tensors.count - 1))
        case .rebuildParameter:
            guard case .tensor? = arguments.first else { throw damaged("a parameter in its pickle is no tensor") }
            stack.append(arguments[0])
        case .size:
            guard arguments.count == 1, integers(arguments[0]) != nil else { throw damaged("a torch.Size is none") }
            stack.append(arguments[0])
        case .storage(let kind):
            throw refuse("a call of torch.\(kind.rawValue)")
        }
    }
}
