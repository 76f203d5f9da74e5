"""What a firmware is built from for one model: written by tools/firmware and tools/export, read by tools/firmware-boards/build.

What it does not do: build.
"""
import json
import shutil
import subprocess


class Failure(Exception):
    """What the host's program said."""


def swiftlet(program, *arguments):
    """The answer of a command of the host's program, as JSON."""
    result = subprocess.run([str(part) for part in (program, *arguments, "--json")], capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(result.stderr.strip().removeprefix("swiftlet: error: "))
    return json.loads(result.stdout)


def linked_operators(model):
    """The Swift source that leaves out the operators, and the version of the format, that the model does not have."""
    kinds = {operation["operatorKind"] for operation in model["operators"]}
    if "separableBlock" in kinds:
        kinds |= {"convolution", "depthwiseConvolution"}  # its stages
    cases = "".join(f"        case OperatorKind.{kind}.rawValue: .{kind}\n" for kind in sorted(kinds))
    return ("/// The operators of one model; takes the place of the file of this name in SwiftletFormat.\n\n"
            "extension OperatorRecord {\n    @inlinable\n    @inline(__always)\n"
            "    public var operatorKind: OperatorKind? {\n        switch kind {\n"
            f"{cases}        default: nil\n        }}\n    }}\n}}\n\n"
            "extension HeaderRecord {\n    @inlinable\n    @inline(__always)\n"
            f"    public static var newestVersion: UInt16 {{ {model['version']} }}\n}}\n")


def write_sources(model, folder):
    """Writes the file and its sizes, and the operators that it has, into `folder`."""
    shutil.copy(model["path"], folder / "int8.bin")
    height, width, channels = model["inputs"][0]["shape"]
    (folder / "model.h").write_text(
        f"/// {model['architecture']}: {height} rows of {width} pixels of {channels} bytes.\n"
        f"#define ARENA_BYTES {model['arenaBytes']}\n#define ROW_BYTES {width * channels}\n"
        f"#define OPERATOR_COUNT {len(model['operators'])}\n")
    (folder / "LinkedOperators.swift").write_text(linked_operators(model))
