// What the vector kernels for x86-64 share of an addition: its factors as floats, and the sums that these cannot tell.
//
// A sum's roundings are those of two products and of their sum. In steps of the output the first two are worth less than
// 2^-18 each, so one float expression tells the byte unless it comes near to an edge: within 8 / 65536 while neither input's
// step is more than the output's (products to 2^24 are off by 1, sums to 2^25 by 2), within 32 / 65536 for four times that.
#ifndef SWIFTLET_ADDITION_H
#define SWIFTLET_ADDITION_H
#include "requantize.h"

// `a * first + b * second + offset` is 65536 times the sum, and half of a step; low halves below `margin` are to be settled.
typedef struct {
    float first, second, offset;
    int32_t margin;
} SKSumScales;

// Returns 0 where the margin would not hold: more than 4 steps of the output for one of an input, or where the sum's own halves
// count.
static int sk_sumScales(SKSumScales *s, const SKAddition *p) {
    if (p->shift[0] > 0 || p->shift[1] > 0 || p->shift[2] > -14) return 0;
    double sum = (double)p->multiplier[2] / 2147483648.0 * (1.0 / (double)(1u << -p->shift[2]));
    double first = (double)p->multiplier[0] / 2147483648.0 / (double)(1u << -p->shift[0]) * 1048576.0 * sum;
    double second = (double)p->multiplier[1] / 2147483648.0 / (double)(1u << -p->shift[1]) * 1048576.0 * sum;
    if (first > 4 || second > 4) return 0;
    int margin = first <= 1 && second <= 1 ? 8 : 32;
    double offset = (p->zeroPoint - p->firstZeroPoint * first - p->secondZeroPoint * second) * 65536 + 32768 + margin;
    *s = (SKSumScales){(float)(first * 65536), (float)(second * 65536), (float)offset, 2 * margin};
    return 1;
}

__attribute__((noinline, cold)) static void sk_settleSum(uint8_t *y, const uint8_t *a, const uint8_t *b, const SKAddition *p,
                                                         uint64_t mask) {
    for (; mask; mask &= mask - 1) {
        int i = __builtin_ctzll(mask);
        int32_t first = sk_apply((int32_t)((uint32_t)(a[i] - p->firstZeroPoint) << 20), p->multiplier[0], p->shift[0]);
        int32_t second = sk_apply((int32_t)((uint32_t)(b[i] - p->secondZeroPoint) << 20), p->multiplier[1], p->shift[1]);
        int32_t sum = (int32_t)((uint32_t)first + (uint32_t)second);
        int64_t value = (int64_t)sk_apply(sum, p->multiplier[2], p->shift[2]) + p->zeroPoint;
        y[i] = (uint8_t)(value < p->low ? p->low : value > p->high ? p->high : value);
    }
}
#endif
