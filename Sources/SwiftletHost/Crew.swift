/// The other threads of a runner: each makes its share of every row that is worth dividing.
///
/// All threads go through the same run with a session each, in the same order, so nothing is handed out: a thread only waits,
/// before a row that it makes a part of, until the rows before are whole. The first thread is the caller's, and makes alone what
/// is not worth dividing; the others pass over that. What it does not do: exist for one thread.
import CSwiftletHost
import Foundation
import Swiftlet
import SwiftletFormat
import SwiftletKernels

final class Crew: @unchecked Sendable {
    /// Threads, the caller's included.
    let count: Int
    /// The caller's.
    let session: Session
    private let others: [Session]
    private let file: ModelFile
    private let arena: HostArena
    private let divisions: UnsafeMutablePointer<RowDivision>
    /// Bookkeeping of the others' sessions.
    private let states: UnsafeMutableRawBufferPointer
    private let gate: UnsafeMutablePointer<SHGate>
    private let progress: UnsafeMutablePointer<SHCounter>
    private var run: UInt64 = 0
    /// Where all have been with their last shares.
    private var end: UInt64 = 0

    /// - Returns: nil when the model is not worth dividing.
    /// - Throws: `SessionError`.
    init?(
        _ file: ModelFile, arena: HostArena, kernels: VectorKernels?, threads: Int, policy: DivisionPolicy
    ) throws {
        let reader = file.model.reader
        let chosen = policy.choose((0..<reader.operatorCount).map { reader.operation($0) }, among: threads)
        guard chosen.contains(where: { $0 != .none }) else { return nil }
        // What is wrong with the arena shows before anything is allocated.
        _ = try Session(model: file.model, arena: arena.arena, kernels: kernels)
        count = threads
        self.file = file
        self.arena = arena
        let table = UnsafeMutablePointer<RowDivision>.allocate(capacity: chosen.count)
        table.initialize(from: chosen, count: chosen.count)
        divisions = table
        let stateBytes = (Session.stateBytes(of: file.model) + 127) / 128 * 128
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: stateBytes * threads, alignment: 128)
        states = memory
        gate = .allocate(capacity: 1)
        sh_gate_init(gate)
        progress = .allocate(capacity: threads)
        // Before the first step, all shares are made.
        var none = SHCounter()
        none.value = 1
        progress.initialize(repeating: none, count: threads)
        let sessions = try (0..<threads).map { index in
            try Session(
                model: file.model, arena: arena.arena, kernels: kernels,
                share: RowShare(index: index, count: threads, divisions: table),
                state: index == 0 ? nil : memory.baseAddress! + index * stateBytes)
        }
        session = sessions[0]
        others = Array(sessions.dropFirst())
        for index in 1..<threads {
            let thread = Thread { [self] in work(index) }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// Lets the threads end. They keep the crew alive until they have.
    func stop() { sh_gate_raise(gate, UInt64.max) }

    deinit {
        sh_gate_destroy(gate)
        gate.deallocate()
        progress.deallocate()
        divisions.deallocate()
        states.deallocate()
    }

    // MARK: Runs

    /// Begins a run of all threads. The caller must push all rows of the picture.
    func begin<Base: StepObserver>(_ base: Base) -> CrewObserver<Base> {
        run += 1
        session.reset()
        sh_gate_raise(gate, run)
        return observer(0, run: run, lastDivided: end, base)
    }

    /// Waits until all shares are made; the output is whole then.
    func finish<Base: StepObserver>(_ observer: CrewObserver<Base>) {
        observer.waitForShares()
        end = observer.lastDivided
    }

    private func observer<Base: StepObserver>(
        _ index: Int, run: UInt64, lastDivided: UInt64, _ base: Base
    ) -> CrewObserver<Base> {
        CrewObserver(
            base: base, index: index, count: count, divisions: divisions, progress: progress,
            step: run << CrewObserver<Base>.stepBits, lastDivided: lastDivided)
    }

    private func work(_ index: Int) {
        let session = others[index - 1]
        let reader = file.model.reader
        let heights = (0..<reader.inputCount).map { Int(reader.input($0).height) }
        var run: UInt64 = 0
        while true {
            run += 1
            if sh_gate_wait(gate, run) == UInt64.max { return }
            session.reset()
            // What was made before is whole when the first thread has begun.
            var observer = observer(index, run: run, lastDivided: 0, NoObserver())
            if file.model.passes > 1 {
                for (pass, height) in heights.enumerated() {
                    for _ in 0..<height { session.follow(input: pass, observer: &observer) }
                }
                continue
            }
            for y in 0..<(heights.max() ?? 0) {
                for (input, height) in heights.enumerated() where y < height {
                    session.follow(input: input, observer: &observer)
                }
            }
        }
    }
}
