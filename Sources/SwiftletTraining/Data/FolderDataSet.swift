/// PNG pictures of any size in a folder: one folder for each class, or a table of files and class indices.
///
/// Pictures are decoded when they are read, row by row through the same `PictureStream` as at inference.
/// What it does not do: read JPEG, or keep decoded pictures.
import Foundation
import SwiftletGraph
import SwiftletImageIO

struct FolderDataSet: DataSet {
    /// More classes than this are refused: labels are kept in 4 bytes, networks have far fewer.
    static let classLimit = 1 << 20

    let name: String
    let format: InputFormat
    let classNames: [String]
    let isIndexedByName: Bool
    private let files: [String]
    private let labels: [Int32]

    var count: Int { files.count }

    /// Opens one of
    /// - a table (`.tsv`, or a folder with `labels.tsv`): a file and its class index a line, further columns ignored save
    ///   one headed `name`; the whole of it whatever the split;
    /// - a folder with `train` and `test` (or `training`, `val`, `validation`), each holding a folder for each class;
    /// - a folder with a folder for each class: every fifth picture of a class is for the test, the rest for training.
    ///
    /// - Throws: `DataSetError` for what is missing, empty or not a class index. Pictures are not opened here.
    init(name: String, path: String, split: DataSets.Split, format: InputFormat) throws {
        if let defect = format.defect { throw DataSetError.badFormat(reason: defect) }
        self.name = name
        self.format = format
        guard let isFolder = FileSystem.isFolder(path) else {
            throw DataSetError.missing(path: path, expected: "a folder of class folders, or a table of files (.tsv)")
        }
        let table = isFolder ? FileSystem.join(path, "labels.tsv") : path
        let entries: Entries
        isIndexedByName = FileSystem.isFolder(table) != false
        if !isIndexedByName {
            entries = try Self.readTable(table)
        } else {
            entries = try Self.readClassFolders(path, split: split)
        }
        classNames = entries.classNames
        files = entries.files
        labels = entries.labels
    }

    func label(at index: Int) -> Int { Int(labels[index]) }

    func pictureName(at index: Int) -> String { files[index] }

    func readPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        do {
            try PictureStream.read(PNGReader(path: files[index]), format: format, into: pixels)
        } catch let error as ImageError {
            throw DataSetError.picture(path: files[index], reason: "\(error)")
        }
    }

    private struct Entries {
        var classNames: [String] = []
        var files: [String] = []
        var labels: [Int32] = []
    }

    private static func readClassFolders(_ path: String, split: DataSets.Split) throws -> Entries {
        let halves = split == .training ? ["train", "training"] : ["test", "val", "validation"]
        let names = try FileSystem.entries(of: path)
        if let half = halves.first(where: names.contains) {
            return try readClasses(FileSystem.join(path, half), every: nil, split: split)
        }
        let others = split == .training ? ["test", "val", "validation"] : ["train", "training"]
        if let other = others.first(where: names.contains) {
            throw DataSetError.missing(
                path: FileSystem.join(path, halves[0]), expected: "this folder, since there is \(other) beside it")
        }
        return try readClasses(path, every: 5, split: split)
    }

    /// - Parameter every: one picture in so many is for the test; nil: all belong to the split.
    private static func readClasses(_ path: String, every: Int?, split: DataSets.Split) throws -> Entries {
        var entries = Entries()
        for folder in try FileSystem.entries(of: path) {
            let folderPath = FileSystem.join(path, folder)
            guard FileSystem.isFolder(folderPath) == true else { continue }
            let pictures = try FileSystem.entries(of: folderPath).filter { $0.lowercased().hasSuffix(".png") }
            let label = Int32(entries.classNames.count)
            guard !pictures.isEmpty else {
                throw DataSetError.empty(path: folderPath, expected: "at least one .png of class \(folder)")
            }
            for (index, picture) in pictures.enumerated() {
                if let every, (index % every == every - 1) != (split == .test) { continue }
                entries.files.append(FileSystem.join(folderPath, picture))
                entries.labels.append(label)
            }
            entries.classNames.append(folder)
        }
        guard !entries.classNames.isEmpty else {
            throw DataSetError.empty(path: path, expected: "a folder of .png files for each class, or labels.tsv")
        }
        guard !entries.files.isEmpty else {
            throw DataSetError.empty(
                path: path,
                expected: "5 pictures a class, of which the fifth is for the test, or folders train and test")
        }
        return entries
    }

    private static func readTable(_ path: String) throws -> Entries {
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent().path
        var entries = Entries()
        var nameColumn: Int?
        var names: [Int32: String] = [:]
        for (number, line) in try FileSystem.lines(of: path).enumerated() {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 2 else {
                throw DataSetError.malformed(
                    path: path,
                    reason: "entry \(number) has no tab: '\(line.prefix(40))'; expected FILE, tab, CLASS INDEX")
            }
            guard let label = Int32(fields[1]) else {
                // The first line may head the columns.
                guard number == 0 else {
                    throw DataSetError.malformed(
                        path: path, reason: "entry \(number): '\(fields[1].prefix(40))' is no class index")
                }
                nameColumn = fields.firstIndex(of: "name")
                continue
            }
            guard label >= 0, label < classLimit else {
                throw DataSetError.labelOutOfRange(path: path, record: number, label: Int(label), classes: classLimit)
            }
            let file = fields[0].hasPrefix("/") ? fields[0] : FileSystem.join(folder, fields[0])
            guard FileSystem.isFolder(file) == false else {
                throw DataSetError.missing(path: file, expected: "the picture that entry \(number) of \(path) names")
            }
            entries.files.append(file)
            entries.labels.append(label)
            if let nameColumn, nameColumn < fields.count { names[label] = fields[nameColumn] }
        }
        guard let largest = entries.labels.max() else {
            throw DataSetError.empty(path: path, expected: "lines of FILE, tab, CLASS INDEX")
        }
        entries.classNames = try listedNames(in: folder) ?? (0...largest).map { names[$0] ?? "class \($0)" }
        if let record = entries.labels.firstIndex(where: { Int($0) >= entries.classNames.count }) {
            throw DataSetError.labelOutOfRange(
                path: path, record: record, label: Int(entries.labels[record]), classes: entries.classNames.count)
        }
        return entries
    }

    /// All class names, when a list of them lies beside the table: `classes.txt`, or ImageNet's `synset_words.txt`, whose
    /// lines begin with the synset.
    private static func listedNames(in folder: String) throws -> [String]? {
        for (file, hasSynset) in [("classes.txt", false), ("synset_words.txt", true)] {
            let path = FileSystem.join(folder, file)
            guard FileSystem.isFolder(path) == false else { continue }
            let lines = try FileSystem.lines(of: path)
            return hasSynset
                ? lines.map { String($0.drop { $0 != " " }.drop { $0 == " " }) } : lines
        }
        return nil
    }
}
