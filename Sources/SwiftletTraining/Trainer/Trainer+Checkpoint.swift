/// What a training run leaves behind, and how it goes on from there.
///
/// What it does not do: touch files; `Checkpoint` does.
import Foundation
import SwiftletGraph

extension Trainer {
    /// The network as it is now; while the run is not finished, with the optimizer's memory.
    public func checkpoint(isFinished: Bool = true) throws -> Checkpoint {
        let format = training.dataSet.format
        var state: [String: Tensor] = [:]
        if !isFinished {
            for parameter in engine.parameters {
                state["momentum.\(parameter.name)"] = parameter.moment(0)
                if configuration.optimizer == .adamW { state["second.\(parameter.name)"] = parameter.moment(1) }
            }
            for range in engine.ranges { state["moments.\(range.operations[0])"] = range.momentTensor }
        }
        var record = [
            "configuration": try json(configuration), "metrics": try json(metrics), "step": String(step),
            "data": training.dataSet.name,
        ]
        if let history { record["history"] = history }
        if let accuracy = metrics.last?.validationAccuracy { record["validationAccuracy"] = String(accuracy) }
        return try Checkpoint(
            architecture: architecture, parameters: engine.exportGraph().parameters,
            classNames: training.dataSet.classNames, preprocessing: format.preprocessing, training: record,
            trainingState: state, learnedRanges: engine.exportRanges())
    }

    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// "epochs 30, now 20".
    private func differences(_ was: TrainingConfiguration, _ now: TrainingConfiguration) throws -> String {
        func fields(_ configuration: TrainingConfiguration) throws -> [String: NSObject] {
            let object = try JSONSerialization.jsonObject(with: Data(try json(configuration).utf8))
            return object as? [String: NSObject] ?? [:]
        }
        let (before, after) = (try fields(was), try fields(now))
        return Set(before.keys).union(after.keys).sorted().filter { before[$0] != after[$0] }
            .map { $0 == "augmentation" ? $0 : "\($0) \(before[$0] ?? NSNull()), now \(after[$0] ?? NSNull())" }
            .joined(separator: "; ")
    }

    func resume(_ checkpoint: Checkpoint) throws {
        guard checkpoint.architecture == architecture else {
            throw TrainingError.cannotResume(
                "the checkpoint holds \(checkpoint.architecture.spec), this run trains \(architecture.spec)")
        }
        guard let past = checkpoint.record([EpochMetrics].self, "metrics"),
            let step = checkpoint.training["step"].flatMap({ UInt64($0) }),
            let was = checkpoint.record(TrainingConfiguration.self, "configuration")
        else { throw TrainingError.cannotResume("the checkpoint says nothing of a run that could go on") }
        guard was == configuration else {
            throw TrainingError.cannotResume(
                "the checkpoint's run was another one: \(try differences(was, configuration)); give the same options or "
                    + "begin anew")
        }
        guard past.count < configuration.epochs else {
            throw TrainingError.cannotResume("the run is finished: \(past.count) of \(configuration.epochs) epochs")
        }
        for parameter in engine.parameters {
            guard let momentum = checkpoint.trainingState["momentum.\(parameter.name)"],
                momentum.elementCount == parameter.count
            else { throw TrainingError.cannotResume("the checkpoint has no momentum for \(parameter.name)") }
            parameter.setMoment(0, momentum.values)
            guard configuration.optimizer == .adamW else { continue }
            guard let second = checkpoint.trainingState["second.\(parameter.name)"],
                second.elementCount == parameter.count
            else { throw TrainingError.cannotResume("the checkpoint has no second moment for \(parameter.name)") }
            parameter.setMoment(1, second.values)
        }
        for range in engine.ranges {
            guard let moments = checkpoint.trainingState["moments.\(range.operations[0])"], moments.elementCount == 4
            else { throw TrainingError.cannotResume("the checkpoint has no moments for range.\(range.operations[0])") }
            range.momentTensor = moments
        }
        begin(after: past, step: step)
    }
}

extension Checkpoint {
    /// A part of what a run has written about itself; nil where there is none that can be read.
    func record<Value: Decodable>(_ type: Value.Type, _ key: String) -> Value? {
        training[key].flatMap { try? JSONDecoder().decode(type, from: Data($0.utf8)) }
    }

    /// The runs that have made the network, the oldest first, its own the last, as a JSON array. Their texts are taken as they
    /// are: configurations of other versions have other fields.
    var runs: String? {
        guard let last = training["configuration"] else { return training["history"] }
        guard let earlier = training["history"], earlier.hasSuffix("]") else { return "[\(last)]" }
        return "\(earlier.dropLast()),\(last)]"
    }
}
