/// JSON in one line: strings written, decoding errors told.
///
/// What it does not do: parse; Foundation's `JSONDecoder` does.
import Foundation

/// `text` as a JSON string with its quotes.
func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        case _ where scalar.value < 0x20:
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

/// What is wrong and where, in one line, for an error that `JSONDecoder` has thrown.
func jsonReason(_ error: any Error) -> String {
    func place(_ path: [any CodingKey]) -> String {
        path.isEmpty ? "" : " at " + path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
        return "'\(key.stringValue)' is missing\(place(context.codingPath))"
    case DecodingError.typeMismatch(let type, let context), DecodingError.valueNotFound(let type, let context):
        return "a value of another type than \(type)\(place(context.codingPath))"
    case DecodingError.dataCorrupted(let context):
        return "\(context.debugDescription)\(place(context.codingPath))"
    default:
        return "\(error)"
    }
}
