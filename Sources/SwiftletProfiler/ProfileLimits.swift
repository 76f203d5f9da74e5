/// What a profile must keep to: a gate for somebody's continuous integration.
///
/// What it does not do: choose limits, or end the program; the caller does both.
import Foundation

public struct ProfileLimits: Sendable {
    public var arenaBytes: Int?
    /// Of the median run.
    public var milliseconds: Double?

    public init(arenaBytes: Int? = nil, milliseconds: Double? = nil) {
        self.arenaBytes = arenaBytes
        self.milliseconds = milliseconds
    }

    /// One line with every limit that is exceeded and by how much; nil when all are kept.
    ///
    /// - Parameter median: milliseconds; nil when nothing was timed.
    public func excess(model: String, arenaBytes arena: Int, median: Double?) -> String? {
        var parts: [String] = []
        if let arenaBytes, arena > arenaBytes {
            parts.append("an arena of \(arena) B is \(arena - arenaBytes) B over the limit of \(arenaBytes) B")
        }
        if let milliseconds, let median, median > milliseconds {
            parts.append(
                String(
                    format: "a median of %.3f ms is %.3f ms over the limit of %g ms", median, median - milliseconds,
                    milliseconds))
        }
        return parts.isEmpty ? nil : "\(model): " + parts.joined(separator: "; ")
    }
}
