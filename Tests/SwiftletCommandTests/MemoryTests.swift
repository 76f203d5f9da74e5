/// The arenas of the zoo's small networks against `tools/memory-limits.csv`, which `tools/bench-memory` holds all against.
import Testing
import TestSupport

@Suite struct MemoryTests {
    /// Each runs in exactly its arena, gives what whole tensors give, and keeps its limit.
    @Test(
        arguments: [
            "resnet-8", "mobilenet-v1:width=0.25,resolution=96", "mobilenet-v2:width=0.35,resolution=96",
            "mobilenet-v2:width=0.35,resolution=144",
        ])
    func smallNetworksKeepTheirLimits(network: String) throws {
        let plan = try run("plan", network, "--run", "--json").json()
        let arena = try #require(plan["arenaBytes"] as? Int)
        let state = try #require(plan["stateBytes"] as? Int)
        let limit = try LimitTable("memory-limits.csv").limit("limit_kib", of: network)
        #expect(Double(arena - state) <= limit * 1024, "\(network): \(arena) B, of which state \(state) B")
    }
}
