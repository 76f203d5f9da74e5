/// A reader that is given any bytes at all: by libFuzzer for hours (`tools/fuzz`), by the tests for a second.
///
/// A target says what a reader may do: take the bytes, or refuse them with one clear line. Everything else is a finding:
/// a trap, a read or write out of bounds, an endless loop, memory without limit, an error of two lines.
/// What it does not do: choose the bytes.
import SwiftletGraph

public struct FuzzTarget: Sendable, CustomStringConvertible {
    public let name: String
    /// The longest input that is worth trying, in bytes.
    public let byteLimit: Int
    /// Words that the format is made of, for mutations to put in.
    public let words: [[UInt8]]
    /// Valid inputs to start from, the same ones every time.
    public let seeds: @Sendable () throws -> [[UInt8]]
    /// Reads the bytes and uses what they give; throws what the reader throws.
    private let read: @Sendable ([UInt8]) throws -> Void

    init(
        _ name: String, byteLimit: Int, words: [String] = [], seeds: @escaping @Sendable () throws -> [[UInt8]],
        read: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        self.name = name
        self.byteLimit = byteLimit
        self.words = words.map { Array($0.utf8) }
        self.seeds = seeds
        self.read = read
    }

    public static let all: [FuzzTarget] = [
        .modelReader, .modelRunner, .safetensors, .checkpoint, .torch, .onnx, .tflite, .idx, .cifar, .png,
    ]

    public var description: String { name }

    /// What a reader made of some bytes.
    public enum Outcome: Hashable, Sendable {
        case accepted
        case refused(String)
        /// A finding that is no trap: what is wrong.
        case broken(String)
    }

    public func run(_ bytes: [UInt8]) -> Outcome {
        do {
            try read(bytes)
            return .accepted
        } catch let violation as Violation {
            return .broken(violation.what)
        } catch {
            let line = "\(error)"
            guard !line.isEmpty, line.count <= Self.lineLimit else {
                return .broken("an error of \(line.count) characters: \(line.prefix(Self.lineLimit))")
            }
            guard line.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
                return .broken("an error with control characters: \(line.debugDescription)")
            }
            return .refused(line)
        }
    }

    /// What one line may have, in characters.
    private static let lineLimit = 2000
}

/// What a target throws when a reader has done something that it must not.
struct Violation: Error {
    var what: String
}

extension FuzzTarget {
    /// A seed, changed in one to four places: bytes set, bits flipped, runs cut out, doubled or cut off, words put in.
    public func mutate(_ seed: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            guard !bytes.isEmpty else { break }
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            let run = place..<min(place + Int.random(in: 1...16, using: &generator), bytes.count)
            switch Int.random(in: 0..<8, using: &generator) {
            case 0, 1: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator)!
            case 2: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 3, 4: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            case 5: bytes.removeSubrange(run)
            case 6: bytes.insert(contentsOf: bytes[run], at: place)
            default:
                if let word = words.randomElement(using: &generator) {
                    bytes.insert(contentsOf: word, at: place)
                } else {
                    bytes.removeSubrange(place...)
                }
            }
        }
        return Array(bytes.prefix(byteLimit))
    }
}
