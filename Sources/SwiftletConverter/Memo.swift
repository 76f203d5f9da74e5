/// What has been worked out before, by what it follows from: one trial of `--auto` does not repeat what another has done.
///
/// What it does not do: forget; it lives as long as the conversions of one network.
import Foundation
import SwiftletGraph
import SwiftletQuantizer

final class Memo<Key: Hashable & Sendable, Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var known: [Key: Value] = [:]

    /// What is known of `key`, or else what `make` says, which is then known.
    func value(of key: Key, make: () throws -> Value) rethrows -> Value {
        if let value = lock.withLock({ known[key] }) { return value }
        let value = try make()
        lock.withLock { known[key] = value }
        return value
    }
}

/// All that may differ from one trial to the next and that the rounded weights of a convolution follow from.
struct RoundingKey: Hashable, Sendable {
    var name: String
    var inputs: [AffineQuantization]
    /// Where the weights of all outputs share a scale, those decide it; else empty.
    var outputs: [AffineQuantization]
    /// The original places of stored inputs and outputs.
    var inputOrder: [Int]
    var outputOrder: [Int]
    var method: RoundingMethod
    var weightScales: WeightScales
}

typealias RoundingMemo = Memo<RoundingKey, [QuantizedChannel]>
