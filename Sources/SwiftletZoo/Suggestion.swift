/// Finds the known word that a mistyped one was probably meant to be.
///
/// What it does not do: guess at any price; a word that shares nothing with the known ones gets no suggestion.

/// The candidate with the smallest edit distance to `word`, if it is at most a third of the word's length (and 2) away.
public func nearestName(to word: String, among candidates: [String]) -> String? {
    let word = Array(word.lowercased())
    let ranked = candidates.map { (name: $0, distance: editDistance(word, Array($0.lowercased()))) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }), best.distance <= max(2, word.count / 3) else {
        return nil
    }
    return best.name
}

/// Levenshtein's distance: insertions, deletions and substitutions that turn `a` into `b`. O(a.count x b.count).
func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, left) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, right) in b.enumerated() {
            let substituted = diagonal + (left == right ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
        }
    }
    return row[b.count]
}
