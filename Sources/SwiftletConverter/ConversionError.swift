/// Why a network cannot become `int8.bin`.

public enum ConversionError: Error, Equatable, CustomStringConvertible {
    case unsupported(node: String, operation: String, reason: String)
    /// Of training that knows of int8.
    case untrainable(node: String, reason: String)
    case noRange(value: String)
    case tooLarge(what: String, value: Int, limit: Int)
    case overflow(node: String, channel: Int, bound: Double)
    case wrongInput(reason: String)
    /// However much is recomputed.
    case arenaTooSmall(limit: Int, smallest: Int)

    public var description: String {
        switch self {
        case .unsupported(let node, let operation, let reason):
            "node \(node) (\(operation)) has no int8 form: \(reason)"
        case .untrainable(let node, let reason):
            "node \(node) cannot be trained as int8: \(reason); train in float and convert"
        case .noRange(let value):
            "no range is known for \(value); calibrate with data that reaches it"
        case .tooLarge(let what, let value, let limit):
            "\(what) is \(value), the format holds at most \(limit)"
        case .overflow(let node, let channel, let bound):
            "node \(node), channel \(channel): sums can reach \(bound), more than 32 bits hold; use fewer inputs or groups"
        case .wrongInput(let reason):
            reason
        case .arenaTooSmall(let limit, let smallest):
            "no plan was found for an arena of \(limit) B; the smallest takes \(smallest) B: give --max-arena \(smallest) or more"
        }
    }
}
