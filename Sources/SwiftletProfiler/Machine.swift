/// What this machine can do at best: the ceilings that operators are held against.
///
/// Measured anew for each profile, in about a tenth of a second, as clocks and neighbours change: the best of many short
/// trials. What it does not do: know the processor's name or its caches; bandwidths are those of working sets of a size.
import Foundation
import SwiftletKernels

public struct Machine: Sendable, Codable {
    /// Reading a working set over and over, on one core.
    public struct Bandwidth: Sendable, Codable {
        public var workingSetBytes: Int
        /// 10^9 bytes a second.
        public var gigabytesPerSecond: Double
    }

    /// As `SWIFTLET_ISA` names it.
    public var instructionSet: String
    /// 10^9 multiply-accumulates a second of dot products that stay in registers, on one core.
    public var peakGmacsPerSecond: Double
    /// The smallest working set first.
    public var bandwidths: [Bandwidth]

    /// Sizes that lie in the first and in the second cache of about every core, and beyond both.
    private static let workingSets = [16 << 10, 512 << 10, 64 << 20]
    private static let trials = 24

    /// - Parameter kernels: of the instruction set in question; nil for portable code.
    public static func measure(_ kernels: VectorKernels? = .chosen) -> Machine {
        let rounds = 20_000
        let peak = bestRate { kernels?.dotProducts(rounds: rounds) ?? PortableProbe.dotProducts(rounds: rounds) }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: workingSets.last!, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 1)
        let bandwidths = workingSets.map { size in
            let part = UnsafeRawBufferPointer(rebasing: memory[..<size])
            let passes = max(1, (8 << 20) / size)
            let rate = bestRate(trials: size == memory.count ? 3 : trials) {
                for _ in 0..<passes where kernels?.read(part) != true { PortableProbe.read(part) }
                return passes * size
            }
            return Bandwidth(workingSetBytes: size, gigabytesPerSecond: rate)
        }
        return Machine(
            instructionSet: kernels?.name ?? "portable", peakGmacsPerSecond: peak, bandwidths: bandwidths)
    }

    /// The most of what `work` counts that has been done in a nanosecond.
    private static func bestRate(trials: Int = trials, _ work: () -> Int) -> Double {
        var best = 0.0
        for _ in 0..<trials {
            let start = DispatchTime.now().uptimeNanoseconds
            let count = work()
            best = max(best, Double(count) / Double(max(1, DispatchTime.now().uptimeNanoseconds - start)))
        }
        return best
    }

    /// The ceilings for a person.
    public var text: String {
        let reads = bandwidths.map {
            String(format: "%.0f GB/s of %@", $0.gigabytesPerSecond, Self.sizeText($0.workingSetBytes))
        }
        return String(format: "%@, a core %.0f GMAC/s at best; reads ", instructionSet, peakGmacsPerSecond)
            + reads.joined(separator: ", ")
    }

    /// "16 KiB"
    static func sizeText(_ bytes: Int) -> String {
        bytes < 1 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
    }
}

/// The loops of `Machine` for portable Swift: the same way to multiply bytes as `convolveRow`.
private enum PortableProbe {
    /// Eight vectors of four sums, 16 products each.
    static func dotProducts(rounds: Int) -> Int {
        var sums = (SIMD8<Int32>(), SIMD8<Int32>(), SIMD8<Int32>(), SIMD8<Int32>())
        var weights = SIMD16<Int16>(repeating: 1)
        for index in weights.indices { weights[index] = Int16(truncatingIfNeeded: index &* 7 &- rounds) }
        for round in 0..<rounds {
            let quad = SIMD16<Int16>(repeating: Int16(truncatingIfNeeded: round & 0xFF))
            sums.0 &+= unsafeBitCast(weights &* quad, to: SIMD8<Int32>.self)
            sums.1 &+= unsafeBitCast((weights &<< 1) &* quad, to: SIMD8<Int32>.self)
            sums.2 &+= unsafeBitCast((weights &<< 2) &* quad, to: SIMD8<Int32>.self)
            sums.3 &+= unsafeBitCast((weights &<< 3) &* quad, to: SIMD8<Int32>.self)
        }
        withExtendedLifetime(keep(sums.0 &+ sums.1 &+ sums.2 &+ sums.3)) {}
        return rounds * 4 * 16
    }

    static func read(_ bytes: UnsafeRawBufferPointer) {
        var all = SIMD8<UInt64>()
        for offset in stride(from: 0, to: bytes.count, by: 64) {
            all |= bytes.load(fromByteOffset: offset, as: SIMD8<UInt64>.self)
        }
        withExtendedLifetime(keep(all)) {}
    }

    @inline(never)
    private static func keep<Value>(_ value: Value) -> Value { value }
}
