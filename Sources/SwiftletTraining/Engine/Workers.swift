/// A fixed crew of threads that walk through a network together, each with its share of the batch.
///
/// What it does not do: balance load; shares are equal and fixed, so that results do not depend on timing.
import CSwiftletTraining
import Foundation

/// One thread's view of a pass: which images are its own, and the barrier that it shares with the others.
struct Share {
    var thread: Int
    var threads: Int
    /// Images of the batch.
    var images: Range<Int>
    /// Images of the whole batch.
    var batch: Int
    fileprivate var barrierPointer: UnsafeMutablePointer<STBarrier>

    /// Waits until every thread of the crew has come here.
    func wait() { if threads > 1 { st_barrier_wait(barrierPointer) } }
}

final class Workers: @unchecked Sendable {
    let count: Int
    private let barrier = UnsafeMutablePointer<STBarrier>.allocate(capacity: 1)
    private let start: [DispatchSemaphore]
    private let done = DispatchSemaphore(value: 0)
    private var work: ((Share) -> Void)?
    private var batch = 0

    init(count: Int) {
        self.count = max(1, count)
        st_barrier_init(barrier, Int32(self.count))
        start = (1..<max(2, self.count)).map { _ in DispatchSemaphore(value: 0) }
        for thread in 1..<max(1, self.count) where self.count > 1 {
            let signal = start[thread - 1]
            let worker = Thread { [weak self] in
                useOneThreadForProducts()
                while true {
                    signal.wait()
                    guard let self, let work = self.work else { return }
                    work(self.share(thread))
                    self.done.signal()
                }
            }
            worker.stackSize = 16 << 20
            worker.start()
        }
        useOneThreadForProducts()
    }

    /// Ends the threads. They hold no reference to this object while they wait.
    func stop() {
        work = nil
        for signal in start { signal.signal() }
    }

    deinit {
        stop()
        barrier.deallocate()
    }

    private func share(_ thread: Int) -> Share {
        Share(
            thread: thread, threads: count, images: (batch * thread / count)..<(batch * (thread + 1) / count),
            batch: batch,
            barrierPointer: barrier)
    }

    /// Runs `work` once on every thread, on a batch of `batch` images, and returns when all have finished.
    func run(batch: Int, _ work: @escaping (Share) -> Void) {
        self.batch = batch
        self.work = work
        if count > 1 { for signal in start { signal.signal() } }
        useOneThreadForProducts()
        work(share(0))
        if count > 1 { for _ in 1..<count { done.wait() } }
    }
}
