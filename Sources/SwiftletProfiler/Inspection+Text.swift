/// An inspection for a person.
import Foundation

extension Inspection {
    public var text: String {
        let first = inputs[0]
        let fit = shorterSide == 0 ? "stretched to fit" : "shorter side to \(shorterSide), centre cut out"
        var lines = [
            path,
            "format        int8.bin version \(version), \(fileBytes) B, CRC-32 \(checksum)",
            "architecture  \(architecture)",
            "input         \(shape(first.shape)), "
                + (first.isPixels
                    ? "pixels of 0...255, \(colorOrder), \(fit)"
                    : "int8, scale \(first.scale), zero point \(first.zeroPoint)"),
        ]
        for output in outputs {
            lines.append(
                "output        \(shape(output.shape))\(output.bits == 16 ? ", two channels an int16" : ""), scale \(output.scale), "
                    + "zero point \(output.zeroPoint)")
        }
        lines += [
            "classes       "
                + (classes.prefix(10) + (classes.count > 10 ? ["... (\(classes.count))"] : [])).joined(separator: ", "),
            "arena         \(arenaBytes) B, the first \(stateBytes) the executor's own",
            "weights       \(weightBytes) B with biases and multipliers, \(macs) MACs a run",
        ]
        if macsFactor > 1 || passes.count > 1 {
            let columns = passes.map { "\($0[0])..<\($0[0] + $0[1])" }.joined(separator: ", ")
            lines.append(
                "recomputed    \(String(format: "%.2f", macsFactor)) times the MACs of a run that recomputes nothing"
                    + (passes.count > 1 ? "; the picture is pushed \(passes.count) times, columns \(columns)" : ""))
        }
        lines += [
            "self-test     seed \(selfTestSeed), CRC-32 of the output \(selfTestChecksum)",
            "segments      begin at operators " + segments.map(String.init).joined(separator: ", "),
            "",
        ]
        lines += table(
            [
                "", "operator", "kind", "input", "output", "pad", "reads", "writes", "scale", "zero", "clamp",
                "parameters",
            ],
            operators.enumerated().map { index, operation in
                [
                    "\(index)", operation.name, operation.kind, shape(operation.input), shape(operation.output),
                    operation.padding.map(String.init).joined(separator: ","),
                    (operation.reads.map { name($0) } + (operation.sums.map { ["sums b\($0)"] } ?? []))
                        .joined(separator: " "),
                    name(operation.writes), String(format: "%.6g", operation.scale), "\(operation.zeroPoint)",
                    "\(operation.activation[0])...\(operation.activation[1])",
                    operation.parameterBytes == 0
                        ? "none" : "\(operation.parameterBytes) B at \(operation.parametersOffset)",
                ]
            })
        lines.append("")
        lines += table(
            ["ring", "holds", "rows", "phase", "row B", "bytes", "arena offset", "pixels", "pixel B"],
            rings.enumerated().map { index, ring in
                [
                    "b\(index)", ring.name, "\(ring.rows) of \(ring.height)", "\(ring.phase)", "\(ring.rowBytes)",
                    "\(ring.rows * ring.rowBytes)", "\(ring.arenaOffset)", "\(ring.width)", "\(ring.pixelBytes)",
                ]
            })
        return lines.joined(separator: "\n")
    }

    private func shape(_ extents: [Int]) -> String { extents.map(String.init).joined(separator: "x") }

    private func name(_ operand: Operand) -> String {
        let width = operand.bits == 16 ? ":int16" : ""
        if let table = operand.channelTable { return "b\(operand.ring)[\(table.count)]\(width)" }
        return "b\(operand.ring)\(operand.channelOffset == 0 ? "" : "+\(operand.channelOffset)")\(width)"
    }
}

/// Rows of text under a head, each column as wide as its widest entry, numbers to the right.
func table(_ head: [String], _ rows: [[String]]) -> [String] {
    let widths = head.indices.map { column in
        max(head[column].count, rows.map { $0[column].count }.max() ?? 0)
    }
    let isNumber = head.indices.map { column in
        !rows.isEmpty && rows.allSatisfy { Double($0[column]) != nil || $0[column].isEmpty }
    }
    return ([head] + rows).map { row in
        var line = ""
        for column in row.indices {
            let gap = String(repeating: " ", count: widths[column] - row[column].count)
            line += (column == 0 ? "" : "  ") + (isNumber[column] ? gap + row[column] : row[column] + gap)
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}
