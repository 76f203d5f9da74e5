/// The matrix product, by oneDNN: the only file of training that knows which library multiplies.
///
/// What it does not do: use threads; every caller multiplies its own share on its own thread.
import COneDNN
import CSwiftletTraining

/// How exactly the factors of matrix products are kept. Everything else, sums included, is float32.
public enum ProductPrecision: String, Hashable, Sendable, Codable, CaseIterable {
    case float32
    /// Eight bits of mantissa, the range of float32 (Kalamkar et al. 2019, arXiv:1905.12322), for processors that multiply
    /// them faster. With AMX on one core MobileNetV1 0.75 trains 1.45 times as fast, ShuffleNetV2 1.3, MobileNetV2 1.1;
    /// ShuffleNetV1's narrow groups lose a tenth.
    case bfloat16

    /// Whether this machine can multiply so.
    public var isAvailable: Bool {
        guard self == .bfloat16 else { return true }
        var one: (UInt16, Float) = (0x3f80, 0)
        return dnnl_gemm_bf16bf16f32(
            CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "N")), 1, 1, 1, 1, &one.0, 1, &one.0, 1, 0, &one.1, 1)
            == dnnl_success && one.1 == 1
    }
}

/// A row-major matrix somewhere in memory.
struct Matrix {
    var values: UnsafeMutablePointer<Float>
    /// Elements from one row to the next.
    var stride: Int
    var isTransposed = false

    fileprivate var letter: CChar { CChar(UInt8(ascii: isTransposed ? "T" : "N")) }
}

/// `c = a * b + (accumulate ? c : 0)`, with `c` of `rows` x `columns` and `depth` the length that is summed over.
func multiply(
    _ a: Matrix, _ b: Matrix, into c: Matrix, rows: Int, columns: Int, depth: Int, accumulate: Bool
) {
    let status = dnnl_sgemm(
        a.letter, b.letter, dnnl_dim_t(rows), dnnl_dim_t(columns), dnnl_dim_t(depth), 1, a.values,
        dnnl_dim_t(a.stride), b.values, dnnl_dim_t(b.stride), accumulate ? 1 : 0, c.values, dnnl_dim_t(c.stride))
    precondition(status == dnnl_success, "oneDNN refused a \(rows)x\(columns)x\(depth) product: status \(status)")
}

/// Multiplies in one precision, on one thread.
final class MatrixMultiplier {
    let precision: ProductPrecision
    private let kernels = st_kernels().pointee
    private var roundedA: [UInt16] = []
    private var roundedB: [UInt16] = []

    init(_ precision: ProductPrecision) { self.precision = precision }

    /// As `multiply` of float32 matrices. The factors lie in the cache, so rounding costs a tenth of what bfloat16 gains, half of
    /// it where both matrices are thin. (4096 rows of 24 by 96: 82 GFLOP/s float32, 164 with rounding; 256 by 384 by 384:
    /// 128 and 746; one core with AMX.)
    func multiply(
        _ a: Matrix, _ b: Matrix, into c: Matrix, rows: Int, columns: Int, depth: Int, accumulate: Bool
    ) {
        guard precision == .bfloat16 else {
            SwiftletTraining.multiply(
                a, b, into: c, rows: rows, columns: columns, depth: depth, accumulate: accumulate)
            return
        }
        let strideA = round(a, rows: rows, columns: depth, into: &roundedA)
        let strideB = round(b, rows: depth, columns: columns, into: &roundedB)
        let status = dnnl_gemm_bf16bf16f32(
            a.letter, b.letter, dnnl_dim_t(rows), dnnl_dim_t(columns), dnnl_dim_t(depth), 1, roundedA,
            dnnl_dim_t(strideA), roundedB, dnnl_dim_t(strideB), accumulate ? 1 : 0, c.values, dnnl_dim_t(c.stride))
        precondition(status == dnnl_success, "oneDNN refused a \(rows)x\(columns)x\(depth) product: status \(status)")
    }

    /// - Returns: elements from one row of `rounded` to the next.
    private func round(_ matrix: Matrix, rows: Int, columns: Int, into rounded: inout [UInt16]) -> Int {
        let (rows, columns) = matrix.isTransposed ? (columns, rows) : (rows, columns)
        if rounded.count < rows * columns { rounded = Array(repeating: 0, count: rows * columns) }
        kernels.roundToBFloat16(matrix.values, Int64(matrix.stride), Int64(rows), Int64(columns), &rounded)
        return columns
    }
}

/// Keeps oneDNN on the calling thread.
func useOneThreadForProducts() { omp_set_num_threads(1) }
