/// Independent pieces of work on several cores, their results in order whatever the number of cores.
///
/// What it does not do: balance by cost; each worker has every so-manieth piece.
import Dispatch

extension Array {
    /// `make(0)` to `make(count - 1)`.
    init(count: Int, threads: Int, _ make: @Sendable (Int) -> Element) where Element: Sendable {
        guard threads > 1, count > 1 else {
            self = (0..<count).map(make)
            return
        }
        self.init(unsafeUninitializedCapacity: count) { buffer, initialized in
            let places = UncheckedPlaces(first: buffer.baseAddress!)
            let workers = Swift.min(threads, count)
            DispatchQueue.concurrentPerform(iterations: workers) { worker in
                for index in stride(from: worker, to: count, by: workers) {
                    (places.first + index).initialize(to: make(index))
                }
            }
            initialized = count
        }
    }
}

/// Every place is written by one thread alone.
private struct UncheckedPlaces<Element>: @unchecked Sendable {
    let first: UnsafeMutablePointer<Element>
}
