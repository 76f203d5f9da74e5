/// Finds a model by the name a user types: a path, or the name of a file in a `models` folder.
///
/// The folder is `SWIFTLET_MODELS` if that is set; else `./models`, then `models` in the package that the executable was built
/// in.
/// What it does not do: tell a good model from a broken one; `ModelFile` does.
import Foundation
import SwiftletGraph
import SwiftletHost
import SwiftletZoo

enum ModelLookup {
    /// - Throws: `CommandFailure` with the names that exist, the nearest first; `ModelFileError` for a broken file.
    static func open(_ name: String) throws -> ModelFile { try ModelFile(path: try path(of: name)) }

    /// - Throws: `CommandFailure` with the names that exist, the nearest first.
    static func path(of name: String) throws -> String {
        if isFile(name) { return name }
        let file = name.hasSuffix(".bin") ? name : name + ".bin"
        guard !name.contains("/") else {
            let url = URL(fileURLWithPath: name)
            let known = models(in: url.deletingLastPathComponent().path)
            throw failure(url.lastPathComponent, known.map { $0 + ".bin" }, "there is no model file \(name)")
        }
        if let folder = folders.first(where: { isFile("\($0)/\(file)") }) { return "\(folder)/\(file)" }
        guard !isFile(file) else { throw CommandFailure("there is no model \(name); did you mean the file \(file)?") }
        let known = Set(folders.flatMap(models)).sorted()
        guard !known.isEmpty else {
            throw CommandFailure(
                "there is no model \(name): no models in \(folders.joined(separator: ", ")); give a path, or name the "
                    + "folder of models in SWIFTLET_MODELS")
        }
        throw failure(String(file.dropLast(4)), known, "there is no model \(name)")
    }

    private static func failure(_ name: String, _ known: [String], _ what: String) -> CommandFailure {
        guard !known.isEmpty else { return CommandFailure(what) }
        let suggestion = nearestName(to: name, among: known).map { "; did you mean \($0)?" } ?? ";"
        return CommandFailure("\(what)\(suggestion) known are \(known.joined(separator: ", "))")
    }

    private static func isFile(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
    }

    /// The names of the models in a folder.
    private static func models(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.hasSuffix(".bin") && $0 != ".bin" }.map { String($0.dropLast(4)) }.sorted()
    }

    private static var folders: [String] {
        if let folder = ProcessInfo.processInfo.environment["SWIFTLET_MODELS"], !folder.isEmpty { return [folder] }
        var folders = ["models"]
        var url = (Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0]))
            .resolvingSymlinksInPath()
        while url.pathComponents.count > 1 {
            url.deleteLastPathComponent()
            if isFile(url.appendingPathComponent("Package.swift").path) {
                folders.append(url.appendingPathComponent("models").path)
                break
            }
        }
        return folders
    }
}

extension ModelFile {
    /// The pictures that the model takes. Mean and deviation are in its weights already.
    var inputFormat: InputFormat {
        let record = model.reader.header.preprocessing
        let channels = model.inputChannels
        return InputFormat(
            shape: Shape(height: model.inputHeight, width: model.inputWidth, channels: channels),
            preprocessing: Preprocessing(
                resize: record.shorterSide == 0 ? .stretch : .centreCrop(shorterSide: Int(record.shorterSide)),
                colorOrder: record.colorOrder == 1 ? .bgr : record.colorOrder == 2 ? .grey : .rgb,
                mean: Array(repeating: 0, count: channels), deviation: Array(repeating: 1, count: channels)))
    }
}
