// The kernels for any 64-bit Arm: NEON, without a dot product of bytes.
//
// Bytes of the arena, less 128, and weights multiply to 16 bits, and the sum of two such products still fits unless both weights
// are -128, which no converter writes: a file that has it is added up one product at a time.
#if defined(__aarch64__)
#define NAME(x) sk_neon_##x
// Halves of the sums of outputs 0 and 1, and of 2 and 3.
#define VI int32x4x2_t
#define START(scales, v) ((int32x4x2_t){{vdupq_n_s32(0), vdupq_n_s32(0)}})
#define FINISH(acc, scales, v) vaddq_s32(vpaddq_s32((acc).val[0], (acc).val[1]), (scales)->bias[v])
#define ADD_FOURS(sum, w) vpadalq_s16(sum, vpaddlq_s8(w))
#define AS_SIGNED
#define MOST_PIXELS 6
#define CASES_ONE CASES_6
#define CASES_TWO CASES_4
#define CASES_THREE CASES_2
#define CASES_FOUR CASES_2
#define PIXELS_OF(vectors) ((vectors) == 1 ? 6 : (vectors) == 2 ? 4 : 2)

#include "neon.h"

INLINE int32x4x2_t NAME(dot)(int32x4x2_t acc, uint8x16_t a, int8x16_t w) {
    int8x16_t x = vreinterpretq_s8_u8(a);
    acc.val[0] = vpadalq_s16(acc.val[0], vmull_s8(vget_low_s8(w), vget_low_s8(x)));
    acc.val[1] = vpadalq_s16(acc.val[1], vmull_high_s8(w, x));
    return acc;
}

// Two quads at a time.
INLINE int64_t NAME(takeQuads)(VI (*acc)[MOST_VECTORS], const uint8_t *const *a, const int8_t *w, int64_t quads,
                               const NAME(Scales) *scales, int P, int V) {
    int64_t q = 0;
    for (; q + 2 <= quads && !scales->hasLowest; q += 2, w += V * 32) {
        int8x16_t x[MOST_PIXELS][2];
        UNROLL for (int p = 0; p < P; p++) {
            int32x2_t both = vreinterpret_s32_u8(veor_u8(vld1_u8(a[p] + q * 4), vdup_n_u8(0x80)));
            x[p][0] = vreinterpretq_s8_s32(vdupq_lane_s32(both, 0));
            x[p][1] = vreinterpretq_s8_s32(vdupq_lane_s32(both, 1));
        }
        UNROLL for (int v = 0; v < V; v++) {
            int8x16_t first = vld1q_s8(w + v * 16), second = vld1q_s8(w + (V + v) * 16);
            UNROLL for (int p = 0; p < P; p++) {
                int16x8_t low = vmlal_s8(vmull_s8(vget_low_s8(first), vget_low_s8(x[p][0])), vget_low_s8(second),
                                         vget_low_s8(x[p][1]));
                int16x8_t high = vmlal_high_s8(vmull_high_s8(first, x[p][0]), second, x[p][1]);
                acc[p][v].val[0] = vpadalq_s16(acc[p][v].val[0], low);
                acc[p][v].val[1] = vpadalq_s16(acc[p][v].val[1], high);
            }
        }
    }
    return q;
}

#include "convolution.h"
#include "depthwiseneon.h"
#include "elementwiseneon.h"

const SKKernels sk_neon_table = TABLE("neon");
#endif
