/// Products of all pairs of columns, summed over rows.
///
/// What it does not do: centre them.

/// Adds `rows' rows` to `sums`.
///
/// - Parameters:
///   - rows: `count` x `width`, row by row.
///   - sums: `width` x `width`.
public func addSecondMoments(of rows: inout [Float], count: Int, width: Int, to sums: inout [Double]) {
    var products = [Float](repeating: 0, count: width * width)
    rows.withUnsafeMutableBufferPointer { rows in
        products.withUnsafeMutableBufferPointer { products in
            multiply(
                Matrix(values: rows.baseAddress!, stride: width, isTransposed: true),
                Matrix(values: rows.baseAddress!, stride: width),
                into: Matrix(values: products.baseAddress!, stride: width), rows: width, columns: width, depth: count,
                accumulate: false)
        }
    }
    for index in products.indices { sums[index] += Double(products[index]) }
}
