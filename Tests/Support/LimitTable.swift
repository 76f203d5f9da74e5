/// A table of limits in the folder `tools`: a line a network, a column a limit.
///
/// What it does not do: read any CSV; names in the first column may stand in double quotes, the other fields are numbers.
import Foundation

public struct LimitTable {
    public struct Missing: Error {
        public var what: String
    }

    private let file: String
    /// By network, then by column.
    private var rows: [String: [String: Double]] = [:]

    /// - Parameter name: such as "memory-limits.csv".
    public init(_ name: String) throws {
        file = name
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../tools")
        let text = try String(contentsOf: folder.appendingPathComponent(name).standardized, encoding: .utf8)
        let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let columns = lines.first?.dropFirst().map(String.init) ?? []
        for fields in lines.dropFirst() where fields.count > columns.count {
            let network = fields.dropLast(columns.count).joined(separator: ",").filter { $0 != "\"" }
            let values = zip(columns, fields.suffix(columns.count)).compactMap { column, field in
                Double(field).map { (column, $0) }
            }
            rows[network] = Dictionary(uniqueKeysWithValues: values)
        }
    }

    public var networks: [String] { rows.keys.sorted() }

    public func limit(_ column: String, of network: String) throws -> Double {
        guard let limit = rows[network]?[column] else { throw Missing(what: "\(file): \(column) of \(network)") }
        return limit
    }
}
