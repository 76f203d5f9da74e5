// What the pools of several instruction sets share.
#ifndef SWIFTLET_POOLING_H
#define SWIFTLET_POOLING_H
#include <stdint.h>

// A quotient of 16-bit numbers as a product: `floor(t / count) = t * factor >> 16` for every t that a sum of so many bytes, and
// half of the count, can be, for the factor is at most `excess / count` too large, and t * excess < 65536.
static inline int sk_hasFactor(int32_t count) {
    if (count < 2) return 0;
    const int32_t factor = (65536 + count - 1) / count, excess = factor * count - 65536, most = 255 * count + count / 2;
    return most < 65536 && (int64_t)most * excess < 65536;
}
#endif
