/// Why a session cannot begin or go on. Payloads are integers, as a device has no strings.

public enum SessionError: Error, Equatable, Sendable {
    case arenaTooSmall(needed: Int, given: Int)
    case arenaMisaligned(byteOffset: Int)
    case noSuchInput(index: Int, count: Int)
    case noSuchOutput(index: Int, count: Int)
    case wrongRowBytes(needed: Int, given: Int)
    case tooManyRows(height: Int)
    /// Inputs take turns, a row each in the order of their indices: the rings are sized for that.
    case outOfTurn(input: Int, waitingFor: Int)
    case notFinished(rows: Int, height: Int)
}

#if !hasFeature(Embedded)
    extension SessionError: CustomStringConvertible {
        public var description: String {
            switch self {
            case .arenaTooSmall(let needed, let given):
                "arena too small: needs \(needed) B, given \(given) B (short \(needed - given) B)"
            case .arenaMisaligned(let byteOffset):
                "the arena lies \(byteOffset) bytes past a multiple of \(Arena.alignment) in memory; align it"
            case .noSuchInput(let index, let count):
                "input \(index) does not exist: the model has \(count), counted from 0"
            case .noSuchOutput(let index, let count):
                "output \(index) does not exist: the model has \(count), counted from 0"
            case .wrongRowBytes(let needed, let given):
                "a row has \(needed) bytes, given \(given)"
            case .tooManyRows(let height):
                "all \(height) rows are in already; call reset() before the next picture"
            case .outOfTurn(let input, let waitingFor):
                "input \(input) is ahead: push the next row of input \(waitingFor) first"
            case .notFinished(let rows, let height):
                "the answer is not ready: \(rows) of \(height) rows are in"
            }
        }
    }
#endif
