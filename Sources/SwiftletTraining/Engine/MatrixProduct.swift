/// The matrix product, by oneDNN: the only file of training that knows which library multiplies.
///
/// What it does not do: use threads; every caller multiplies its own share on its own thread.
import COneDNN

/// A row-major matrix somewhere in memory.
struct Matrix {
    var values: UnsafeMutablePointer<Float>
    /// Elements from one row to the next.
    var stride: Int
    var isTransposed = false
}

/// `c = a * b + (accumulate ? c : 0)`, with `c` of `rows` x `columns` and `depth` the length that is summed over.
func multiply(
    _ a: Matrix, _ b: Matrix, into c: Matrix, rows: Int, columns: Int, depth: Int, accumulate: Bool
) {
    let plain = CChar(UInt8(ascii: "N"))
    let transposed = CChar(UInt8(ascii: "T"))
    let status = dnnl_sgemm(
        a.isTransposed ? transposed : plain, b.isTransposed ? transposed : plain, dnnl_dim_t(rows),
        dnnl_dim_t(columns), dnnl_dim_t(depth), 1, a.values, dnnl_dim_t(a.stride), b.values, dnnl_dim_t(b.stride),
        accumulate ? 1 : 0, c.values, dnnl_dim_t(c.stride))
    precondition(status == dnnl_success, "oneDNN refused a \(rows)x\(columns)x\(depth) product: status \(status)")
}

/// Keeps oneDNN on the calling thread.
func useOneThreadForProducts() { omp_set_num_threads(1) }
