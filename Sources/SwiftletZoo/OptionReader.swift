/// Reads the options of one specification, each once, with its bounds.
///
/// What it does not do: know which options a network has; each network asks for its own.

struct OptionReader {
    let architecture: String
    private var given: [String: String]
    private let defaults: [String: String]
    private var asked: [String] = []

    /// - Parameter text: "width=0.35,resolution=144", possibly empty.
    init(architecture: String, text: String, defaults: [String: String]) throws {
        self.architecture = architecture
        self.defaults = defaults
        given = [:]
        guard !text.isEmpty else { return }
        for option in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let equals = option.firstIndex(of: "="), equals > option.startIndex else {
                throw ArchitectureError.malformedOption(String(option), architecture: architecture)
            }
            let name = String(option[..<equals])
            guard given.updateValue(String(option[option.index(after: equals)...]), forKey: name) == nil else {
                throw ArchitectureError.repeatedOption(name, architecture: architecture)
            }
        }
    }

    /// Refuses options that no reading has asked for. Call it last.
    func finish() throws {
        if let stranger = given.keys.filter({ !asked.contains($0) }).min() {
            throw ArchitectureError.unknownOption(stranger, architecture: architecture, known: asked)
        }
    }

    private mutating func take(_ name: String) -> String? {
        asked.append(name)
        return given[name] ?? defaults[name]
    }

    private func refuse(_ value: String, _ name: String, _ expected: String) -> ArchitectureError {
        .badValue(value, option: name, architecture: architecture, expected: expected)
    }

    mutating func integer(_ name: String, default fallback: Int, in range: ClosedRange<Int>) throws -> Int {
        guard let text = take(name) else { return fallback }
        guard let value = Int(text), range.contains(value) else {
            throw refuse(text, name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    mutating func oneOf(_ name: String, _ choices: [Int], default fallback: Int) throws -> Int {
        guard let text = take(name) else { return fallback }
        guard let value = Int(text), choices.contains(value) else {
            throw refuse(text, name, "one of \(choices.map(String.init).joined(separator: ", "))")
        }
        return value
    }

    mutating func number(_ name: String, default fallback: Double, in range: ClosedRange<Double>) throws -> Double {
        guard let text = take(name) else { return fallback }
        guard let value = Double(text), range.contains(value) else {
            throw refuse(text, name, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    mutating func oneOf(_ name: String, _ choices: [Double], default fallback: Double) throws -> Double {
        guard let text = take(name) else { return fallback }
        guard let value = Double(text), choices.contains(value) else {
            throw refuse(text, name, "one of \(choices.map { "\($0)" }.joined(separator: ", "))")
        }
        return value
    }

    mutating func choice<Choice>(_ name: String, default fallback: Choice) throws -> Choice
    where Choice: RawRepresentable<String> & CaseIterable {
        guard let text = take(name) else { return fallback }
        guard let value = Choice(rawValue: text) else {
            throw refuse(text, name, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    /// Whole numbers joined by hyphens: "14-14-14".
    mutating func integers(_ name: String, default fallback: [Int], in range: ClosedRange<Int>) throws -> [Int] {
        guard let text = take(name) else { return fallback }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let values = parts.compactMap { Int($0) }.filter(range.contains)
        guard values.count == parts.count, values.count <= 16 else {
            throw refuse(
                text, name, "1 to 16 whole numbers from \(range.lowerBound) to \(range.upperBound), as in 4-6-8")
        }
        return values
    }

    /// Whether the specification itself or its defaults set `name`.
    func has(_ name: String) -> Bool { given[name] != nil || defaults[name] != nil }

    /// What `name` is set to, unread; to choose other options' defaults by it.
    func peek(_ name: String) -> String? { given[name] ?? defaults[name] }
}
