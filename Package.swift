// swift-tools-version: 6.1
// Swiftlet: an int8 CNN toolchain and runtime. Two wings; only `int8.bin` passes between them.
import PackageDescription

/// On the device: no Foundation, no heap after load, also compiled as Embedded Swift.
let device: [Target] = [
    .target(name: "SwiftletArithmetic"),
    .target(name: "SwiftletFormat", dependencies: ["SwiftletArithmetic"]),
    // C for one instruction set each; bare metal compiles its core's files alone, or none.
    .target(name: "CSwiftletKernels"),
    .target(name: "SwiftletKernels", dependencies: ["CSwiftletKernels", "SwiftletArithmetic", "SwiftletFormat"]),
    .target(name: "Swiftlet", dependencies: ["SwiftletArithmetic", "SwiftletFormat", "SwiftletKernels"]),
]

/// Offline: from data and float networks to `int8.bin`, and everything around it.
let offline: [Target] = [
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"]), .brew(["onednn"])]),
    .target(name: "CSwiftletPNG", dependencies: ["CPNG"]),
    .target(name: "SwiftletFiles"),
    .target(name: "SwiftletGraph"),
    .target(name: "SwiftletImageIO", dependencies: ["CSwiftletPNG", "SwiftletGraph"]),
    .target(name: "SwiftletZoo", dependencies: ["SwiftletGraph"]),
    .target(name: "CSwiftletTraining"),
    .target(
        name: "SwiftletTraining",
        dependencies: [
            "COneDNN", "CSwiftletTraining", "CZlib", "SwiftletFiles", "SwiftletGraph", "SwiftletZoo", "SwiftletImageIO",
        ]),
    .target(name: "SwiftletQuantizer", dependencies: ["SwiftletGraph", "SwiftletTraining", "SwiftletArithmetic"]),
    .target(name: "SwiftletPlanner", dependencies: ["SwiftletFormat"]),
    .target(
        name: "SwiftletImporters",
        dependencies: [
            "SwiftletArithmetic", "SwiftletConverter", "SwiftletFiles", "SwiftletFormat", "SwiftletGraph",
            "SwiftletPlanner", "SwiftletQuantizer", "SwiftletTraining", "SwiftletZoo",
        ]),
    .target(name: "CSwiftletHost"),
    .target(name: "SwiftletHost", dependencies: ["CSwiftletHost", "Swiftlet", "SwiftletFormat", "SwiftletKernels"]),
    .target(
        name: "SwiftletConverter",
        dependencies: [
            "SwiftletArithmetic", "SwiftletFormat", "SwiftletGraph", "SwiftletHost", "SwiftletPlanner",
            "SwiftletQuantizer",
            "SwiftletTraining", "SwiftletZoo",
        ]),
    .target(
        name: "SwiftletProfiler",
        dependencies: ["Swiftlet", "SwiftletFormat", "SwiftletHost", "SwiftletKernels", "SwiftletPlanner"]),
    .executableTarget(
        name: "SwiftletCommand",
        dependencies: [
            "Swiftlet", "SwiftletConverter", "SwiftletFiles", "SwiftletFormat", "SwiftletGraph", "SwiftletHost",
            "SwiftletImageIO", "SwiftletImporters", "SwiftletKernels", "SwiftletPlanner", "SwiftletProfiler",
            "SwiftletQuantizer", "SwiftletTraining", "SwiftletZoo",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ]),
]

