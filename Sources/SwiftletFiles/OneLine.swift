/// Words out of a file, made fit for one line of an error message.
///
/// What it does not do: judge whether the words make sense.

/// `text` with control characters as escapes, and only its beginning when it is long: a name of a megabyte, or one that
/// moves a terminal's cursor, is as easily written into a file as any other.
///
/// - Parameter limit: the most characters to show.
public func oneLine(_ text: String, limit: Int = 1000) -> String {
    var line = ""
    for (count, scalar) in text.unicodeScalars.enumerated() {
        guard count < limit else { return line + "..." }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator:
            line += scalar.escaped(asASCII: true)
        default:
            line.unicodeScalars.append(scalar)
        }
    }
    return line
}
