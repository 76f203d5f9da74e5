/// Why a specification of an architecture cannot be used.
///
/// What it does not do: cover shapes that do not fit together; those are `GraphError`s.

public enum ArchitectureError: Error, Equatable, CustomStringConvertible {
    case unknownName(String, known: [String])
    case unknownOption(String, architecture: String, known: [String])
    case malformedOption(String, architecture: String)
    case repeatedOption(String, architecture: String)
    case badValue(String, option: String, architecture: String, expected: String)

    public var description: String {
        switch self {
        case .unknownName(let name, let known):
            "unknown architecture '\(name)'\(Self.suggest(name, known)); known: \(known.joined(separator: ", "))"
        case .unknownOption(let option, let architecture, let known):
            "\(architecture) has no option '\(option)'\(Self.suggest(option, known)); "
                + "known: \(known.joined(separator: ", "))"
        case .malformedOption(let text, let architecture):
            "\(architecture): '\(text)' is not option=value; write for example \(architecture):classes=10"
        case .repeatedOption(let option, let architecture):
            "\(architecture): option '\(option)' is given twice; keep one"
        case .badValue(let value, let option, let architecture, let expected):
            "\(architecture): \(option)=\(value) cannot be used; expected \(expected)"
        }
    }

    private static func suggest(_ word: String, _ known: [String]) -> String {
        nearestName(to: word, among: known).map { " (did you mean '\($0)'?)" } ?? ""
    }
}