let tests: [Target] = [
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    .target(name: "TestSupport", dependencies: ["SwiftletGraph"], path: "Tests/Support"),
    .target(
        name: "FuzzTargets",
        dependencies: [
            "CZlib", "Swiftlet", "SwiftletConverter", "SwiftletFormat", "SwiftletGraph", "SwiftletHost",
            "SwiftletImageIO", "SwiftletImporters", "SwiftletKernels", "SwiftletQuantizer", "SwiftletTraining",
            "SwiftletZoo", "TestSupport",
        ], path: "Tests/FuzzTargets", exclude: ["README.md"]),
    .testTarget(
        name: "FuzzTargetsTests",
        dependencies: [
            "FuzzTargets", "SwiftletConverter", "SwiftletGraph", "SwiftletImageIO", "SwiftletImporters",
            "SwiftletQuantizer", "TestSupport",
        ]),
    .testTarget(
        name: "SwiftletArithmeticTests", dependencies: ["SwiftletArithmetic", "SwiftletGraph", "TestSupport"]),
    .testTarget(name: "SwiftletFormatTests", dependencies: ["SwiftletFormat", "TestSupport"]),
    .testTarget(
        name: "SwiftletKernelsTests",
        dependencies: ["SwiftletArithmetic", "SwiftletFormat", "SwiftletGraph", "SwiftletKernels", "TestSupport"]),
    .testTarget(
        name: "SwiftletTests",
        dependencies: [
            "Swiftlet", "SwiftletConverter", "SwiftletFormat", "SwiftletGraph", "SwiftletHost", "SwiftletKernels",
            "SwiftletZoo", "TestSupport",
        ]),
    .testTarget(name: "SwiftletPlannerTests", dependencies: ["SwiftletGraph", "SwiftletPlanner", "TestSupport"]),
    .testTarget(
        name: "SwiftletConverterTests",
        dependencies: [
            "AllocationCounter", "Swiftlet", "SwiftletConverter", "SwiftletFormat", "SwiftletGraph", "SwiftletHost",
            "SwiftletKernels", "SwiftletPlanner", "SwiftletQuantizer", "SwiftletTraining", "SwiftletZoo", "TestSupport",
        ]),
    .testTarget(
        name: "SwiftletConformanceTests",
        dependencies: [
            "Swiftlet", "SwiftletArithmetic", "SwiftletConverter", "SwiftletFormat", "SwiftletGraph", "SwiftletHost",
            "SwiftletImporters", "SwiftletKernels", "SwiftletQuantizer", "TestSupport",
        ]),
    .testTarget(
        name: "SwiftletTrainingTests",
        dependencies: ["CSwiftletTraining", "SwiftletTraining", "SwiftletGraph", "SwiftletZoo", "TestSupport"],
        exclude: ["Fixtures"]),
    .testTarget(name: "SwiftletGraphTests", dependencies: ["SwiftletGraph", "TestSupport"]),
    .testTarget(
        name: "SwiftletImageIOTests", dependencies: ["SwiftletImageIO", "SwiftletGraph", "TestSupport"],
        exclude: ["Fixtures"]),
    .testTarget(name: "SwiftletZooTests", dependencies: ["SwiftletZoo", "SwiftletGraph", "TestSupport"]),
    .testTarget(
        name: "SwiftletDataTests",
        dependencies: ["CZlib", "SwiftletTraining", "SwiftletImageIO", "SwiftletGraph", "TestSupport"]),
    .testTarget(name: "SwiftletFilesTests", dependencies: ["SwiftletFiles", "TestSupport"]),
    .testTarget(
        name: "SwiftletCheckpointTests",
        dependencies: ["SwiftletTraining", "SwiftletFiles", "SwiftletGraph", "SwiftletZoo", "TestSupport"]),
    .testTarget(
        name: "SwiftletQuantizerTests",
        dependencies: ["SwiftletQuantizer", "SwiftletGraph", "SwiftletZoo", "TestSupport"]),
    .testTarget(
        name: "SwiftletImportersTests",
        dependencies: [
            "SwiftletConverter", "SwiftletGraph", "SwiftletHost", "SwiftletImporters", "SwiftletTraining",
            "SwiftletZoo",
            "TestSupport",
        ], exclude: ["Fixtures"]),
    .testTarget(
        name: "SwiftletCommandTests",
        dependencies: ["SwiftletCommand", "SwiftletGraph", "SwiftletImageIO", "SwiftletTraining", "TestSupport"],
        exclude: ["Snapshots"]),
]

/// libFuzzer's executable. Only `tools/fuzz` asks for it: it links with every module instrumented.
let fuzzer: [Target] =
    Context.environment["SWIFTLET_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "Fuzzer", dependencies: ["FuzzTargets"], path: "Tests/Fuzzer",
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])])
    ]

let package = Package(
    name: "Swiftlet",
    products: [
        .library(name: "Swiftlet", targets: ["Swiftlet"]),
        .executable(name: "swiftlet", targets: ["SwiftletCommand"]),
    ],
    // Tests record help texts word for word, and their layout is the parser's: minor versions change it.
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.0"))
    ],
    targets: device + offline + tests + fuzzer,
    swiftLanguageModes: [.v6]
)
