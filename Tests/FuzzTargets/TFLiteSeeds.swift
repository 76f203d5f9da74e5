/// Small networks as TensorFlow Lite has them, written field by field.
///
/// What it does not do: make sense as networks. Schema: TensorFlow's schema.fbs, version 3.

enum TFLiteSeeds {
    /// A tensor: int32, or of the network's kind.
    private struct FlatTensor {
        var shape: [Int32]
        var constant: [UInt8]?
        var isInt32 = false
        var isHalf = false

        /// The number of its type in the schema.
        func type(isFloat: Bool) -> UInt8 { isInt32 ? 2 : isHalf ? 1 : isFloat ? 0 : 9 }

        /// A constant's bytes; in a float network each byte of int8 becomes a float.
        func contents(isFloat: Bool) -> [UInt8]? {
            guard isFloat, !isInt32, !isHalf else { return constant }
            return constant?.flatMap { PickleSeed.little((Float(Int8(bitPattern: $0)) / 64).bitPattern) }
        }
    }

    private struct FlatNetwork {
        var tensors: [FlatTensor]
        var operators: [FlatOperator]
        var input: Int32 = 0

        init(_ tensors: [FlatTensor], _ operators: [FlatOperator], input: Int32 = 0) {
            self.tensors = tensors
            self.operators = operators
            self.input = input
        }
    }

    private struct FlatOperator {
        var code: UInt8
        var inputs: [Int32]
        var outputs: [Int32]
        var options: [Int: FlatValue] = [:]
    }

    /// Every network as int8, those that floats have a form for as float, and one with weights of half precision.
    @Sendable
    static func tflite() throws -> [[UInt8]] {
        // Resizes, maxima and minima of two maps, and a softmax of the input are for int8 alone.
        let floats = networks.filter { network in
            network.operators.allSatisfy { ![23, 25, 55, 57].contains($0.code) }
        }
        return try int8() + (floats + [halves]).map { file($0, isFloat: true) }
    }

    static func int8() throws -> [[UInt8]] { networks.map { file($0, isFloat: false) } }

    private static var halves: FlatNetwork {
        let two = FlatTensor(shape: [2, 2], constant: [0, 0x3C, 0, 0xBC, 0, 0x40, 0, 0], isHalf: true)
        return FlatNetwork(
            [
                FlatTensor(shape: [1, 1, 1, 2]), two, FlatTensor(shape: [2, 2]), FlatTensor(shape: [1, 2]),
                FlatTensor(shape: [1, 2]),
            ],
            [
                FlatOperator(code: 6, inputs: [1], outputs: [2]),
                FlatOperator(code: 9, inputs: [0, 2, -1], outputs: [3], options: [0: .scalar([3])]),
                FlatOperator(code: 25, inputs: [3], outputs: [4], options: [0: .real(1)]),
            ])
    }

