// The kernels for 64-bit Arm with products of unsigned by signed bytes (optional from Armv8.2, in every core from Armv8.6 on):
// the arena's bytes as they are, and for two pixels matrices of 2 x 8 by 8 x 2.
#if defined(__aarch64__)
#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)
#define NAME(x) sk_i8mm_##x
#define DOT_QUADS(acc, w, a) vusdotq_s32(acc, a, w)
#define DOT_QUAD(acc, w, a, quad) vsudotq_laneq_s32(acc, w, a, quad)
#define CASES_FOUR CASES_6
#define PIXELS_OF(vectors) ((vectors) > 2 ? 6 : 8)

#include "neondot.h"

INLINE int32x4_t NAME(firstHalves)(int32x4_t a, int32x4_t b) {
    return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

INLINE int32x4_t NAME(secondHalves)(int32x4_t a, int32x4_t b) {
    return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

// The sums of two pixels by four outputs as two matrices of two outputs each, and back: it is its own inverse.
INLINE void NAME(turn)(VI (*acc)[MOST_VECTORS], int P, int V) {
    UNROLL for (int p = 0; p + 2 <= P; p += 2)
        UNROLL for (int v = 0; v < V; v++) {
            int32x4_t a = acc[p][v], b = acc[p + 1][v];
            acc[p][v] = NAME(firstHalves)(a, b);
            acc[p + 1][v] = NAME(secondHalves)(a, b);
        }
}

// Four quads of pairs of pixels: the first two quads of both, the weights of two outputs for two quads, and so on.
INLINE void NAME(multiplyFour)(VI (*acc)[MOST_VECTORS], const uint8_t *const *a, int64_t offset, const int8_t *w, int P, int V) {
    uint8x16_t x[MOST_PIXELS];
    UNROLL for (int p = 0; p + 2 <= P; p += 2) {
        int32x4_t first = vreinterpretq_s32_u8(vld1q_u8(a[p] + offset));
        int32x4_t second = vreinterpretq_s32_u8(vld1q_u8(a[p + 1] + offset));
        x[p] = vreinterpretq_u8_s32(NAME(firstHalves)(first, second));
        x[p + 1] = vreinterpretq_u8_s32(NAME(secondHalves)(first, second));
    }
    UNROLL for (int half = 0; half < 2; half++)
        UNROLL for (int v = 0; v < V; v++) {
            int32x4_t first = vreinterpretq_s32_s8(vld1q_s8(w + (2 * half * V + v) * 16));
            int32x4_t second = vreinterpretq_s32_s8(vld1q_s8(w + ((2 * half + 1) * V + v) * 16));
            int8x16_t low = vreinterpretq_s8_s32(vzip1q_s32(first, second));
            int8x16_t high = vreinterpretq_s8_s32(vzip2q_s32(first, second));
            UNROLL for (int p = 0; p + 2 <= P; p += 2) {
                acc[p][v] = vusmmlaq_s32(acc[p][v], x[p + half], low);
                acc[p + 1][v] = vusmmlaq_s32(acc[p + 1][v], x[p + half], high);
            }
        }
}

INLINE int64_t NAME(takeQuads)(VI (*acc)[MOST_VECTORS], const uint8_t *const *a, const int8_t *w, int64_t quads,
                               const NAME(Scales) *scales, int P, int V) {
    (void)scales;
    if (quads < 4) return 0;
    int64_t q = 0;
    NAME(turn)(acc, P, V);
    for (; q + 4 <= quads; q += 4, w += V * 64) {
        NAME(multiplyFour)(acc, a, q * 4, w, P, V);
        if (P % 2) NAME(dotFour)(acc, a, q * 4, w, P - 1, P, V);
    }
    NAME(turn)(acc, P, V);
    return q;
}

#include "convolution.h"
#include "depthwiseneon.h"
#include "elementwiseneon.h"

const SKKernels sk_i8mm_table = TABLE("i8mm");
#pragma clang attribute pop
#endif
