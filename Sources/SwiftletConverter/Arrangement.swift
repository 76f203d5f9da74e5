/// How a network is to lie in memory. Whatever is chosen, the model's output is the same to the byte.
///
/// What it does not do: plan; `Planner` and `ArenaSearch` do.
import SwiftletPlanner

public struct Arrangement {
    private let choose: (AssembledNetwork) throws -> (AssembledNetwork, Plan)
    let inputIsResident: Bool

    /// The smallest arena that is found.
    ///
    /// - Parameters:
    ///   - inputIsResident: whether the picture stands whole in the arena, as a camera's frame buffer does; else its rows are a
    ///     stream.
    ///   - maxArena: bytes that the arena may have; where more are needed, rows and columns are computed more than once.
    public init(inputIsResident: Bool = false, maxArena: Int? = nil) {
        self.inputIsResident = inputIsResident
        choose = { network in
            if let maxArena {
                let search = ArenaSearch(network, limit: maxArena, inputIsResident: inputIsResident)
                var found = try search.find()
                found.plan.layerwiseBytes = Planner(network.planProblem).layerwiseBytes
                return (found.network, found.plan)
            }
            return (network, try Planner(network.planProblem).withInputs(areResident: inputIsResident).plan())
        }
    }

    /// The network as it is, with the rings and segments of `plan`.
    public static func planned(by plan: @escaping (Planner) throws -> Plan) -> Arrangement {
        Arrangement { ($0, try plan(Planner($0.planProblem))) }
    }

    init(_ choose: @escaping (AssembledNetwork) throws -> (AssembledNetwork, Plan)) {
        self.choose = choose
        inputIsResident = false
    }

    /// - Throws: `ConversionError.arenaTooSmall`, `PlanError`.
    func arrange(_ network: AssembledNetwork) throws -> (AssembledNetwork, Plan) { try choose(network) }
}
