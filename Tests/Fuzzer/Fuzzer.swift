/// libFuzzer over one of `FuzzTargets`; `tools/fuzz` builds and runs it.
///
///     Fuzzer --list                      the names of the targets
///     Fuzzer TARGET --seeds FOLDER       writes the seeds and, as FOLDER.dict, the words of the format
///     Fuzzer TARGET [libFuzzer's own options and folders]
///
/// What it does not do: exist in a normal build; the package has it when SWIFTLET_FUZZ is set.
import Foundation
import FuzzTargets

/// libFuzzer as a library (compiler-rt's FuzzerInterface.h): runs the callback until it is told to stop, then exits.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

@main
enum Fuzzer {
    /// Set once, before the driver runs; its callback cannot capture.
    nonisolated(unsafe) private static var target = FuzzTarget.all[0]

    static func main() throws {
        var arguments = CommandLine.arguments
        guard arguments.count > 1, arguments[1] != "--list" else {
            return print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
        }
        guard let chosen = FuzzTarget.all.first(where: { $0.name == arguments[1] }) else {
            FileHandle.standardError.write(Data("no target \(arguments[1]); see --list\n".utf8))
            exit(2)
        }
        if arguments.count == 4, arguments[2] == "--seeds" { return try write(chosen, to: arguments[3]) }
        target = chosen
        arguments[1] = "-max_len=\(chosen.byteLimit)"
        var count = Int32(arguments.count)
        let strings = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: arguments.count + 1)
        strings.initialize(repeating: nil, count: arguments.count + 1)
        for (index, argument) in arguments.enumerated() { strings[index] = strdup(argument) }
        var vector = strings
        exit(
            runDriver(&count, &vector) { bytes, count in
                let outcome = Fuzzer.target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
                if case .broken(let what) = outcome { fatalError("\(Fuzzer.target): \(what)") }
                return 0
            })
    }

    private static func write(_ target: FuzzTarget, to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (index, seed) in try target.seeds().enumerated() {
            try Data(seed).write(to: URL(fileURLWithPath: "\(folder)/seed-\(index)"))
        }
        let words = target.words.map { word in
            "\"" + word.map { "\\x" + String(Int($0) + 256, radix: 16).dropFirst() }.joined() + "\"\n"
        }
        try Data(words.joined().utf8).write(to: URL(fileURLWithPath: "\(folder).dict"))
    }
}
