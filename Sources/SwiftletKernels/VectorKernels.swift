/// Hands rows to the kernels of this processor's instruction set, where there are any: the same bytes, faster.
///
/// On a host they are chosen once, by what the processor has or by the environment variable `SWIFTLET_ISA`
/// (`amx`, `avx512vnni`, `avxvnni`, `avx2`; `i8mm`, `dotprod`, `neon`; `portable`); for bare metal when the firmware is
/// built, by the core. What it does not do: exist for cores that have no kernels of their own.
#if canImport(CSwiftletKernels)
    import CSwiftletKernels
    import SwiftletArithmetic
    import SwiftletFormat

    /// The kernels of one instruction set.
    public struct VectorKernels: @unchecked Sendable {
        @usableFromInline let table: UnsafePointer<SKKernels>

        init(table: UnsafePointer<SKKernels>) { self.table = table }

        #if hasFeature(Embedded)
            /// Those of the core that the firmware is built for.
            public static var chosen: VectorKernels? { sk_chosen_kernels().map(VectorKernels.init(table:)) }
        #else
            /// Those that this process uses; nil where the portable ones are.
            public static let chosen: VectorKernels? = sk_chosen_kernels().map(VectorKernels.init(table:))

            /// The kernels of an instruction set by name; nil when this processor has no such thing.
            public static func named(_ name: String) -> VectorKernels? {
                sk_kernels(name).map(VectorKernels.init(table:))
            }

            public var name: String { String(cString: table.pointee.name) }

            /// The names of those that this processor has, the best first.
            public static var names: [String] { allNames.filter { named($0) != nil } }

            private static let allNames = ["amx", "avx512vnni", "avxvnni", "avx2", "i8mm", "dotprod", "neon"]

            /// Dot products of the instruction set that stay in registers, as fast as the core can.
            ///
            /// - Returns: multiply-accumulates done; nil for an instruction set that has no such loop.
            public func dotProducts(rounds: Int) -> Int? { table.pointee.dotProducts.map { Int($0(Int64(rounds))) } }

            /// Loads every byte once, as fast as the core can. Whole blocks of 512 bytes, aligned to 64.
            ///
            /// - Returns: whether the instruction set has such a loop.
            public func read(_ bytes: UnsafeRawBufferPointer) -> Bool {
                guard let read = table.pointee.read, let start = bytes.baseAddress else { return false }
                read(start.assumingMemoryBound(to: UInt8.self), Int64(bytes.count / 512 * 512))
                return true
            }

            /// Gives back what the kernels hold of the processor between two calls: to be called when the last row is made for now.
            @inlinable
            @inline(__always)
            public func release() { table.pointee.release?() }

            /// Whether `convolveRows` is worth a call.
            @inline(__always)
            public var takesSeveralRows: Bool { table.pointee.convolveRows != nil }

            /// Several output rows at once. All that they read must be there, and may be overwritten by rows of them that come later
            /// than what reads it.
            public func convolveRows(
                _ rows: SeveralRows, _ input: InputRows, _ output: OutputRow, _ window: RowWindow,
                _ parameters: ConvolutionParameters
            ) -> KernelPath {
                guard let convolveRows = table.pointee.convolveRows else { return .reference }
                let layout = parameters.layout
                var (source, target) = (SKInput(input, layout.inputChannels), SKOutput(output, layout.outputChannels))
                var (frame, convolution) = (SKWindow(window), SKConvolution(parameters))
                var several = SKRows(
                    count: Int32(truncatingIfNeeded: rows.count), stride: Int32(truncatingIfNeeded: rows.stride),
                    dilation: Int32(truncatingIfNeeded: rows.dilation), inputs: rows.inputs, outputs: rows.outputs)
                return KernelPath(rawValue: convolveRows(&source, &target, &frame, &convolution, &several))
            }
        #endif

        /// Each returns how it has made the row; `.reference` where it has not, for the shape or a multiplier is beyond it.
        /// These two are inlined into the executor: what it puts together is not stored and read again on its way to C.
        @inlinable
        @inline(__always)
        public func convolve(
            _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
        ) -> KernelPath {
            let layout = parameters.layout
            var (source, target) = (SKInput(input, layout.inputChannels), SKOutput(output, layout.outputChannels))
            var (frame, convolution) = (SKWindow(window), SKConvolution(parameters))
            return KernelPath(rawValue: table.pointee.convolve(&source, &target, &frame, &convolution))
        }

        @inlinable
        @inline(__always)
        public func convolveDepthwise(
            _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
        ) -> KernelPath {
            let layout = parameters.layout
            var (source, target) = (SKInput(input, layout.inputChannels), SKOutput(output, layout.outputChannels))
            var (frame, convolution) = (SKWindow(window), SKConvolution(parameters))
            return KernelPath(rawValue: table.pointee.convolveDepthwise(&source, &target, &frame, &convolution))
        }

        public func add(
            _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int,
            _ parameters: BinaryParameters
        ) -> KernelPath {
            var (a, b, target) = (SKInput(first, channels), SKInput(second, channels), SKOutput(output, channels))
            let (x, y, sum) = parameters.multipliers
            var addition = SKAddition(
                multiplier: (x.multiplier, y.multiplier, sum.multiplier),
                shift: (Int32(x.shift), Int32(y.shift), Int32(sum.shift)),
                firstZeroPoint: parameters.firstZeroPoint + 128, secondZeroPoint: parameters.secondZeroPoint + 128,
                zeroPoint: parameters.range.zeroPoint + 128, low: parameters.range.lowByte,
                high: parameters.range.highByte)
            return KernelPath(rawValue: table.pointee.add(&a, &b, &target, &addition))
        }

        public func poolMax(
            _ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, range: OutputRange
        ) -> KernelPath {
            var (source, target) = (SKInput(input, channels), SKOutput(output, channels))
            var frame = SKWindow(window)
            return KernelPath(rawValue: table.pointee.poolMax(&source, &target, &frame, range.lowByte, range.highByte))
        }

        public func poolAverage(
            _ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, range: OutputRange
        ) -> KernelPath {
            var (source, target) = (SKInput(input, channels), SKOutput(output, channels))
            var frame = SKWindow(window)
            return KernelPath(
                rawValue: table.pointee.poolAverage(&source, &target, &frame, range.lowByte, range.highByte))
        }

        public func accumulate(_ row: InputRows, into sums: UnsafeMutablePointer<Int32>, channels: Int) -> KernelPath {
            var source = SKInput(row, channels)
            return KernelPath(rawValue: table.pointee.accumulate(&source, sums))
        }
    }

    extension OutputRange {
        @inlinable var lowByte: UInt8 { UInt8(bitPattern: low) ^ 0x80 }
        @inlinable var highByte: UInt8 { UInt8(bitPattern: high) ^ 0x80 }
    }

    extension SKInput {
        @inlinable
        init(_ rows: InputRows, _ channels: Int) {
            self.init(
                rows: rows.rows, width: Int32(truncatingIfNeeded: rows.width),
                pixelBytes: Int32(truncatingIfNeeded: rows.pixelBytes), channels: rows.channels,
                channelCount: Int32(truncatingIfNeeded: channels))
        }
    }

    extension SKOutput {
        @inlinable
        init(_ row: OutputRow, _ channels: Int) {
            self.init(
                start: row.start, width: Int32(truncatingIfNeeded: row.width),
                pixelBytes: Int32(truncatingIfNeeded: row.pixelBytes), channels: row.channels,
                channelCount: Int32(truncatingIfNeeded: channels))
        }
    }

    extension SKWindow {
        @inlinable
        init(_ window: RowWindow) {
            self.init(
                kernelHeight: Int32(truncatingIfNeeded: window.kernelHeight),
                kernelWidth: Int32(truncatingIfNeeded: window.kernelWidth),
                stride: Int32(truncatingIfNeeded: window.stride), dilation: Int32(truncatingIfNeeded: window.dilation),
                paddingLeft: Int32(truncatingIfNeeded: window.paddingLeft))
        }
    }

    extension SKConvolution {
        #if !hasFeature(Embedded)
            @inline(__always)
        #endif
        @inlinable
        init(_ parameters: ConvolutionParameters) {
            let layout = parameters.layout
            let groups = layout.isDepthwise ? layout.inputChannels : layout.groups
            let groupOutputs = layout.outputChannels / groups
            let range = parameters.range
            self.init(
                requantization: SKRequantization(
                    bias: parameters.bias, multiplier: parameters.multiplier, shift: parameters.shift,
                    zeroPoint: range.zeroPoint + 128, low: range.lowByte, high: range.highByte),
                weights: parameters.weights, padPixel: parameters.padPixel,
                groups: Int32(truncatingIfNeeded: groups),
                groupInputs: Int32(truncatingIfNeeded: layout.isDepthwise ? 1 : layout.groupInputs),
                groupOutputs: Int32(truncatingIfNeeded: groupOutputs),
                paddedChannels: Int32(truncatingIfNeeded: layout.paddedChannels))
        }
    }
#else
    /// There are none here.
    public struct VectorKernels {
        public static var chosen: VectorKernels? { nil }

        public func convolve(
            _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
        ) -> KernelPath { .reference }

        public func convolveDepthwise(
            _ input: InputRows, _ output: OutputRow, _ window: RowWindow, _ parameters: ConvolutionParameters
        ) -> KernelPath { .reference }

        public func add(
            _ first: InputRows, _ second: InputRows, _ output: OutputRow, channels: Int,
            _ parameters: BinaryParameters
        ) -> KernelPath { .reference }

        public func poolMax(
            _ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, range: OutputRange
        ) -> KernelPath { .reference }

        public func poolAverage(
            _ input: InputRows, _ output: OutputRow, _ window: RowWindow, channels: Int, range: OutputRange
        ) -> KernelPath { .reference }

        public func accumulate(_ row: InputRows, into sums: UnsafeMutablePointer<Int32>, channels: Int) -> KernelPath {
            .reference
        }
    }
#endif
