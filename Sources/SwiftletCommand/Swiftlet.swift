import ArgumentParser

@main
struct SwiftletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "swiftlet", abstract: "An int8 CNN toolchain and runtime.")
}
