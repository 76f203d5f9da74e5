/// What a kernel is given: rows to read, a row to write, the window between them.
///
/// Ring wrap, vertical padding, stride and dilation have become a choice of pointers before a kernel sees them.
/// A byte in the arena is the int8 value plus 128: pictures come in as they are, and dot-product instructions that take
/// unsigned by signed bytes read it without a detour. `value` and `store` speak of int8.
/// What it does not do: check; `ModelReader` has proven every bound.

/// The rows that one output row reads, topmost first.
public struct InputRows {
    /// One pointer a kernel row, to its first pixel; nil where the row is padding.
    public var rows: UnsafePointer<UnsafePointer<UInt8>?>
    /// Pixels in a row.
    public var width: Int
    /// Bytes from one pixel to the next.
    public var pixelBytes: Int
    /// Where channel `c` of a pixel lies; nil when channel `c` is byte `c`.
    public var channels: UnsafePointer<UInt16>?

    @inlinable
    public init(
        rows: UnsafePointer<UnsafePointer<UInt8>?>, width: Int, pixelBytes: Int, channels: UnsafePointer<UInt16>?
    ) {
        self.rows = rows
        self.width = width
        self.pixelBytes = pixelBytes
        self.channels = channels
    }

    /// Channel `channel` of the pixel at `pixel`, -128...127.
    @inlinable
    @inline(__always)
    public func value(_ pixel: UnsafePointer<UInt8>, _ channel: Int) -> Int32 {
        if let channels { return Int32(pixel[Int(channels[channel])]) &- 128 }
        return Int32(pixel[channel]) &- 128
    }
}

/// The row that a kernel writes.
public struct OutputRow {
    public var start: UnsafeMutablePointer<UInt8>
    public var width: Int
    public var pixelBytes: Int
    public var channels: UnsafePointer<UInt16>?

    @inlinable
    public init(
        start: UnsafeMutablePointer<UInt8>, width: Int, pixelBytes: Int, channels: UnsafePointer<UInt16>?
    ) {
        self.start = start
        self.width = width
        self.pixelBytes = pixelBytes
        self.channels = channels
    }

    @inlinable
    @inline(__always)
    public func store(_ value: Int8, x: Int, channel: Int) {
        let slot = if let channels { Int(channels[channel]) } else { channel }
        start[x * pixelBytes + slot] = UInt8(bitPattern: value) ^ 0x80
    }

    @inlinable
    public func load(x: Int, channel: Int) -> Int8 {
        let slot = if let channels { Int(channels[channel]) } else { channel }
        return Int8(bitPattern: start[x * pixelBytes + slot] ^ 0x80)
    }
}

/// The horizontal half of a window; the vertical half is in the row pointers.
public struct RowWindow {
    public var kernelHeight: Int
    public var kernelWidth: Int
    public var stride: Int
    public var dilation: Int
    public var paddingLeft: Int

    @inlinable
    public init(kernelHeight: Int, kernelWidth: Int, stride: Int, dilation: Int, paddingLeft: Int) {
        self.kernelHeight = kernelHeight
        self.kernelWidth = kernelWidth
        self.stride = stride
        self.dilation = dilation
        self.paddingLeft = paddingLeft
    }

    /// The pixel that tap (`ky`, `kx`) of output `x` reads; nil when it is padding.
    @inlinable
    @inline(__always)
    public func pixel(_ input: InputRows, x: Int, ky: Int, kx: Int) -> UnsafePointer<UInt8>? {
        let column = x * stride - paddingLeft + kx * dilation
        guard let row = input.rows[ky], column >= 0, column < input.width else { return nil }
        return row + column * input.pixelBytes
    }
}

/// Several output rows that are made together.
public struct SeveralRows {
    public var count: Int
    /// From one window to the next, down.
    public var stride: Int
    public var dilation: Int
    /// The rows from the first window's top to the last one's bottom: `(count - 1) * stride + (kernelHeight - 1) * dilation + 1`
    /// pointers to first pixels; nil where the row is padding.
    public var inputs: UnsafePointer<UnsafePointer<UInt8>?>
    /// `count` pointers to first pixels.
    public var outputs: UnsafePointer<UnsafeMutablePointer<UInt8>?>

    public init(
        count: Int, stride: Int, dilation: Int, inputs: UnsafePointer<UnsafePointer<UInt8>?>,
        outputs: UnsafePointer<UnsafeMutablePointer<UInt8>?>
    ) {
        self.count = count
        self.stride = stride
        self.dilation = dilation
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// The activation as bounds in the output's own steps, and the output's zero point.
public struct OutputRange {
    public var zeroPoint: Int32
    public var low: Int8
    public var high: Int8

    @inlinable
    public init(zeroPoint: Int8, low: Int8, high: Int8) {
        self.zeroPoint = Int32(zeroPoint)
        self.low = low
        self.high = high
    }

    @inlinable
    @inline(__always)
    public func clamp(_ value: Int32) -> Int8 {
        Int8(truncatingIfNeeded: min(max(value, Int32(low)), Int32(high)))
    }
}