    private static var networks: [FlatNetwork] {
        let picture = FlatTensor(shape: [1, 4, 4, 2])
        let map = FlatTensor(shape: [1, 4, 4, 2])
        let one = FlatTensor(shape: [1, 2])
        let weights = FlatTensor(shape: [2, 3, 3, 2], constant: DataSetSeeds.noise(36))
        let depthwise = FlatTensor(shape: [1, 3, 3, 2], constant: DataSetSeeds.noise(18))
        func integers(_ values: Int32...) -> FlatTensor {
            FlatTensor(
                shape: [Int32(values.count)], constant: values.flatMap { PickleSeed.little($0) }, isInt32: true)
        }
        func paddings(_ values: Int32...) -> FlatTensor {
            FlatTensor(
                shape: [Int32(values.count / 2), 2], constant: values.flatMap { PickleSeed.little($0) }, isInt32: true)
        }
        let strides: [Int: FlatValue] = [1: .integer(1), 2: .integer(1)]
        let pool: [Int: FlatValue] = [1: .integer(2), 2: .integer(2), 3: .integer(2), 4: .integer(2)]
        let bias = integers(1, 2)
        return [
            FlatNetwork(
                [picture, weights, bias, map],
                [FlatOperator(code: 3, inputs: [0, 1, 2], outputs: [3], options: strides)]),
            FlatNetwork(
                [picture, depthwise, bias, map],
                [FlatOperator(code: 4, inputs: [0, 1, 2], outputs: [3], options: strides)]),
            FlatNetwork(
                [
                    picture, FlatTensor(shape: [1, 2, 2, 2]), integers(1, 2), one,
                    FlatTensor(shape: [2, 2], constant: [1, 2, 3, 4]), one,
                ],
                [
                    FlatOperator(code: 1, inputs: [0], outputs: [1], options: pool),
                    FlatOperator(code: 40, inputs: [1, 2], outputs: [3]),
                    FlatOperator(code: 9, inputs: [3, 4, -1], outputs: [5]),
                ]),
            FlatNetwork(
                [picture, map, map],
                [
                    FlatOperator(code: 0, inputs: [0, 0], outputs: [1]),
                    FlatOperator(code: 18, inputs: [0, 1], outputs: [2]),
                ]),
            FlatNetwork(
                [picture, paddings(0, 0, 1, 1, 1, 1, 0, 0), FlatTensor(shape: [1, 6, 6, 2])],
                [FlatOperator(code: 34, inputs: [0, 1], outputs: [2])]),
            FlatNetwork(
                [picture, integers(0, 1, 0, 0), integers(1, 2, -1, 2), FlatTensor(shape: [1, 2, 4, 2])],
                [FlatOperator(code: 65, inputs: [0, 1, 2], outputs: [3])]),
            FlatNetwork(
                [
                    picture, integers(0, 0, 0, 0), integers(1, 4, 4, 2), integers(1, 2, 1, 1),
                    FlatTensor(shape: [1, 2, 4, 2]),
                ],
                [FlatOperator(code: 45, inputs: [0, 1, 2, 3], outputs: [4])]),
            FlatNetwork(
                [integers(3), picture, FlatTensor(shape: [1, 4, 4, 1]), FlatTensor(shape: [1, 4, 4, 1]), map],
                [
                    FlatOperator(code: 49, inputs: [0, 1], outputs: [2, 3]),
                    FlatOperator(code: 2, inputs: [3, 2], outputs: [4], options: [0: .integer(3)]),
                ], input: 1),
            FlatNetwork(
                [
                    picture, FlatTensor(shape: [1, 4, 4, 1, 2]), integers(0, 1, 2, 4, 3),
                    FlatTensor(shape: [1, 4, 4, 2, 1]), map,
                ],
                [
                    FlatOperator(code: 22, inputs: [0], outputs: [1]),
                    FlatOperator(code: 39, inputs: [1, 2], outputs: [3]),
                    FlatOperator(code: 22, inputs: [3], outputs: [4]),
                ]),
            FlatNetwork(
                [picture, integers(8, 8), FlatTensor(shape: [1, 8, 8, 2])],
                [FlatOperator(code: 23, inputs: [0, 1], outputs: [2])]),
            FlatNetwork(
                [picture, map, map],
                [
                    FlatOperator(code: 55, inputs: [0, 0], outputs: [1]),
                    FlatOperator(code: 57, inputs: [0, 1], outputs: [2]),
                ]),
            FlatNetwork(
                [picture, FlatTensor(shape: [1, 1, 2], constant: [3, 4]), map],
                [FlatOperator(code: 54, inputs: [0, 1], outputs: [2])]),
            FlatNetwork([picture, integers(1, 2), one], [FlatOperator(code: 82, inputs: [0, 1], outputs: [2])]),
            FlatNetwork([one, one], [FlatOperator(code: 25, inputs: [0], outputs: [1], options: [0: .real(1)])]),
            FlatNetwork([picture, map], [FlatOperator(code: 14, inputs: [0], outputs: [1])]),
        ]
    }

