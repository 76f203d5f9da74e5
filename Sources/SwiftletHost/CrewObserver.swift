/// Keeps the threads of a crew in step: a row is whole before anyone reads it, and read before anyone overwrites it.
///
/// Each thread counts the steps of the run, says how far it has come, and waits for the others before what needs them. A step
/// that is not divided is the first thread's alone. A share that nobody has begun when the first thread is done with its own is
/// made by the first thread, too: so a thread that the system has put aside holds nobody up, and on a busy machine a crew is
/// about as fast as one thread. What it does not do: know which rows lie where; it takes every step for dependent on the one
/// before, which in a stream of rows it mostly is.
import CSwiftletHost
import Swiftlet
import SwiftletKernels

struct CrewObserver<Base: StepObserver>: StepObserver {
    /// The caller's. It is told of the rows when their first shares are made.
    var base: Base
    let index: Int
    let count: Int
    let divisions: UnsafePointer<RowDivision>
    /// First, the last step of which the first thread has made its share; then, of each other share, twice the last step in which
    /// it was begun, and one more when it is made.
    let progress: UnsafeMutablePointer<SHCounter>
    /// The run's number, then the steps that it has made.
    var step: UInt64
    /// The last step that was divided.
    var lastDivided: UInt64
    /// Whether the first thread had to make a share of another at last, and does not wait for that one to come.
    var isAlone = false

    static var stepBits: UInt64 { 32 }

    mutating func willTakeRow(input: Int) {
        base.willTakeRow(input: input)
        if index == 0 { waitForShares() }
    }

    mutating func didTakeRow(input: Int) {
        step += 1
        if index == 0 { sh_raise(progress, step) }
        base.didTakeRow(input: input)
    }

    mutating func willStep(operation: Int) {
        base.willStep(operation: operation)
        guard index == 0 || divisions[operation] != .none else { return }
        if index != 0 { sh_wait(progress, step) }
        waitForShares()
    }

    mutating func takesShare(_ share: Int, isOwn: Bool, operation: Int) -> Bool {
        if share == 0 { return isOwn }
        guard isOwn || index == 0 else { return false }
        let isTaken = sh_claim(progress + share, 2 * (step + 1), isOwn || isAlone ? 0 : 1) != 0
        if !isOwn { isAlone = isTaken }
        return isTaken
    }

    mutating func didMakeShare(_ share: Int, operation: Int) {
        sh_raise(progress + share, share == 0 ? step + 1 : 2 * (step + 1) + 1)
    }

    mutating func didChoose(_ path: KernelPath, operation: Int) { base.didChoose(path, operation: operation) }

    mutating func didStep(operation: Int, row: Int?, output: OutputRow) {
        step += 1
        if divisions[operation] != .none {
            lastDivided = step
        } else if index == 0 {
            sh_raise(progress, step)
        }
        base.didStep(operation: operation, row: row, output: output)
    }

    /// Waits until all shares but the first are made.
    func waitForShares() {
        for share in 1..<count { sh_wait(progress + share, 2 * lastDivided + 1) }
    }
}
