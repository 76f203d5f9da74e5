/// Whether a model keeps its promise about memory: it runs in exactly its arena, and a byte less is refused.
///
/// What it does not do: judge the plan, or compare outputs with those of another plan.
import SwiftletFormat
import SwiftletHost

public enum ArenaCheck {
    public enum Failure: Error, CustomStringConvertible {
        case wroteOutside(path: String, arenaBytes: Int)
        case ranInLess(path: String, arenaBytes: Int)

        public var description: String {
            switch self {
            case .wroteOutside(let path, let arenaBytes):
                "\(path): the run wrote beside its arena of \(arenaBytes) B; the model's plan is broken"
            case .ranInLess(let path, let arenaBytes):
                "\(path): a session took an arena of \(arenaBytes - 1) B where \(arenaBytes) B are needed"
            }
        }
    }

    /// Runs the model once on its self-test picture, in an arena between guards.
    ///
    /// - Returns: the checksum of the output.
    /// - Throws: `Failure`, `SessionError`.
    @discardableResult
    public static func run(_ file: ModelFile) throws -> UInt32 {
        let arenaBytes = file.model.arenaBytes
        let runner = try Runner(file)
        let pixels = selfTestPixels(seed: file.model.reader.header.selfTestSeed, count: runner.inputBytes)
        let output = try pixels.withUnsafeBytes { try runner.run($0) }
        guard runner.arena.guardsAreIntact else {
            throw Failure.wroteOutside(path: file.path, arenaBytes: arenaBytes)
        }
        guard (try? Runner(file, arenaBytes: arenaBytes - 1)) == nil else {
            throw Failure.ranInLess(path: file.path, arenaBytes: arenaBytes)
        }
        return output.withUnsafeBytes { Checksum.of($0) }
    }
}