    private static func file(_ network: FlatNetwork, isFloat: Bool) -> [UInt8] {
        let (tensors, operators) = (network.tensors, network.operators)
        let codes = operators.map { [0: FlatValue.scalar([$0.code])] }
        // Buffer 0 is the empty one.
        let buffers = [[:]] + tensors.map { $0.contents(isFloat: isFloat).map { [0: FlatValue.bytes($0)] } ?? [:] }
        let quantization: [Int: FlatValue] = [
            2: .vector([.real(0.5)]), 3: .vector([.scalar([3, 0, 0, 0, 0, 0, 0, 0])]),
        ]
        let exact: [Int: FlatValue] = [
            2: .vector([.real(0.5)]), 3: .vector([.scalar([0, 0, 0, 0, 0, 0, 0, 0])]),
        ]
        let tables = tensors.enumerated().map { index, tensor in
            [
                0: FlatValue.vector(tensor.shape.map { .integer($0) }), 1: .scalar([tensor.type(isFloat: isFloat)]),
                2: .integer(Int32(index + 1)), 3: .bytes(Array("t\(index)".utf8)),
                4: .table(isFloat ? [:] : tensor.constant == nil ? quantization : exact),
            ]
        }
        let nodes = operators.enumerated().map { index, operation in
            [
                0: FlatValue.integer(Int32(index)), 1: .vector(operation.inputs.map { .integer($0) }),
                2: .vector(operation.outputs.map { .integer($0) }), 4: .table(operation.options),
            ]
        }
        let last = operators.last?.outputs.last ?? 0
        let subgraph: [Int: FlatValue] = [
            0: .tables(tables), 1: .vector([.integer(network.input)]), 2: .vector([.integer(last)]), 3: .tables(nodes),
        ]
        var writer = FlatWriter()
        writer.write([0: .integer(3), 1: .tables(codes), 2: .tables([subgraph]), 4: .tables(buffers)])
        return writer.bytes
    }
}

/// A field of a FlatBuffer's table.
indirect enum FlatValue {
    case scalar([UInt8])
    case bytes([UInt8])
    case vector([FlatValue])
    case table([Int: FlatValue])
    case tables([[Int: FlatValue]])

    static func integer(_ value: Int32) -> FlatValue { .scalar(PickleSeed.little(value)) }
    static func real(_ value: Float) -> FlatValue { .scalar(PickleSeed.little(value.bitPattern)) }
}

/// Writes a FlatBuffer front to back: a table, then what its offsets lead to (https://flatbuffers.dev/internals).
private struct FlatWriter {
    var bytes: [UInt8] = [0, 0, 0, 0] + Array("TFL3".utf8)

    mutating func write(_ root: [Int: FlatValue]) { patch(0, with: table(root)) }

    /// Makes the offset at `place` lead to `target`.
    private mutating func patch(_ place: Int, with target: Int) {
        bytes.replaceSubrange(place..<place + 4, with: PickleSeed.little(UInt32(target - place)))
    }

    private mutating func table(_ fields: [Int: FlatValue]) -> Int {
        let entries = (fields.keys.max() ?? -1) + 1
        let vtable = bytes.count
        let position = vtable + 4 + 2 * entries
        var inline = PickleSeed.little(Int32(position - vtable))
        var offsets = [UInt16](repeating: 0, count: entries)
        for (number, value) in fields.sorted(by: { $0.key < $1.key }) {
            offsets[number] = UInt16(inline.count)
            if case .scalar(let scalar) = value { inline += scalar } else { inline += [0, 0, 0, 0] }
        }
        bytes += PickleSeed.little(UInt16(4 + 2 * entries)) + PickleSeed.little(UInt16(inline.count))
        bytes += offsets.flatMap { PickleSeed.little($0) } + inline
        for (number, value) in fields.sorted(by: { $0.key < $1.key }) {
            let place = position + Int(offsets[number])
            switch value {
            case .scalar: break
            case .bytes(let contents):
                patch(place, with: bytes.count)
                bytes += PickleSeed.little(UInt32(contents.count)) + contents
            case .vector(let elements):
                patch(place, with: bytes.count)
                bytes += PickleSeed.little(UInt32(elements.count))
                for case .scalar(let scalar) in elements { bytes += scalar }
            case .table(let fields): patch(place, with: table(fields))
            case .tables(let tables):
                patch(place, with: bytes.count)
                bytes += PickleSeed.little(UInt32(tables.count))
                let first = bytes.count
                bytes += [UInt8](repeating: 0, count: 4 * tables.count)
                for (index, fields) in tables.enumerated() { patch(first + 4 * index, with: table(fields)) }
            }
        }
        return position
    }
}
