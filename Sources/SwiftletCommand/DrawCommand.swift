/// `swiftlet draw`: a picture of the built-in set, to try a model on.
import ArgumentParser
import SwiftletImageIO
import SwiftletTraining

struct DrawCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draw", abstract: "Draws a picture of a class of the built-in set (shapes).",
        discussion: """
            Example:
              swiftlet draw star star.png --seed 7
            """)

    @Argument(help: "One of \(ShapesDataSet.Kind.allCases.map { "\($0)" }.joined(separator: ", ")).")
    var kind: String
    @Argument(help: "The PNG to write.")
    var output: String
    @Option(help: "Width and height in pixels.")
    var size = 256
    @Option(help: "Decides place, size, colours and background.")
    var seed: UInt64 = 1

    func validate() throws {
        guard ShapesDataSet.Kind.allCases.contains(where: { "\($0)" == kind }) else {
            throw ValidationError(
                "'\(kind)' is none of \(ShapesDataSet.Kind.allCases.map { "\($0)" }.joined(separator: ", "))")
        }
        guard (8...8192).contains(size) else { throw ValidationError("--size is 8 to 8192") }
    }

    func run() throws {
        let shape = ShapesDataSet.Kind.allCases.first { "\($0)" == kind }!
        try requireWritable(output)
        try ShapesDataSet.draw(shape, width: size, height: size, seed: seed).write(to: output)
        try Console.print("wrote \(output)")
    }
}
