/// Finds a model by the name a user types: a path, or the name of a file in a `models` folder.
///
/// Folders, in order: `SWIFTLET_MODELS`, `./models`, and the `models` folders above the executable.
import Foundation
import SwiftletGraph
import SwiftletHost
import SwiftletTraining
import SwiftletZoo

enum ModelLookup {
    /// - Throws: `CommandFailure` with the names that exist, the nearest first; `ModelFileError` for a broken file.
    static func open(_ name: String) throws -> ModelFile { try ModelFile(path: try path(of: name)) }

    static func path(of name: String) throws -> String {
        let manager = FileManager.default
        if name.contains("/") || manager.fileExists(atPath: name) { return name }
        let file = name.hasSuffix(".bin") ? name : name + ".bin"
        for folder in folders where manager.fileExists(atPath: folder + "/" + file) { return folder + "/" + file }
        let known = Set(folders.flatMap { (try? manager.contentsOfDirectory(atPath: $0)) ?? [] })
            .filter { $0.hasSuffix(".bin") }.map { String($0.dropLast(4)) }.sorted()
        guard !known.isEmpty else {
            throw CommandFailure(
                "there is no model \(name): no models folder was found (looked in \(folders.joined(separator: ", "))); "
                    + "give a path or set SWIFTLET_MODELS")
        }
        let suggestion = nearestName(to: name, among: known).map { "; did you mean \($0)?" } ?? ";"
        throw CommandFailure("there is no model \(name)\(suggestion) known are \(known.joined(separator: ", "))")
    }

    private static var folders: [String] {
        var folders: [String] = []
        if let folder = ProcessInfo.processInfo.environment["SWIFTLET_MODELS"] { folders.append(folder) }
        folders.append("models")
        var url = (Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0]))
            .resolvingSymlinksInPath()
        while url.pathComponents.count > 1 {
            url.deleteLastPathComponent()
            folders.append(url.appendingPathComponent("models").path)
        }
        return folders.filter { $0 == "models" || FileManager.default.fileExists(atPath: $0) }
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

/// Opens labelled pictures for a network of `classes` classes.
///
/// - Throws: `DataSetError`; `CommandFailure` when the classes do not match.
func openDataSet(
    _ specification: String, split: DataSets.Split, format: InputFormat, classes: Int
) throws -> any DataSet {
    let dataSet = try DataSets.open(specification, split: split, format: format)
    guard dataSet.classNames.count <= classes else {
        throw CommandFailure(
            "\(specification) has \(dataSet.classNames.count) classes, the network knows \(classes); use the data it was "
                + "trained for")
    }
    return dataSet
}
