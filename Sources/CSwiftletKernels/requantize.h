// From accumulators to bytes, exactly as FixedPointMultiplier.apply rounds, at the price of a float product.
//
// With m the multiplier and e = -shift >= 0, the specification's two roundings are together
//
//     r = floor(a * m / 2^(31 + e) + 1/2 + s),   s = 0 for e = 0, else +2^-(e+1) for a >= 0 and -2^-(e+1) for a < 0
//
// (the first rounding adds 2^30 before its shift by 31; the second adds 2^(e-1), less 1 for a negative number, before its
// shift by e; floors of floors are one floor). The kernels compute y, near to 65536 * (that + zero point), in float:
// three roundings to 24 bits are off by less than 3 while the result is a byte's, so floor(y / 65536) can only be wrong where
// the low 16 bits of y are within MARGIN of 0. Those lanes, about one in 8,000, are done again in integers by `sk_settle`.
// An accumulator whose y does not fit into 32 bits becomes INT32_MIN, whose low bits are 0: it is settled, too.
// Gain over two 64-bit products and shifts: see the measurements in documentation of the kernels.
#ifndef SWIFTLET_REQUANTIZE_H
#define SWIFTLET_REQUANTIZE_H
#include "CSwiftletKernels.h"

// Units of y. The products are built so that a y in MARGIN..<65536-MARGIN below a byte's edge is right as it is; MARGIN is
// added to y, so the test is `low 16 bits < 2 * MARGIN`.
#define MARGIN 4

// The specification: `a` times the multiplier, rounded twice.
static inline int32_t sk_apply(int32_t a, int32_t multiplier, int32_t shift) {
    int32_t left = shift > 0 ? shift : 0, right = shift < 0 ? -shift : 0;
    int64_t product = (int64_t)(int32_t)((uint32_t)a << left) * multiplier;
    int32_t high = (int32_t)((product + (1ll << 30)) >> 31);
    int32_t mask = (int32_t)((1u << right) - 1);
    int32_t remainder = high & mask, threshold = (mask >> 1) + (high < 0);
    return (high >> right) + (remainder > threshold);
}

// Settles the lanes of `uncertain` in integers: `y[i] = 65536 * (byte before the clamp)`.
__attribute__((unused)) static void sk_settle(
    int32_t *y, const int32_t *acc, const int32_t *multiplier, const int8_t *shift, int32_t zeroPoint, uint64_t uncertain) {
    for (; uncertain; uncertain &= uncertain - 1) {
        int i = __builtin_ctzll(uncertain);
        int64_t value = (int64_t)sk_apply(acc[i], multiplier[i], shift[i]) + zeroPoint;
        y[i] = (int32_t)((value < -32768 ? -32768 : value > 32767 ? 32767 : value) * 65536);
    }
}
#endif
