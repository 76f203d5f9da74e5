// swift-tools-version: 6.1
/// The firmware of an exported project by Swift's package manager, in place of `run`'s plain compiler calls:
///
///     BOARD=m4 swift build -c release --triple armv7em-none-none-eabi
///     boards/simulate m4 .build/release/Firmware
///
/// BOARD is one of the names below; riscv32 wants --triple riscv32-none-none-eabi. What it does not do: run anything.
import Foundation
import PackageDescription

/// What differs between boards. Begin one of your own with an entry here, its start-up and its linker script.
struct Board {
    /// For clang, and for Swift behind -Xcc: the core's instructions and its float ABI.
    var core: [String]
    var startUp: String
    var linkerScript: String
    /// The core's own kernels; nil where the portable ones run.
    var kernels: String?
    var stackBytes = 8192
}

let boards = [
    "m3": Board(
        core: ["-mcpu=cortex-m3", "-mfloat-abi=soft", "-DBOARD_MPS2"], startUp: "cortex-m.c", linkerScript: "mps2.ld"),
    "m4": Board(
        core: ["-mcpu=cortex-m4", "-mfloat-abi=soft", "-DBOARD_MPS2"], startUp: "cortex-m.c", linkerScript: "mps2.ld",
        kernels: "armdsp.c"),
    "m7": Board(
        core: ["-mcpu=cortex-m7", "-mfloat-abi=soft", "-DBOARD_MPS2"], startUp: "cortex-m.c", linkerScript: "mps2.ld",
        kernels: "armdsp.c"),
    "m55": Board(
        core: ["-mcpu=cortex-m55", "-mfloat-abi=softfp", "-DBOARD_MPS3"], startUp: "cortex-m.c",
        linkerScript: "mps3.ld", kernels: "armmve.c"),
    "riscv32": Board(
        core: ["-march=rv32imac_zicsr_zba_zbb", "-mabi=ilp32"], startUp: "riscv32.c", linkerScript: "riscv32.ld"),
]

let name = Context.environment["BOARD"] ?? "m4"
guard let board = boards[name] else {
    let names = boards.keys.sorted().joined(separator: ", ")
    FileHandle.standardError.write(Data("there is no board '\(name)'; BOARD is one of \(names)\n".utf8))
    exit(2)
}

/// The core's kernels of operators that the model does not have are left out.
let operators = try String(
    contentsOfFile: Context.packageDirectory + "/Sources/SwiftletFormat/LinkedOperators.swift", encoding: .utf8)
let unused = ["convolution", "depthwiseConvolution", "add"].filter { !operators.contains(": .\($0)\n") }

let c =
    board.core + ["-Os", "-std=c2x", "-ffreestanding", "-fno-builtin", "-ffunction-sections", "-fdata-sections"]
    + unused.map { "-DSK_LINKS_\($0)=0" }
let swift =
    ["-enable-experimental-feature", "Embedded", "-wmo", "-Osize"]
    + ["-function-sections", "-disable-stack-protector"].flatMap { ["-Xfrontend", $0] }
    + (board.core + ["-ffreestanding"]).flatMap { ["-Xcc", $0] }
let link =
    ["-enable-experimental-feature", "Embedded"]
    + [
        "-fuse-ld=lld", "-nostdlib", "-static", "-Wl,--gc-sections", "-Wl,--entry=reset",
        "-Wl,-L,\(Context.packageDirectory)/boards", "-Wl,-T,\(board.linkerScript)",
        "-Wl,--defsym=STACK_BYTES=\(board.stackBytes)",
    ].flatMap { ["-Xclang-linker", $0] }

let settings: [SwiftSetting] = [.unsafeFlags(swift)]
let kernels: [Target.Dependency] = board.kernels == nil ? [] : ["CSwiftletKernels"]

let package = Package(
    name: "Firmware",
    products: [.executable(name: "Firmware", targets: ["Firmware"])],
    targets: [
        .target(name: "SwiftletArithmetic", swiftSettings: settings),
        .target(name: "SwiftletFormat", dependencies: ["SwiftletArithmetic"], swiftSettings: settings),
        .target(
            name: "SwiftletKernels", dependencies: ["SwiftletArithmetic", "SwiftletFormat"] + kernels,
            swiftSettings: settings),
        .target(
            name: "Swiftlet", dependencies: ["SwiftletArithmetic", "SwiftletFormat", "SwiftletKernels"],
            swiftSettings: settings),
        .target(
            name: "CBoard", path: "boards",
            sources: [board.startUp, "console.c", "memory.c", "arithmetic.c", "model.c"],
            publicHeadersPath: ".",
            cSettings: [.headerSearchPath(".."), .unsafeFlags(c + ["--embed-dir=\(Context.packageDirectory)"])]),
        .executableTarget(
            name: "Firmware", dependencies: ["CBoard", "Swiftlet", "SwiftletFormat"], swiftSettings: settings,
            linkerSettings: [.unsafeFlags(link)]),
    ]
        + (board.kernels.map {
            [.target(name: "CSwiftletKernels", sources: [$0], cSettings: [.unsafeFlags(c)])]
        } ?? []),
    swiftLanguageModes: [.v6]
)
